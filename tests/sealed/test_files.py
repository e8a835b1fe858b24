"""Files: any size, any pieces, in memory that does not grow; what is changed, cut, moved or swapped is told and never handed on."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.crypto.envelope import HEADER_BYTES, DataKey, Suite
from confide.crypto.errors import CryptoError, DoesNotOpen, NotAnEnvelope
from confide.crypto.stream import PREAMBLE_BYTES, ROOM_BYTES, SEGMENT_BYTES, TAG_BYTES, UPDATE_BYTES
from confide.sealed import documents, file_pump, files
from confide.sealed.errors import NotAFile
from confide.sealed.file_pump import ROOMS, pump
from confide.values.ids import KeyRef, SubjectId, TenantId
from confide.values.place import Place
from confide.values.purpose import PurposeClass

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from confide.crypto.stream import OpeningStream

IDLE = file_pump.idle_processor
KEY = DataKey(KeyRef(b"key-ref!"), b"k" * 32)
MIB = UPDATE_BYTES
LONGEST = 2 * MIB + 3 * SEGMENT_BYTES
SIZES = st.one_of(
    st.integers(0, 3 * SEGMENT_BYTES),
    st.builds(lambda base, off: max(0, base + off), st.sampled_from([SEGMENT_BYTES, MIB, MIB - ROOM_BYTES, 2 * MIB]), st.integers(-20, 20)),
)
CUTS = st.lists(st.integers(0, LONGEST), max_size=6)


@pytest.fixture(scope="module", autouse=True, params=[True, False], ids=["a processor idle", "all busy"])
def idle(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Run every test with a thread that writes, and without."""
    original = file_pump.idle_processor
    file_pump.idle_processor = lambda: request.param
    yield request.param
    file_pump.idle_processor = original


def place(row: bytes = b"row", subject: bytes = b"s" * 16, tenant: int = 1, purpose: PurposeClass = PurposeClass.CARE) -> Place:
    """Where a file is at home."""
    return Place(TenantId(tenant), SubjectId(subject), purpose, b"t" * 16, b"c" * 16, row)


def opener(where: Place, header: bytes) -> OpeningStream:
    """Open under the one key of these tests."""
    return KEY.opening(where.context(), header)


