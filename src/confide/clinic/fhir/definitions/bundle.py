"""The outside of transaction and batch bundles, with the resources inside left as raw JSON for their turn.

The Structs are those of Bundle, so the outside is checked as strictly as any resource; only ``entry.resource`` is unread.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct

from confide.clinic.fhir.definitions import made
from confide.clinic.fhir.definitions.nesting import MAX_DEPTH, deeper_than
from confide.clinic.fhir.definitions.structs import build, class_name, struct
from confide.clinic.fhir.definitions.tree import Object, read
from confide.clinic.fhir.definitions.walk import UNREAD

_TAKEN = Raw(b"0")
_OUTSIDE = {"Bundle": "OutsideOfBundle", "Bundle.entry": "OutsideOfBundleEntry"}


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


def outline(data: bytes) -> Any:
    """The plain JSON of a bundle without its resources.

    Raises:
        msgspec.ValidationError: it is not a JSON object
        msgspec.DecodeError, ValueError, RecursionError: it is not JSON, not in UTF-8, or nested too deeply
    """
    top = msgspec.json.decode(data, type=dict[str, Raw])
    tree = Object([(name, _shallow(raw)) for name, raw in top.items() if name != "entry"])
    if "entry" in top:
        try:
            tree["entry"] = [_outline(raw) for raw in msgspec.json.decode(top["entry"], type=list[Raw])]
        except msgspec.ValidationError:
            tree["entry"] = UNREAD  # anything that is no array
    return tree


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
    return read(part)
