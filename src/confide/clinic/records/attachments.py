"""Open documents together with their files: as JSON in pieces, in constant memory, or one file by itself."""

from __future__ import annotations

from binascii import b2a_base64
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from confide.access.unseal import stream_opener
from confide.clinic.records import file_rows
from confide.clinic.records.errors import FileMissing
from confide.clinic.records.filing import place_of
from confide.clinic.records.framed import STAND_IN, Form, unpack
from confide.clinic.records.read import unseal_stored
from confide.sealed import file_objects
from confide.values.ids import KeyRef

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from confide.access.unseal import StreamOpener
    from confide.clinic.records.filing import Files
    from confide.clinic.records.framed import Mark
    from confide.clinic.records.model import Found
    from confide.keys.hierarchy import Keyring
    from confide.store.work import Database
    from confide.values.permit import Permit


class Opened(NamedTuple):
    """A version, opened; its files are not read yet."""

    version: Found
    text: bytes
    """Its JSON, with `AAAA` where a file belongs; empty for a version that says deleted."""
    marks: tuple[Mark, ...]

    def length(self) -> int:
        """Return how many bytes of JSON it has with its files."""
        return len(self.text) + sum(one.length() - len(STAND_IN) for one in self.marks)

    def content(self) -> Mark | None:
        """Return the file that is the content of a Binary."""
        return next((one for one in self.marks if one.content), None)


@dataclass(frozen=True, slots=True)
class Reader:
    """What files are read with, for one permit."""

    files: Files
    database: Database
    keyring: Keyring
    permit: Permit
    now: int

    async def open(self, versions: Sequence[Found]) -> list[Opened]:
        """Return versions without their files; the caller owes an audit event before any of it leaves.

        Raises:
            KeysError, CryptoError, SealedError: a key was shredded, or a row is not what was stored there.
        """
        stored = await unseal_stored(self.keyring, self.permit, versions, self.now)
        return [_opened(version, content) for version, content in zip(versions, stored, strict=True)]

    async def whole(self, opened: Opened) -> bytes:
        """Return the JSON of a version with its files, as it was stored.

        Raises:
            KeysError, CryptoError, SealedError, StoreError: a file does not open, is not whole, or cannot be had now.
        """
        return b"".join([piece async for piece in self.pieces(opened)]) if opened.marks else opened.text

    async def pieces(self, opened: Opened) -> AsyncGenerator[bytes, None]:
        """Yield the same in pieces of about 1 MiB; whoever passes them on breaks off when this raises."""
        at = 0
        held = await self._held(opened)
        for mark in opened.marks:
            yield opened.text[at : mark.offset]
            async with aclosing(self._file(opened, mark, *held)) as file:
                async for piece in file if mark.form is Form.TEXT else _base64(file):
                    yield piece
            at = mark.offset + len(STAND_IN)
        yield opened.text[at:]

    async def file(self, opened: Opened, mark: Mark) -> AsyncGenerator[bytes, None]:
        """Yield one file of a version; raises as `pieces` does."""
        async with aclosing(self._file(opened, mark, *await self._held(opened))) as file:
            async for piece in file:
                yield piece

    async def _held(self, opened: Opened) -> tuple[dict[bytes, bytes], StreamOpener]:
        """Return which object holds each file of a version, and what opens them."""
        values = {"document": opened.version.key, "number": opened.version.number}
        rows = await self.database.fetch(file_rows.OF_VERSION, values) if opened.marks else []
        opener = await stream_opener(self.keyring, self.permit, [KeyRef(row[2]) for row in rows], self.now)
        return {row[0]: row[1] for row in rows}, opener

    def _file(self, opened: Opened, mark: Mark, objects: dict[bytes, bytes], opener: StreamOpener) -> AsyncGenerator[bytes, None]:
        name = objects.get(mark.file)
        if name is None:
            message = "The database does not know a file that a document names: it was restored without it, or someone deleted its row."
            raise FileMissing(message)
        version = opened.version
        place = place_of(version.home.place(self.permit.principal.tenant, version.id, version.number), mark.file)
        return file_objects.get_pieces(self.files.beside, self.files.name(name), opener, place, mark.size)


def _opened(version: Found, content: bytes) -> Opened:
    text, marks = unpack(content)
    return Opened(version, text, tuple(marks))


async def _base64(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield base64 without line breaks."""
    left = b""
    async for piece in pieces:
        ready = left + piece if left else piece
        cut = len(ready) - len(ready) % 3
        left = ready[cut:]
        if cut:
            yield b2a_base64(memoryview(ready)[:cut], newline=False)
    if left:
        yield b2a_base64(left, newline=False)
