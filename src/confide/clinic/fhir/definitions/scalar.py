"""What is wrong with one primitive value of plain JSON, in the words of an issue."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from confide.clinic.fhir.definitions.primitives import MAX_DIGITS, MAX_STRING, PRIMITIVES, Primitive, bounded, whole_base64
from confide.clinic.fhir.definitions.tree import Number

if TYPE_CHECKING:
    from confide.clinic.fhir.definitions.facts import Codes

Fault = tuple[str, str]
"""IssueType and sentence."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_INTEGER = re.compile(r"-?[0-9]{1,10}\Z")


def fault(value: Any, type_name: str, codes: Codes | None) -> Fault | None:
    """The reason to refuse a value, or None when it is a good one of its type."""
    primitive = PRIMITIVES[type_name]
    if primitive.kind is bool:
        good = isinstance(value, bool)
    elif primitive.kind is str:
        good = type(value) is str
    else:
        good = type(value) is Number
    if not good:
        return "structure", f"The value must be a FHIR {type_name}, which in JSON is a {_json_kind(primitive)}."
    if primitive.kind is str:
        return _text(value, primitive, codes)
    if primitive.kind is int and not (_INTEGER.match(value) and primitive.low <= int(value) <= primitive.high):
        return "value", f"The value must be a FHIR {type_name} from {primitive.low} to {primitive.high}."
    if primitive.kind is Decimal and not _bounded(value):
        return "value", f"A decimal may have {MAX_DIGITS} digits in a row and an exponent of up to {MAX_DIGITS}."
    return None


def _json_kind(primitive: Primitive) -> str:
    return {bool: "true or false", str: "string"}.get(primitive.kind, "number")


def _text(value: str, primitive: Primitive, codes: Codes | None) -> Fault | None:
    if not value:
        return "value", "A string must not be empty."
    if len(value) > MAX_STRING and primitive.name != "base64Binary":
        return "too-long", f"A string may have {MAX_STRING} characters."
    if _CONTROL.search(value):
        return "value", "A string must not contain control characters other than tab, line feed and carriage return."
    if _SURROGATE.search(value):
        return "value", "A string must not contain half of a surrogate pair."
    if primitive.name == "code" and codes is not None:
        return None if any(value in some for some in codes.values()) else ("code-invalid", "The code is not in the required value set.")
    if not primitive.matches(value) or (primitive.name == "base64Binary" and not whole_base64(value)):
        return "value", f"The value is not a valid FHIR {primitive.name}."
    return None


def _bounded(number: str) -> bool:
    try:
        return bounded(Decimal(number))
    except InvalidOperation:
        return False
