"""The outside of transaction and batch bundles, with the resources inside left as raw JSON for their turn.

The Structs are those of Bundle, so the outside is checked as strictly as any resource; only ``entry.resource`` is unread.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Raw, Struct

from confide.clinic.fhir.definitions import made
from confide.clinic.fhir.definitions.nesting import MAX_DEPTH, deeper_than
from confide.clinic.fhir.definitions.structs import build, class_name, struct
from confide.clinic.fhir.definitions.tree import Object, read
from confide.clinic.fhir.definitions.volume import MAX_VALUES, more_than
from confide.clinic.fhir.definitions.walk import UNREAD

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_ENTRIES = 100_000
"""As many resources of 650 bytes as 64 MiB hold."""
PART = 10_000
"""Entries that are looked at together: all at once, empty ones would take gigabytes to refuse."""

_TAKEN = Raw(b"0")
_OUTSIDE = {"Bundle": "OutsideOfBundle", "Bundle.entry": "OutsideOfBundleEntry"}


class TooManyValues(Exception):
    """Reading it would cost more memory than a refusal is worth."""


class Entry(Struct, frozen=True):
    """One entry; ``resource`` is JSON that nothing has read yet."""

    method: str
    url: str
    full_url: str | None = None
    resource: Raw | None = None
    if_match: str | None = None
    if_none_exist: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None


@cache
def outside() -> msgspec.json.Decoder[Any]:
    """Decoder of a Bundle whose resources stay raw."""
    struct("Bundle")  # makes everything that the two below refer to
    for path, name in _OUTSIDE.items():
        setattr(made, name, build(path, name, lambda kind: _OUTSIDE.get(kind) or class_name(kind), read_nested=False))
    return msgspec.json.Decoder(made.OutsideOfBundle)  # type: ignore[attr-defined]


def take_resources(bundle: Any) -> list[Raw | None]:
    """Take the raw resources out of a bundle, one for each entry, and leave a 0 in their place, so that what stays is small."""
    taken: list[Raw | None] = []
    for entry in [] if bundle.entry is UNSET else bundle.entry:
        there = entry.resource is not UNSET
        taken.append(entry.resource if there else None)
        entry.resource = _TAKEN if there else UNSET
    return taken


def entry_of(item: Any, resource: Raw | None) -> Entry:
    """One entry as plain value; the entry must have a request."""
    request = item.request
    fields = {
        "full_url": item.fullUrl,
        "if_match": request.ifMatch,
        "if_none_exist": request.ifNoneExist,
        "if_none_match": request.ifNoneMatch,
        "if_modified_since": request.ifModifiedSince,
    }
    given = {name: value for name, value in fields.items() if value is not UNSET}
    return Entry(method=request.method, url=request.url, resource=resource, **given)


def outlines(data: bytes) -> Iterator[tuple[int, Any]]:
    """The plain JSON of a bundle without its resources, once for each ``PART`` entries: the number of the first, and the tree.

    Raises:
        msgspec.ValidationError: it is not a JSON object
        msgspec.DecodeError, ValueError, RecursionError: it is not JSON, not in UTF-8, or nested too deeply
        TooManyValues: an element beside the resources holds more than a whole resource may
    """
    top = msgspec.json.decode(data, type=dict[str, Raw])
    tree = Object([(name, _shallow(raw)) for name, raw in top.items() if name != "entry"])
    if "entry" not in top:
        yield 0, tree
        return
    try:
        entries = msgspec.json.decode(top["entry"], type=list[Raw])
    except msgspec.ValidationError:
        yield 0, Object([*tree.items(), ("entry", UNREAD)])  # anything that is no array
        return
    for first in range(0, len(entries) or 1, PART):
        yield first, Object([*tree.items(), ("entry", [_outline(raw) for raw in entries[first : first + PART]])])


def _outline(raw: Raw) -> Any:
    try:
        parts = msgspec.json.decode(raw, type=dict[str, Raw])
    except msgspec.ValidationError:
        return False  # anything that is no object
    return Object([(name, UNREAD if name == "resource" else _shallow(part)) for name, part in parts.items()])


def _shallow(raw: Raw) -> Any:
    part = bytes(raw)
    if deeper_than(part, MAX_DEPTH):
        raise RecursionError
    if more_than(part, MAX_VALUES):
        raise TooManyValues
    return read(part)
