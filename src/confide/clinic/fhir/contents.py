"""Resources together with the contents that lie in files: ahead of an audit event, and inside bundles."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from confide.clinic.fhir.definitions.structs import decoder, struct
from confide.clinic.fhir.owners import BINARY
from confide.clinic.fhir.validate import encode
from confide.clinic.records.framed import STAND_IN

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from confide.clinic.fhir.call import Call
    from confide.clinic.records.attachments import Opened, Reader

SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
"""The tag of a resource that is not shown whole (https://hl7.org/fhir/R4/search.html#summary)."""


async def ahead(pieces: AsyncGenerator[bytes, None], count: int) -> AsyncGenerator[bytes, None]:
    """Return the same pieces, the first of them read already: what does not open at all is told before anything is promised."""
    read = []
    async for piece in pieces:
        read.append(piece)
        if len(read) == count:
            break
    return _again(read, pieces)


async def _again(read: list[bytes], rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):  # it lets go of its file
        while read:
            yield read.pop(0)
        async for piece in rest:
            yield piece


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