def content(size: int) -> bytes:
    """Bytes in which a moved segment shows."""
    return b"".join(at.to_bytes(4, "big") for at in range(size // 4 + 1))[:size]


CONTENT = content(LONGEST + 100)


def sealed(plain: bytes, where: Place | None = None) -> bytes:
    """Seal from and to file objects."""
    target = io.BytesIO()
    assert files.seal(KEY, where or place(), io.BytesIO(plain), target) == len(plain)
    return target.getvalue()


def unsealed(envelope: bytes, where: Place | None = None) -> bytes:
    """Open from and to file objects."""
    target = io.BytesIO()
    assert files.unseal(opener, where or place(), io.BytesIO(envelope), target) == len(target.getvalue())
    return target.getvalue()


def partly(envelope: bytes) -> bytes:
    """What was handed on of a file that does not open."""
    target = io.BytesIO()
    with pytest.raises((CryptoError, NotAFile)):  # a changed flag makes another kind of value of it
        files.unseal(opener, place(), io.BytesIO(envelope), target)
    return target.getvalue()


async def pieces(whole: bytes, cuts: list[int]) -> AsyncIterator[bytes]:
    """Yield bytes in pieces; some are empty."""
    for start, end in pairwise([0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]):
        yield whole[start:end]


class Trickle(io.RawIOBase):
    """A source that gives a few bytes at a time, as a socket does."""

    def __init__(self, whole: bytes, most: int) -> None:
        self._whole, self._most = io.BytesIO(whole), most

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        return self._whole.readinto(memoryview(room)[: self._most])


class Slow(io.BytesIO):
    """A target that takes a part of what it is offered, as a disk that gets full."""

    def write(self, piece: Any) -> int:
        return super().write(bytes(piece[: max(1, len(piece) // 3)]))


@given(SIZES)
def test_what_was_sealed_comes_out(size: int) -> None:
    """Around the borders of segments and of pieces; the length of the envelope is known beforehand."""
    envelope = sealed(CONTENT[:size])

    assert len(envelope) == files.length(size)
    assert unsealed(envelope) == CONTENT[:size]


@given(SIZES)
def test_a_file_is_an_envelope_like_any_other(size: int) -> None:
    """`DataKey.open` opens it, and what `DataKey.seal` sealed opens as a file."""
    plain = CONTENT[:size]

    assert KEY.open(place().context(), sealed(plain)) == plain
    assert unsealed(KEY.seal(Suite.COBBLESTONE_256, place().context(), plain)) == plain


@given(SIZES, CUTS, CUTS)
async def test_iterators_and_file_objects_are_one_format(size: int, cuts: list[int], again: list[int]) -> None:
    """What was sealed piece by piece opens from a file, and the other way round, however it is cut."""
    plain = CONTENT[:size]
    by_pieces = b"".join([bytes(piece) async for piece in files.seal_pieces(KEY, place(), pieces(plain, cuts))])
    opened = b"".join([piece async for piece in files.unseal_pieces(opener, place(), pieces(sealed(plain), again))])

    assert unsealed(by_pieces) == plain
    assert opened == plain


@given(CUTS, st.integers(0, LONGEST))
async def test_pieces_are_gathered_to_a_mebibyte(cuts: list[int], size: int) -> None:
    """However small they come, so that a store gets few and equal ones; no byte is lost or moved."""
    came = [bytes(piece) async for piece in files.gather(pieces(CONTENT[:size], cuts))]

    assert b"".join(came) == CONTENT[:size]
    assert [len(piece) for piece in came[:-1]] == [MIB] * (size // MIB - (size % MIB == 0 and size > 0))
    assert all(came)


@pytest.mark.parametrize("most", [1, 1000, MIB - 1])
def test_a_source_may_give_few_bytes_at_a_time(most: int) -> None:
    """As pipes and sockets do."""
    plain = CONTENT[: MIB + 5000] if most > 1 else CONTENT[:5000]
    target = io.BytesIO()
    files.seal(KEY, place(), Trickle(plain, most), target)
    back = io.BytesIO()
    files.unseal(opener, place(), Trickle(target.getvalue(), most), back)

    assert back.getvalue() == plain


@pytest.mark.parametrize("size", [1000, 2 * MIB])
def test_a_target_may_take_a_part(size: int) -> None:
    """The rest is offered again: nothing is lost without a word."""
    target = Slow()
    files.seal(KEY, place(), io.BytesIO(CONTENT[:size]), target)

    assert unsealed(target.getvalue()) == CONTENT[:size]


@given(st.integers(MIB, LONGEST), st.data())
def test_a_flipped_bit_is_told_and_nothing_wrong_comes_out(size: int, data: st.DataObject) -> None:
    """Also in a file so large that another thread writes it."""
    envelope = bytearray(sealed(CONTENT[:size]))
    bit = data.draw(st.integers(0, 8 * len(envelope) - 1))
    envelope[bit // 8] ^= 1 << (bit % 8)

    assert CONTENT[:size].startswith(partly(bytes(envelope)))


@pytest.mark.parametrize("bit", range(8 * HEADER_BYTES))
def test_a_flipped_bit_of_the_header_is_told(bit: int) -> None:
    """Each of them; not a byte comes out."""
    envelope = bytearray(sealed(b"content"))
    envelope[bit // 8] ^= 1 << (bit % 8)

    assert partly(bytes(envelope)) == b""


@given(st.sampled_from([0, 5, SEGMENT_BYTES, MIB, 2 * MIB]), st.integers(1, 3), st.integers(-1, 1))
def test_a_file_that_was_cut_off_is_told(size: int, segments: int, off: int) -> None:
    """At every border and beside it."""
    envelope = sealed(CONTENT[:size])
    end = HEADER_BYTES + PREAMBLE_BYTES + segments * (SEGMENT_BYTES + TAG_BYTES) + off

    assert CONTENT[:size].startswith(partly(envelope[: min(end, len(envelope) - 1)]))


@given(st.sampled_from([0, 5, SEGMENT_BYTES, 2 * MIB]), st.binary(min_size=1, max_size=100))
def test_an_appended_byte_is_told(size: int, more: bytes) -> None:
    """Whatever it is, and however many."""
    assert CONTENT[:size].startswith(partly(sealed(CONTENT[:size]) + more))


@pytest.mark.parametrize(
    "elsewhere", [place(row=b"other"), place(subject=b"o" * 16), place(tenant=2), place(purpose=PurposeClass.COMMONS)], ids=str
)
def test_a_file_opens_at_home_alone(elsewhere: Place) -> None:
    """Another row, person, tenant or purpose: not a byte comes out."""
    target = io.BytesIO()
    with pytest.raises(DoesNotOpen):
        files.unseal(opener, place(), io.BytesIO(sealed(CONTENT[: 2 * MIB], elsewhere)), target)

    assert target.getvalue() == b""


@pytest.mark.parametrize("left", [0, 1, HEADER_BYTES - 1])
def test_less_than_a_header_is_no_file(left: int) -> None:
    """Nor is nothing at all."""
    with pytest.raises(NotAnEnvelope):
        unsealed(sealed(b"x")[:left])


@pytest.mark.parametrize("left", [0, 1, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 10])
async def test_iterators_that_end_early_are_told(left: int) -> None:
    """Before the first byte of content as well."""
    with pytest.raises(CryptoError):
        [piece async for piece in files.unseal_pieces(opener, place(), pieces(sealed(b"x")[:left], []))]


async def test_a_document_is_no_file() -> None:
    """Its compressed bytes would come out as if they were the content; both ways refuse."""
    document = documents.seal(KEY, place(), b'{"resourceType":"Patient"}')

    with pytest.raises(NotAFile):
        unsealed(document)
    with pytest.raises(NotAFile):
        [piece async for piece in files.unseal_pieces(opener, place(), pieces(document, []))]


def test_a_target_that_fails_stops_the_work(tmp_path: Path) -> None:
    """Its error is raised, although it happened in another thread, and that thread is gone."""

    class Broken(io.BytesIO):
        def write(self, piece: Any) -> int:
            if self.tell() > MIB:
                raise OSError(28, "No space left on device")
            return super().write(piece)

    before = threading.active_count()
    read = io.BytesIO(bytes(64 * MIB))
    with pytest.raises(OSError, match="No space"):
        files.seal(KEY, place(), read, Broken())

    assert threading.active_count() == before
    assert read.tell() <= (2 + 2 * ROOMS) * MIB


def test_a_target_that_fails_once_and_late_is_told() -> None:
    """Only the last piece that the other thread writes is lost, when nothing more is there to be filled."""

    class Once(io.BytesIO):
        failed = False

        def write(self, piece: Any) -> int:
            if self.tell() > 2 * MIB and not self.failed:
                self.failed = True
                raise OSError(5, "Input/output error")
            return super().write(piece)

    with pytest.raises(OSError, match="Input/output"):
        files.seal(KEY, place(), io.BytesIO(CONTENT[: 2 * MIB + 2 * SEGMENT_BYTES]), Once())


def test_a_source_that_fails_stops_the_work() -> None:
    """Its error is raised, and no thread is left waiting."""

    class Broken(io.RawIOBase):
        def __init__(self) -> None:
            self.given = 0

        def readinto(self, room: Any) -> int:
            self.given += len(room)
            if self.given > 3 * MIB:
                raise ConnectionResetError
            return len(room)

    before = threading.active_count()
    with pytest.raises(ConnectionResetError):
        files.seal(KEY, place(), Broken(), io.BytesIO())

    assert threading.active_count() == before


def test_what_does_not_wait_is_refused() -> None:
    """A pipe that is set not to block would lose bytes without a word."""
    out, into = os.pipe()
    os.set_blocking(out, False)
    with os.fdopen(out, "rb", buffering=0) as source, pytest.raises(BlockingIOError):
        files.seal(KEY, place(), source, io.BytesIO())
    os.close(into)


def test_memory_does_not_grow_with_the_file() -> None:
    """Sealing 64 MiB takes the same few rooms as 4 MiB."""
    process = psutil.Process()

    class Endless(io.RawIOBase):
        """Gives zeros up to a size, is nowhere stored, and looks at what the process takes meanwhile."""

        def __init__(self, left: int) -> None:
            self.left, self.peak = left, 0

        def readinto(self, room: Any) -> int:
            got = min(self.left, len(room))
            self.left -= got
            self.peak = max(self.peak, process.memory_info().rss)
            return got

    class Nowhere:
        def write(self, piece: Any) -> int:
            return len(piece)

    def peak(size: int) -> int:
        source = Endless(size)
        files.seal(KEY, place(), source, Nowhere())
        return source.peak

    small = peak(4 * MIB)

    assert peak(64 * MIB) - small < 2 * MIB


@pytest.mark.parametrize("size", [0, 5000, MIB - 1, MIB, 3 * MIB + 77])
def test_a_file_on_a_disk_has_exactly_its_length(tmp_path: Path, size: int) -> None:
    """Room is reserved beforehand, and none of it is left over; wherever in the files one begins."""
    plain, envelope, back = (tmp_path / name for name in ("plain", "envelope", "back"))
    plain.write_bytes(b"skipped" + (CONTENT + bytes(2 * MIB))[:size])
    with plain.open("rb") as source, envelope.open("wb") as target:
        source.read(7)
        target.write(b"before")
        files.seal(KEY, place(), source, target)
    with envelope.open("rb", buffering=0) as sealed_source, back.open("wb", buffering=0) as opened_target:
        sealed_source.seek(6)
        files.unseal(opener, place(), sealed_source, opened_target)

    assert envelope.stat().st_size == 6 + files.length(size)
    assert back.read_bytes() == plain.read_bytes()[7:]
    for path in (envelope, back):
        assert path.stat().st_blocks * 512 <= path.stat().st_size + 64 * 1024


def test_a_disk_without_room_says_so_before_the_first_byte(tmp_path: Path) -> None:
    """While there is still nothing to take back, and nothing of the disk is taken."""
    with (tmp_path / "plain").open("wb") as file:
        file.truncate(8 * 1024**4)  # more than the disk of any machine that runs tests has left; nothing of it is written

    def seal() -> None:
        with (tmp_path / "plain").open("rb") as source, (tmp_path / "envelope").open("wb") as target:
            files.seal(KEY, place(), source, target)

    with pytest.raises(OSError, match="No space"):
        seal()

    assert (tmp_path / "envelope").stat().st_size == (tmp_path / "envelope").stat().st_blocks == 0


@given(st.integers(0, 10 * SEGMENT_BYTES))
def test_the_length_of_the_content_is_known_beforehand(size: int) -> None:
    """From the length of the message alone."""
    assert files.opened_length(files.length(size) - HEADER_BYTES) == size


def test_a_busy_machine_is_told_from_an_idle_one() -> None:
    """By the threads that want to run: as many busy processes as processors leave none idle."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        time.sleep(0.3)
        told = [IDLE() for _ in range(20)]
    finally:
        for process in busy:
            process.kill()
            process.wait()

    assert not any(told)


def test_the_pump_counts_what_it_moves() -> None:
    """Both sides, for one piece and for many."""

    def half(piece: memoryview, room: memoryview) -> int:
        room[: len(piece) // 2] = piece[: len(piece) // 2]
        return len(piece) // 2

    small, large = io.BytesIO(), io.BytesIO()

    assert pump(io.BytesIO(bytes(10)), half, small) == (10, 5)
    assert pump(io.BytesIO(bytes(4 * MIB)), half, large) == (4 * MIB, 2 * MIB)
    assert (len(small.getvalue()), len(large.getvalue())) == (5, 2 * MIB)
