"""From bytes to a resource and back. A body that is not valid R4 is refused with every reason and its location.

1. Nesting and the number of values are measured on the raw bytes, so that nothing that follows can run out of stack or memory.
2. msgspec decodes into the Struct of the type, which checks shape, types, required codes and most invariants.
3. The Struct is encoded again: what JSON lets pass unseen (a key twice, a number in quotes, an empty object, a control
   character) shows as a difference between the two texts, or as a sign in the second.
4. When 2 refused or 3 is in doubt, the walker looks at the plain JSON and decides; it alone finds words.
5. The rules run on what has the right shape.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from confide.clinic.fhir.definitions.bundle import MAX_ENTRIES, Entry, TooManyValues, entry_of, outlines, outside, take_resources
from confide.clinic.fhir.definitions.nesting import MAX_DEPTH, deeper_than
from confide.clinic.fhir.definitions.structs import RESOURCE_TYPES, decoder, type_of
from confide.clinic.fhir.definitions.volume import MAX_BUNDLE_VALUES, MAX_VALUES, more_than
from confide.clinic.fhir.definitions.walk import MAX_ISSUES, NOT_JSON, TOO_DEEP, TOO_MANY, examine, examine_tree
from confide.clinic.fhir.errors import InvalidResource, Issue
from confide.clinic.fhir.rules import transaction
from confide.clinic.fhir.rules.every import check

if TYPE_CHECKING:
    from collections.abc import Sequence

_TOO_MANY_ENTRIES = Issue("error", "too-costly", "Bundle.entry", f"A bundle may have {MAX_ENTRIES} entries: divide it.")
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_ONLY_ID = re.compile(rb'\{"id":"(?:[^"\\]|\\.)*"\}')
_NULL = re.compile(rb"[\[,]null[,\]]")
_HEAD = re.compile(rb'\s*\{\s*"resourceType"\s*:\s*"([A-Za-z]+)"')
_ENTRY = re.compile(r"^Bundle\.entry\[(\d+)\]")
_CONTROL = re.compile(rb"\\(?:u00|[bf])")


def encode(resource: Struct) -> bytes:
    """The JSON of a resource: strings code point by code point as they came, decimals with their zeros."""
    return _ENCODER.encode(resource)


def parse(data: bytes, *, type_name: str | None = None) -> Struct:
    """Read and validate one resource.

    Args:
        data: JSON in UTF-8
        type_name: the type it must be; any when left out

    Raises:
        InvalidResource: with all issues, at most 50.
    """
    resource = None if deeper_than(data, MAX_DEPTH) or more_than(data, MAX_VALUES) else _decode(data, type_name)
    if resource is None or _doubtful(data, resource):
        issues = examine(data, type_name)
        if not issues and resource is None:  # the two ways disagree, which a property test says cannot be
            issues = [Issue("error", "structure", type_name or "", "The resource does not have the shape of its type.")]
        if issues:
            raise InvalidResource(tuple(issues))
    assert resource is not None  # noqa: S101 - for the type checker; the branch above raised
    broken = check(resource)
    if broken:
        raise InvalidResource(tuple(broken[:MAX_ISSUES]))
    return resource


def _decode(data: bytes, type_name: str | None) -> Struct | None:
    """The Struct, or None when msgspec or a check behind the types refuses."""
    try:
        head = _HEAD.match(data)  # nearly every client writes the type first, which saves reading the JSON for it
        name = type_of(data) if head is None else head[1].decode()
        if name not in RESOURCE_TYPES:
            return None
        if type_name is not None and name != type_name:
            return None
        return decoder(name).decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _doubtful(data: bytes, resource: Struct) -> bool:
    """Whether something may be wrong that the decoder does not see. It may be mistaken, but never misses one."""
    text = _ENCODER.encode(resource)
    return quotes(data) != text.count(b'"') or suspicious(text)


def suspicious(text: bytes) -> bool:
    """Whether JSON that was encoded again has a sign of a null, an empty object, an element that is only an id, or a control character."""
    if (b"null" in text and _NULL.search(text)) or b"{}" in text or (b'{"id":"' in text and _ONLY_ID.search(text)):
        return True
    return b"\\" in text and _CONTROL.search(text) is not None


def quotes(data: bytes) -> int:
    r"""The quotation marks of a JSON text, each string's two and the escaped ones however they are escaped.

    The encoder writes as many as it was given, less those of a property that came twice or of a decimal in quotes; it
    escapes them as ``\"`` only, so in its own output they can simply be counted.
    """
    number = data.count(b'"')
    if b"\\u0022" in data:
        number += data.replace(b"\\\\", b"").count(b"\\u0022")  # without pairs, as in \\u0022, which is no escape
    return number


def parse_bundle(data: bytes, *, types: Sequence[str] = ("transaction", "batch")) -> list[Entry]:
    """Read the outside of a transaction or batch and leave its resources unread, so that nothing is parsed twice.

    Args:
        data: JSON in UTF-8
        types: the codes that Bundle.type may have

    Raises:
        InvalidResource: the outside is not valid, or an entry lacks what its request needs.
    """
    if more_than(data, MAX_BUNDLE_VALUES):
        raise InvalidResource((Issue("error", "too-costly", "Bundle", f"A bundle may hold {MAX_BUNDLE_VALUES} values: divide it."),))
    try:
        bundle = outside().decode(data) if type_of(data) == "Bundle" else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        bundle = None
    if bundle is None:
        raise InvalidResource(
            tuple(_examine_outside(data) or [Issue("error", "structure", "Bundle", "The bundle does not have its shape.")])
        )
    resources = take_resources(bundle)
    if len(resources) > MAX_ENTRIES:
        raise InvalidResource((_TOO_MANY_ENTRIES,))
    rest = _ENCODER.encode(bundle)
    inside = sum(quotes(bytes(raw)) for raw in resources if raw is not None)
    twice = quotes(data) != rest.count(b'"') + inside
    if twice or suspicious(rest) or deeper_than(rest, MAX_DEPTH):
        issues = _examine_outside(data)
        if twice or issues:  # the outline keeps one of two properties of one name, so it may find nothing
            raise InvalidResource(tuple(issues or [Issue("error", "structure", "Bundle", "A property appears more than once.")]))
    issues = transaction.check(bundle, resources, types)
    if issues:
        raise InvalidResource(tuple(issues[:MAX_ISSUES]))
    return [entry_of(*pair) for pair in zip(bundle.entry, resources, strict=True)] if resources else []


def _examine_outside(data: bytes) -> list[Issue]:
    """The reasons to refuse a bundle; of the entries, those of the first part that has any."""
    try:
        for first, tree in outlines(data):
            if first >= MAX_ENTRIES:
                return [_TOO_MANY_ENTRIES]
            issues = [_moved(issue, first) for issue in examine_tree(tree, "Bundle")]
            if issues:
                return issues
    except msgspec.ValidationError:
        return [Issue("error", "structure", "Bundle", "A resource must be a JSON object.")]
    except RecursionError:
        return [Issue("error", "structure", "Bundle", TOO_DEEP)]
    except TooManyValues:
        return [Issue("error", "too-costly", "Bundle", TOO_MANY)]
    except (msgspec.DecodeError, ValueError):
        return [Issue("error", "structure", "Bundle", NOT_JSON)]
    return []


def _moved(issue: Issue, first: int) -> Issue:
    """The issue of an entry, numbered from the first of the bundle in place of the first of its part."""
    return replace(issue, location=_ENTRY.sub(lambda found: f"Bundle.entry[{int(found[1]) + first}]", issue.location))
