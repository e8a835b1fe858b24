"""Resources together with the contents that lie in files: ahead of an audit event, and inside bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from confide.clinic.fhir.definitions.structs import decoder, struct
from confide.clinic.fhir.owners import BINARY
from confide.clinic.fhir.validate import encode
from confide.clinic.records.framed import STAND_IN

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from typing import Self

    from confide.audit.append import Told
    from confide.clinic.fhir.answer import Pieces
    from confide.clinic.fhir.call import Call
    from confide.clinic.records.attachments import Opened, Reader

SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
"""The tag of a resource that is not shown whole (https://hl7.org/fhir/R4/search.html#summary)."""


class Ahead:
    """Pieces of which the first are read already: what does not open at all is told before anything is promised."""

    def __init__(self, read: list[bytes], rest: AsyncGenerator[bytes, None]) -> None:
        """Take what was read, and where the rest comes from."""
        self._read, self._rest = read, rest

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece."""
        return self._read.pop(0) if self._read else await anext(self._rest)

    async def aclose(self) -> None:
        """Let go of the file, also when no piece was asked for: a generator that was never begun would not."""
        await self._rest.aclose()


async def ahead(pieces: AsyncGenerator[bytes, None], count: int) -> Ahead:
    """Return the same pieces, with the first of them read."""
    read = []
    async for piece in pieces:
        read.append(piece)
        if len(read) == count:
            break
    return Ahead(read, pieces)


async def tell_before(call: Call, told: Told, pieces: Pieces | None) -> None:
    """Store the event of an answer before its pieces are sent; where that fails, let go of the file that they come from."""
    try:
        await call.commit([told])
    except BaseException:
        if pieces is not None:
            await pieces.aclose()
        raise


async def bundled(call: Call, reader: Reader, opened: Opened) -> bytes:
    """Return what stands for a version in a bundle: all of it, but for the content of a Binary that no request could have held.

    Raises:
        KeysError, CryptoError, SealedError, StoreError: see `Reader.whole`.
    """
    content = opened.content()
    if content is not None and content.length() > call.parts.limits.resource_bytes:
        return without_content(opened.text)
    return await reader.whole(opened)


def without_files(opened: Opened) -> bytes:
    """Return the JSON of a version as if it had never had files, for when they are lost."""
    text = opened.text
    for mark in reversed(opened.marks):
        start, end = mark.offset - len(b'"data":"'), mark.offset + len(STAND_IN) + 1
        if text[start - 1 : start] == b",":
            start -= 1
        elif text[end : end + 1] == b",":
            end += 1
        text = text[:start] + text[end:]
    return text


def without_content(text: bytes) -> bytes:
    """Return the JSON of a Binary without its content, tagged as shown in part."""
    binary: Any = decoder(BINARY).decode(text)
    binary.data = UNSET
    tag: Any = struct("Coding")(**SUBSETTED)
    binary.meta.tag = [*(binary.meta.tag or ()), tag]
    return encode(binary)
