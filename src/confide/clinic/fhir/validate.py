"""From bytes to a resource and back. A body that is not valid R4 is refused with every reason and its location.

1. Nesting is measured on the raw bytes, so that nothing that follows can run out of stack.
2. msgspec decodes into the Struct of the type, which checks shape, types, required codes and most invariants.
3. The Struct is encoded again: what JSON lets pass unseen (a key twice, a number in quotes, an empty object, a control
   character) shows as a difference between the two texts, or as a sign in the second.
4. When 2 refused or 3 is in doubt, the walker looks at the plain JSON and decides; it alone finds words.
5. The rules run on what has the right shape.
"""

from __future__ import annotations

import re
import msgspec
from msgspec import Struct

from confide.clinic.fhir.definitions.nesting import MAX_DEPTH, deeper_than
from confide.clinic.fhir.definitions.structs import decoder, type_of
from confide.clinic.fhir.definitions.walk import MAX_ISSUES, examine
from confide.clinic.fhir.errors import InvalidResource, Issue
from confide.clinic.fhir.rules.every import check

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_ONLY_ID = re.compile(rb'\{"id":"(?:[^"\\]|\\.)*"\}')
_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
_LONG = b"0" * 65
_ESCAPES = (b"\\u00", b"\\b", b"\\f")


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
    resource = None if deeper_than(data, MAX_DEPTH) else _decode(data, type_name)
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
        name = type_of(data)
        if type_name is not None and name != type_name:
            return None
        return decoder(name).decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _doubtful(data: bytes, resource: Struct) -> bool:
    """Whether something may be wrong that the decoder does not see. It may be mistaken, but never misses one."""
    text = _ENCODER.encode(resource)
    return quotes(data) != quotes(text) or suspicious(text)


def suspicious(text: bytes) -> bool:
    """Whether JSON that was encoded again has a sign of an empty object, a decimal out of bounds or a control character."""
    if b"{}" in text or (b'{"id":"' in text and _ONLY_ID.search(text)):
        return True
    if b"E+" in text or b"E-" in text or _LONG in text.translate(_DIGITS):  # how a decimal out of bounds is written
        return True
    return b"\\" in text and any(sign in text for sign in _ESCAPES)


def quotes(text: bytes) -> int:
    """The number of quotation marks that begin or end a string: fewer than there were after a key came twice, or a decimal in quotes."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return text.count(b'"')
