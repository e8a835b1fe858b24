"""Documents: what was sealed comes back, and no stored frame is trusted with more than it may have."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import charts
from confide.crypto.envelope import FLAG_PADDED, FLAG_ZSTD, DataKey, Suite, read_header
from confide.crypto.errors import CryptoError, DoesNotOpen, NotAnEnvelope
from confide.sealed import documents
from confide.sealed.documents import DICTIONARY, MAX_BYTES, NO_DICTIONARY, seal, unseal
from confide.sealed.errors import DocumentTooLarge, NotADocument
from confide.values.ids import KeyRef, SubjectId, TenantId
from confide.values.place import Place
from confide.values.purpose import PurposeClass
from tests.ground import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = DataKey(KeyRef(b"key-ref!"), b"k" * 32)
PLACE = Place(TenantId(1), SubjectId(b"s" * 16), PurposeClass.CARE, b"t" * 16, b"c" * 16, b"row")
MAGIC = b"\x28\xb5\x2f\xfd"
DICTIONARY_1 = "a09c21412a900f144c35639792b40663bdffc2240c0cb7c75af328549921a52d"  # pragma: allowlist secret
SINGLE_SEGMENT_8 = b"\xe0"
"""Frame header descriptor (RFC 8878 3.1.1.1.1): one segment, and a content size of eight bytes."""


def opener(place: Place, envelope: bytes) -> bytes:
    """What `access/unseal.py` hands over, without the permit."""
    return KEY.open(place.context(), envelope)


def sealed(content: bytes, flags: int = FLAG_ZSTD, dictionary: int = 0) -> bytes:
    """An envelope of whatever content, made by someone who holds the key."""
    return KEY.seal(Suite.COBBLESTONE_256, PLACE.context(), content, flags=flags, dictionary=dictionary)


def frame(claim: int, blocks: bytes) -> bytes:
    """A frame that claims a size, over blocks of any other."""
    return MAGIC + SINGLE_SEGMENT_8 + claim.to_bytes(8, "little") + blocks


def blocks(text: bytes) -> bytes:
    """The blocks of a frame without its header: a magic, a descriptor and a window come first."""
    made = zstandard.ZstdCompressor(write_content_size=False, write_checksum=False).compress(text)
    assert made[:5] == MAGIC + b"\x00"
    return made[6:]


@given(st.one_of(st.binary(max_size=2000), st.binary(min_size=1, max_size=20).map(lambda one: one * 5000)))
def test_a_document_comes_back(content: bytes) -> None:
    """Byte for byte, the empty one included, compressed and in the key-committing suite."""
    envelope = seal(KEY, PLACE, content)
    header = read_header(envelope)

    assert unseal(opener, PLACE, envelope) == content
    assert (header.suite, header.flags, header.dictionary) == (Suite.COBBLESTONE_256, FLAG_ZSTD, DICTIONARY)


@given(st.binary(max_size=2000))
def test_a_document_from_before_the_dictionary_comes_back(content: bytes) -> None:
    """What was stored under number 0 stays readable."""
    assert unseal(opener, PLACE, sealed(zstandard.ZstdCompressor().compress(content), dictionary=NO_DICTIONARY)) == content


def test_a_dictionary_never_changes() -> None:
    """Documents that were sealed with it would not open; another one gets another number."""
    content = Path(documents.__file__).with_name("dictionaries").joinpath(f"{DICTIONARY}.zdict").read_bytes()

    assert hashlib.sha256(content).hexdigest() == DICTIONARY_1


def test_the_dictionary_makes_a_resource_small() -> None:
    """An Observation of 861 bytes takes less than a third of its length; alone it would compress to more than half."""
    content = json.dumps(charts.observation("p1", 1), separators=(",", ":")).encode()

    assert len(zstandard.ZstdCompressor().compress(content)) > len(content) / 2
    assert len(seal(KEY, PLACE, content)) < len(content) / 3


@given(st.binary(max_size=300), st.data())
def test_a_changed_document_does_not_open(content: bytes, data: st.DataObject) -> None:
    """Not a bit of header or body may differ."""
    envelope = bytearray(seal(KEY, PLACE, content))
    bit = data.draw(st.integers(0, len(envelope) * 8 - 1))
    envelope[bit // 8] ^= 1 << bit % 8

    with pytest.raises(CryptoError):
        unseal(opener, PLACE, bytes(envelope))


@pytest.mark.parametrize("flags", [0, FLAG_PADDED, FLAG_ZSTD | FLAG_PADDED, 4, 255])
def test_flags_cannot_be_changed(flags: int) -> None:
    """Whoever takes the mark of compression away does not get the frame for a document; unknown marks are no envelope."""
    envelope = bytearray(seal(KEY, PLACE, b"chart"))
    envelope[2] = flags

    with pytest.raises(NotAnEnvelope if flags > FLAG_ZSTD | FLAG_PADDED else DoesNotOpen):
        unseal(opener, PLACE, bytes(envelope))


@pytest.mark.parametrize(
    ("flags", "dictionary"), [(0, 0), (FLAG_PADDED, 0), (FLAG_ZSTD | FLAG_PADDED, 0), (FLAG_ZSTD, 2), (FLAG_ZSTD, 255)]
)
def test_a_form_that_is_not_written_is_not_read(flags: int, dictionary: int) -> None:
    """Padding would end up in the answer, and a dictionary that is not there cannot be guessed."""
    content = zstandard.ZstdCompressor().compress(b"chart")

    with pytest.raises(NotADocument):
        unseal(opener, PLACE, sealed(content, flags, dictionary))


FORGED = {
    "nothing": lambda: b"",
    "no frame": lambda: b"chart",
    "an empty frame header": lambda: MAGIC,
    "a frame without its size": lambda: zstandard.ZstdCompressor(write_content_size=False).compress(b"chart"),
    "a skippable frame": lambda: b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd",
    "bytes after the frame": lambda: zstandard.ZstdCompressor().compress(b"chart") + b"more",
    "two frames": lambda: zstandard.ZstdCompressor().compress(b"chart") * 2,
    "a frame that was cut": lambda: zstandard.ZstdCompressor().compress(b"chart" * 1000)[:-1],
    "a size too small": lambda: frame(10, blocks(b"a" * 1000)),
    "a size one too small": lambda: frame(999, blocks(b"a" * 1000)),
    "a size one too large": lambda: frame(1001, blocks(b"a" * 1000)),
    "a size of the most that is allowed": lambda: frame(MAX_BYTES, blocks(b"a" * 1000)),
    "a size above it": lambda: frame(MAX_BYTES + 1, blocks(b"a" * 1000)),
    "the largest size there is": lambda: frame(2**64 - 3, blocks(b"a" * 1000)),
    "a bomb": lambda: zstandard.ZstdCompressor().compress(bytes(MAX_BYTES + 1)),
    "a bomb that says nothing": lambda: zstandard.ZstdCompressor(write_content_size=False).compress(bytes(MAX_BYTES + 1)),
    "a frame with a dictionary": lambda: zstandard.ZstdCompressor(
        dict_data=zstandard.ZstdCompressionDict(b"chart " * 100, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    ).compress(b"chart " * 50)[:-3],
}


@pytest.mark.parametrize("dictionary", [NO_DICTIONARY, DICTIONARY])
@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_frame_that_lies_is_refused(forged: Callable[[], bytes], dictionary: int) -> None:
    """Even sealed under the right key in the right place: with one sentence of ours."""
    with pytest.raises(NotADocument, match="no document"):
        unseal(opener, PLACE, sealed(forged(), dictionary=dictionary))


def test_a_true_size_is_believed() -> None:
    """The forged frames above are refused for their size alone: with the right one the same blocks are a document."""
    assert unseal(opener, PLACE, sealed(frame(1000, blocks(b"a" * 1000)))) == b"a" * 1000


def test_a_bomb_takes_no_memory() -> None:
    """Opened in a process that may have little more than it has: a few kilobytes do not become 64 MiB."""
    bombs = ("a size above it", "the largest size there is", "a bomb", "a bomb that says nothing")
    program = """if True:
        import sys, resource
        from tests.sealed.test_documents import *

        envelopes = [sealed(FORGED[name]()) for name in sys.argv[1:]]
        have = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (have + 16 * 1024 * 1024,) * 2)
        for envelope in envelopes:
            try:
                unseal(opener, PLACE, envelope)
            except NotADocument:
                print("refused")
        """
    found = subprocess.run([sys.executable, "-c", program, *bombs], capture_output=True, text=True, check=False, cwd=ROOT)

    assert found.stdout.split() == ["refused"] * len(bombs), found.stderr[-500:]


def test_what_would_not_open_is_not_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The most that is sealed is the most that opens, so that nothing is stored for ever unread."""
    monkeypatch.setattr(documents, "MAX_BYTES", 1000)

    assert unseal(opener, PLACE, seal(KEY, PLACE, b"a" * 1000)) == b"a" * 1000
    with pytest.raises(DocumentTooLarge):
        seal(KEY, PLACE, b"a" * 1001)


def test_threads_do_not_spoil_each_others_documents() -> None:
    """The engines of compression work without the interpreter's lock."""
    contents = [bytes([65 + at]) * 100_000 + str(at).encode() * 30_000 for at in range(8)]

    def there_and_back(content: bytes) -> bool:
        return all(unseal(opener, PLACE, seal(KEY, PLACE, content)) == content for _ in range(60))

    with ThreadPoolExecutor(len(contents)) as pool:
        kept = list(pool.map(there_and_back, contents))

    assert kept == [True] * len(contents)
