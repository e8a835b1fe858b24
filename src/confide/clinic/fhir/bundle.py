"""Bundles that answer: stored bytes are spliced in as they are, never parsed and encoded again."""

from __future__ import annotations

import msgspec
from msgspec import Struct

_QUOTE = msgspec.json.Encoder().encode


class Entry(Struct, frozen=True, gc=False):
    """One entry of a searchset, history or transaction-response bundle."""

    address: str | None
    """`Type/id`, relative to the FHIR endpoint; makes the full URL."""
    content: bytes = b""
    request: tuple[str, str] | None = None
    response: tuple[str, str, str] | None = None
    """Status, entity tag, last modified."""
    location: str | None = None
    match: bool = False


def bundle(kind: str, base: str, entries: list[Entry], own: str, following: str | None, total: int | None = None) -> bytes:
    """Return the JSON of a bundle."""
    parts = [b'{"resourceType":"Bundle","type":', _QUOTE(kind)]
    if total is not None:
        parts.append(b',"total":%d' % total)
    if own:
        parts += [b',"link":[{"relation":"self","url":', _QUOTE(own), b"}"]
        if following is not None:
            parts += [b',{"relation":"next","url":', _QUOTE(following), b"}"]
        parts.append(b"]")
    if entries:
        parts.append(b',"entry":[')
        parts.append(b",".join(_entry(base, entry) for entry in entries))
        parts.append(b"]")
    parts.append(b"}")
    return b"".join(parts)


def _entry(base: str, entry: Entry) -> bytes:
    fields = []
    if entry.address is not None:
        fields.append(b'"fullUrl":' + _QUOTE(f"{base}/{entry.address}"))
    if entry.content:
        fields.append(b'"resource":' + entry.content)
    if entry.match:
        fields.append(b'"search":{"mode":"match"}')
    if entry.request is not None:
        fields.append(b'"request":{"method":%b,"url":%b}' % (_QUOTE(entry.request[0]), _QUOTE(entry.request[1])))
    if entry.response is not None:
        status, tag, modified = entry.response
        location = b"" if entry.location is None else b',"location":' + _QUOTE(entry.location)
        fields.append(b'"response":{"status":%b%b,"etag":%b,"lastModified":%b}' % (_QUOTE(status), location, _QUOTE(tag), _QUOTE(modified)))
    return b"{" + b",".join(fields) + b"}"
