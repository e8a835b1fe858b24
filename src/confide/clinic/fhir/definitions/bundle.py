"""The outside of transaction and batch bundles, with the resources inside left as raw JSON for their turn.

The Structs are those of Bundle, so the outside is checked as strictly as any resource; only ``entry.resource`` is unread.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct

from confide.clinic.fhir.definitions import made
from confide.clinic.fhir.definitions.structs import build, class_name, struct
from confide.clinic.fhir.definitions.tree import Object, read
from confide.clinic.fhir.definitions.walk import UNREAD

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


def take_resources(bundle: Any) -> list[Raw]:
    """Take the raw resources out of a bundle, so that what stays is small."""
    taken = []
    for entry in _entries(bundle):
        if entry.resource is not UNSET:
            taken.append(entry.resource)
            entry.resource = UNSET
    return taken


def entry_of(item: Any) -> Entry:
    """One entry as plain value; the entry must have a request."""
    request = item.request

    def text(value: Any) -> Any:
        return None if value is UNSET else value

    return Entry(
        method=text(request.method) or "",
        url=text(request.url) or "",
        full_url=text(item.fullUrl),
        resource=text(item.resource),
        if_match=text(request.ifMatch),
        if_none_exist=text(request.ifNoneExist),
        if_none_match=text(request.ifNoneMatch),
        if_modified_since=text(request.ifModifiedSince),
    )


def outline(data: bytes) -> Any:
    """The plain JSON of a bundle without the resources; raises a msgspec error, ValueError or RecursionError when there is none."""
    top = msgspec.json.decode(data, type=dict[str, Raw])
    tree = Object([(name, read(bytes(raw))) for name, raw in top.items() if name != "entry"])
    if "entry" in top:
        tree["entry"] = [_outline(raw) for raw in msgspec.json.decode(top["entry"], type=list[Raw])]
    return tree


def _outline(raw: Raw) -> Any:
    parts = msgspec.json.decode(raw, type=dict[str, Raw])
    return Object([(name, UNREAD if name == "resource" else read(bytes(part))) for name, part in parts.items()])


def _entries(bundle: Any) -> list[Any]:
    return [] if bundle.entry is UNSET else list(bundle.entry)
