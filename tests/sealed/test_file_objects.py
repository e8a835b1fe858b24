"""Sealed files in object stores: what comes back is what was stored, and what was tampered with is told before it leaves."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from confide.crypto.envelope import DataKey
from confide.crypto.errors import DoesNotOpen
from confide.sealed import file_objects
from confide.sealed.errors import NotWhole
from confide.store.objects.beside import Beside
from confide.store.objects.errors import ObjectExists, ObjectMissing
from confide.store.objects.folder import Folder
from confide.values.errors import ConfideError
from confide.values.ids import KeyRef, SubjectId, TenantId
from confide.values.place import Place
from confide.values.purpose import PurposeClass
from tests.store.objects.conftest import aws_server, bucket, objects  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from confide.crypto.stream import OpeningStream
    from confide.store.objects.protocol import ObjectStore

KEY = DataKey(KeyRef(b"key-ref!"), b"k" * 32)
NAME, OTHER = "ab/one", "ab/other"
MIB = 1024 * 1024
SIZES = [0, 1, 16 * 1024, MIB, 9 * MIB + 17]


def place(row: bytes = b"row") -> Place:
    """Where a file is at home."""
    return Place(TenantId(1), SubjectId(b"s" * 16), PurposeClass.CARE, b"t" * 16, b"c" * 16, row)


def opener(where: Place, header: bytes) -> OpeningStream:
    """Open under the one key of these tests."""
    return KEY.opening(where.context(), header)


def content(size: int) -> bytes:
    """Bytes in which a moved block shows."""
    return b"".join(at.to_bytes(8, "big") for at in range(size // 8 + 1))[:size]


async def pieces(plain: bytes, step: int = 300_000) -> AsyncIterator[bytes]:
    """Yield a file as a request body comes."""
    for start in range(0, len(plain), step):
        yield plain[start : start + step]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a folder of objects is."""
    return tmp_path / "store"


def left(folder: Path) -> list[str]:
    """The names of the files in a folder."""
    return [path.name for path in folder.rglob("*") if path.is_file()]


def descriptors() -> int:
    """How many files this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture
def beside(folder: Path) -> Iterator[Beside]:
    """A folder beside the event loop."""
    made = Beside(Folder(folder))
    yield made
    made.close()


async def stored(beside: Beside, name: str, plain: bytes, where: Place | None = None) -> None:
    """Store a file."""
    assert await file_objects.put_pieces(beside, name, KEY, where or place(), pieces(plain)) == len(plain)


async def fetched(beside: Beside, name: str, size: int) -> tuple[bytes, BaseException | None]:
    """What came out of a file, and the error that ended it."""
    came = b""
    try:
        async for piece in file_objects.get_pieces(beside, name, opener, place(), size):
            came += piece
    except ConfideError as error:
        return came, error
    return came, None


@pytest.mark.parametrize("size", SIZES)
async def test_a_file_comes_back_both_ways(objects: ObjectStore, size: int) -> None:  # noqa: F811
    """Stored from a file object or from an iterator, read into either, in a folder and in S3."""
    beside = Beside(objects)
    plain = content(size)
    assert file_objects.put(objects, NAME, KEY, place(), io.BytesIO(plain)) == size
    await stored(beside, OTHER, plain)
    target = io.BytesIO()
    count = file_objects.get(objects, OTHER, opener, place(), target)
    came, error = await fetched(beside, NAME, size)
    beside.close()

    assert (came, error) == (plain, None)
    assert (target.getvalue(), count) == (plain, size)


@pytest.mark.parametrize("change", [-1, -17, -5000, 1, 16_400])
async def test_a_file_of_another_length_lets_nothing_out(beside: Beside, folder: Path, change: int) -> None:
    """Cut off or continued: the length alone tells, before the first byte."""
    await stored(beside, NAME, content(100_000))
    path = folder / NAME
    os.truncate(path, path.stat().st_size + change)
    came, error = await fetched(beside, NAME, 100_000)

    assert came == b""
    assert isinstance(error, NotWhole)
    with pytest.raises(DoesNotOpen):
        file_objects.get(beside.objects, NAME, opener, place(), io.BytesIO())


async def test_swapped_files_let_nothing_out(beside: Beside, folder: Path) -> None:
    """Each is authentic, of the right length, and in the other's place."""
    await stored(beside, NAME, content(100_000))
    await stored(beside, OTHER, content(100_000)[::-1], place(b"other row"))
    (folder / NAME).rename(folder / "ab/x")
    (folder / OTHER).rename(folder / NAME)
    came, error = await fetched(beside, NAME, 100_000)

    assert came == b""
    assert isinstance(error, DoesNotOpen)


