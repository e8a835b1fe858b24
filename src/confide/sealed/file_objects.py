"""Files in an object store: sealed on the way in, opened on the way out, never whole in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.crypto.stream import UPDATE_BYTES
from confide.sealed import files
from confide.sealed.errors import NotWhole
from confide.store.objects.protocol import written

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator

    from confide.crypto.envelope import DataKey
    from confide.crypto.stream import Piece
    from confide.sealed.file_pump import Source, Target
    from confide.sealed.files import StreamOpener
    from confide.store.objects.beside import Beside
    from confide.store.objects.protocol import ObjectStore, Reading
    from confide.values.place import Place


def put(objects: ObjectStore, name: str, key: DataKey, place: Place, source: Source) -> int:
    """Store what a file object gives, and return how many bytes it gave; durable on return, and nothing is there after an error.

    Raises:
        ObjectExists, Unavailable, ObjectsRefused
    """
    with written(objects, name) as writing:
        return files.seal(key, place, source, writing)


def get(objects: ObjectStore, name: str, opener: StreamOpener, place: Place, target: Target) -> int:
    """Open a stored file into a file object, which holds a beginning until this returns; return how many bytes came out.

    Raises:
        ObjectMissing, Unavailable, ObjectsRefused, and what `files.unseal` raises
    """
    reading = objects.get(name)
    try:
        return files.unseal(opener, place, reading, target)
    finally:
        reading.close()


async def put_pieces(beside: Beside, name: str, key: DataKey, place: Place, pieces: AsyncIterable[Piece]) -> int:
    """Store what an iterator yields, and return how many bytes that were; durable on return, and nothing is there after an error.

    Raises:
        ObjectExists, Unavailable, ObjectsRefused, and what the iterator raises
    """
    size = 0

    async def counted() -> AsyncIterator[Piece]:
        nonlocal size
        async for piece in pieces:
            size += len(piece)
            yield piece

    writing = await beside.call(beside.objects.put, name)
    try:
        async for sealed in files.seal_pieces(key, place, counted()):
            await beside.call(writing.write, sealed)
        await beside.call(writing.finish)
    except BaseException:
        await beside.call(writing.abort)
        raise
    return size


async def get_pieces(beside: Beside, name: str, opener: StreamOpener, place: Place, size: int) -> AsyncGenerator[bytes, None]:
    """Yield a stored file of a known size. Nothing is yielded of an object that has not the length of a whole one.

    Raises:
        NotWhole: it was cut off, or something was appended.
        ObjectMissing, Unavailable, ObjectsRefused, and what `files.unseal_pieces` raises, also after the first pieces
    """
    reading = await beside.call(beside.objects.get, name)
    try:
        if reading.size != files.length(size):
            message = "A stored file has not the length that it was stored with: it was cut off, or something was appended."
            raise NotWhole(message)
        async for piece in files.unseal_pieces(opener, place, _read(beside, reading)):
            yield piece
    finally:
        await beside.call(reading.close)


async def _read(beside: Beside, reading: Reading) -> AsyncIterator[memoryview]:
    """Yield what is read, in one room: whoever takes a piece is done with it before the next is read."""
    room = memoryview(bytearray(UPDATE_BYTES))
    while got := await beside.call(reading.readinto, room):
        yield room[:got]
