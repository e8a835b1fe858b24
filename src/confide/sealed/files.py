"""Files of any size, sealed in their place: from and to file objects, and from and to asynchronous iterators.

A file is one envelope in suite 2, not compressed: scans, pictures and PDFs are compressed already, and zstd would take ten times as
long as the encryption. Its length is therefore told by the length of the envelope (`length`).

**What comes out before the end.** Every byte that is handed on was authenticated, in its order. But until the last byte was handed on
without an error, it may be the beginning only: that a file was cut off shows at its end. Whoever stores what comes out gives it its name
after that, and whoever passes it on breaks the connection off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.crypto.envelope import HEADER_BYTES, parse_header
from confide.crypto.stream import PREAMBLE_BYTES, SEGMENT_BYTES, TAG_BYTES, UPDATE_BYTES, message_length
from confide.sealed.errors import NotAFile
from confide.sealed.file_pump import fill, pump, reserve_for, write_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable

    from confide.crypto.envelope import DataKey
    from confide.crypto.stream import OpeningStream, Piece
    from confide.sealed.file_pump import Source, Target
    from confide.values.place import Place

    StreamOpener = Callable[[Place, bytes], OpeningStream]
    """From a place and a header to a stream; `access.unseal.stream_opener` makes one."""


def length(plaintext: int) -> int:
    """Return how long the envelope of a file of so many bytes is."""
    return HEADER_BYTES + message_length(plaintext)


def opened_length(message: int) -> int:
    """Return how many bytes of content a message of such a length holds, the header left out."""
    segments = (message - PREAMBLE_BYTES) // (SEGMENT_BYTES + TAG_BYTES) + 1
    return message - PREAMBLE_BYTES - segments * TAG_BYTES


def seal(key: DataKey, place: Place, source: Source, target: Target) -> int:
    """Seal what a file object gives into another, and return how many bytes it gave.

    The target is written to from another thread when there is more than 1 MiB.
    """
    stream = key.sealing(place.context())
    reserve_for(source, target, length)
    write_all(target, memoryview(stream.header))
    size, _ = pump(source, stream.update_into, target, len(stream.header))
    write_all(target, memoryview(stream.finish()))
    return size


def unseal(opener: StreamOpener, place: Place, source: Source, target: Target) -> int:
    """Open what a file object gives into another, and return how many bytes came out. Until this returns, the target holds a beginning.

    Raises:
        DoesNotOpen, NotAnEnvelope, KeysError: not at home in `place`, changed, or cut off.
        NotAFile: an envelope of another kind.
    """
    header = bytearray(HEADER_BYTES)
    stream = _opening(opener, place, bytes(header[: fill(source, memoryview(header))]))
    reserve_for(source, target, opened_length)
    _, size = pump(source, stream.update_into, target)
    last = stream.finish()
    write_all(target, memoryview(last))
    return size + len(last)


async def seal_pieces(key: DataKey, place: Place, pieces: AsyncIterable[Piece]) -> AsyncIterator[bytes]:
    """Yield the envelope of a file that comes in pieces of any size, in pieces of about 1 MiB."""
    stream = key.sealing(place.context())
    yield stream.header
    async for piece in gather(pieces):
        sealed = stream.update(piece)
        if sealed:
            yield sealed
    yield stream.finish()


async def unseal_pieces(opener: StreamOpener, place: Place, pieces: AsyncIterable[Piece]) -> AsyncIterator[bytes]:
    """Yield the file whose envelope comes in pieces of any size; whoever passes it on breaks off when this raises.

    Raises:
        DoesNotOpen, NotAnEnvelope, KeysError, NotAFile: see `unseal`.
    """
    stream: OpeningStream | None = None
    async for gathered in gather(pieces):
        piece = gathered
        if stream is None:
            stream = _opening(opener, place, bytes(piece[:HEADER_BYTES]))
            piece = piece[HEADER_BYTES:]
        plain = stream.update(piece)
        if plain:
            yield plain
    stream = stream or _opening(opener, place, b"")
    last = stream.finish()
    if last:
        yield last


async def gather(pieces: AsyncIterable[Piece]) -> AsyncIterator[Piece]:
    """Yield the same bytes in pieces of exactly 1 MiB, and a shorter one at the end."""
    waiting = bytearray()
    async for piece in pieces:
        left = memoryview(piece)
        while len(waiting) + len(left) >= UPDATE_BYTES:
            room = UPDATE_BYTES - len(waiting)
            if waiting:
                waiting += left[:room]
                yield waiting
                waiting = bytearray()
            else:
                yield left[:room]
            left = left[room:]
        waiting += left
    if waiting:
        yield waiting


def _opening(opener: StreamOpener, place: Place, header: bytes) -> OpeningStream:
    flags = parse_header(header).flags
    if flags:
        message = "The stored envelope is compressed or padded, so it holds a value of another kind, and no file."
        raise NotAFile(message)
    return opener(place, header)