async def test_a_damaged_file_ends_where_the_damage_is(beside: Beside, folder: Path) -> None:
    """What came before is right, and the error says that it is not all."""
    await stored(beside, NAME, content(5 * MIB))
    with (folder / NAME).open("r+b") as file:
        file.seek(3 * MIB)
        file.write(b"damage")
    came, error = await fetched(beside, NAME, 5 * MIB)

    assert content(5 * MIB).startswith(came)
    assert MIB < len(came) < 3 * MIB
    assert isinstance(error, DoesNotOpen)


async def test_a_missing_file_is_told(beside: Beside) -> None:
    """As what it is, and not as a damaged one."""
    came, error = await fetched(beside, NAME, 5)

    assert came == b""
    assert isinstance(error, ObjectMissing)


async def test_an_upload_that_breaks_leaves_nothing(beside: Beside, folder: Path) -> None:
    """The error of the sender goes on, and neither object nor beginning stays."""

    async def breaking() -> AsyncIterator[bytes]:
        yield content(3 * MIB)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await file_objects.put_pieces(beside, NAME, KEY, place(), breaking())
    assert left(folder) == []


async def test_a_cancelled_upload_leaves_nothing(beside: Beside, folder: Path) -> None:
    """Whether it waits for the sender or for the disk at that moment."""
    reached = asyncio.Event()

    async def hanging() -> AsyncIterator[bytes]:
        yield content(2 * MIB)
        reached.set()
        await asyncio.sleep(60)

    task = asyncio.ensure_future(file_objects.put_pieces(beside, NAME, KEY, place(), hanging()))
    await reached.wait()
    before = left(folder)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert before == ["one.part"]
    assert left(folder) == []


async def test_a_name_in_use_is_left_alone(beside: Beside) -> None:
    """The second file is refused, and the first still opens."""
    await stored(beside, NAME, b"first")

    with pytest.raises(ObjectExists):
        await stored(beside, NAME, b"second")
    assert await fetched(beside, NAME, 5) == (b"first", None)


async def test_a_reader_that_stops_early_lets_go_of_the_file(beside: Beside) -> None:
    """As when a client hangs up: no descriptor stays open."""
    await stored(beside, NAME, content(5 * MIB))
    before = descriptors()
    for _ in range(5):
        reader = file_objects.get_pieces(beside, NAME, opener, place(), 5 * MIB)
        await anext(reader)
        await reader.aclose()

    assert descriptors() == before


async def test_a_slow_store_holds_up_nobody_else(beside: Beside) -> None:
    """While a call waits, the loop runs on, and so do other calls."""
    gate = threading.Event()
    waiting = asyncio.ensure_future(beside.call(gate.wait, 30))
    came = await beside.call(lambda number: number + 1, 41)
    still = not waiting.done()
    gate.set()

    assert (came, still, await waiting) == (42, True, True)


async def test_a_cancelled_call_waits_for_its_thread(beside: Beside) -> None:
    """Whoever was cancelled goes on only when nobody else works on the object any more."""
    gate, over = threading.Event(), threading.Event()

    def work() -> None:
        gate.wait(30)
        over.set()

    task = asyncio.ensure_future(beside.call(work))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.sleep(0.05)
    early = task.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not early
    assert over.is_set()
