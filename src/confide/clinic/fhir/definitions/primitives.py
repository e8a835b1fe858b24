r"""The primitive types of FHIR R4: what each may hold, as one value that decoder and walker share.

Patterns are those of https://hl7.org/fhir/R4/datatypes.html with three corrections, none of which refuses a valid value:
dates must exist in the calendar, ``\Z`` replaces ``$`` (which lets a trailing newline pass), and white space means the
ASCII kind, as it does in the regular expressions of the specification.
"""

from __future__ import annotations

import decimal
import re
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

MAX_STRING = 1_048_576  # characters; "Strings SHALL NOT exceed 1 MB in size", datatypes.html#string
MAX_DIGITS = 64  # digits in a row, and the largest exponent, of a decimal; 18 digits are the least a server must keep

_YEAR = r"(?!0000)[0-9]{4}"
_LEAP = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_MONTH = r"(?:0[1-9]|1[0-2])"
_DAY = (
    rf"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    rf"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP}-02-29)"
)
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_HEX = r"[0-9a-f]"


@dataclass(frozen=True, slots=True)
class Primitive:
    """One primitive type: the JSON kind, and the bounds or the pattern of its value."""

    name: str
    kind: type
    pattern: str = ""
    low: int = 0
    high: int = 0
    native: Any = None

    def matches(self, text: str) -> bool:
        """Whether a text obeys the pattern."""
        return not self.pattern or re.search(self.pattern, text) is not None


def _text(name: str, pattern: str = "") -> Primitive:
    meta = msgspec.Meta(min_length=1, max_length=MAX_STRING, pattern=pattern or None)
    return Primitive(name, str, pattern, native=Annotated[str, meta])


def _number(name: str, low: int) -> Primitive:
    high = 2**31 - 1
    return Primitive(name, int, low=low, high=high, native=Annotated[int, msgspec.Meta(ge=low, le=high)])


_BASE64 = r"^[A-Za-z0-9+/ \t\r\n]+(?:=[ \t\r\n]*){0,2}\Z"
_INK = r"[!-\U0010ffff]"  # neither white space nor a control character; as one range it is matched fastest
_URI = rf"^{_INK}+\Z"

PRIMITIVES: dict[str, Primitive] = {
    primitive.name: primitive
    for primitive in (
        Primitive("boolean", bool, native=bool),
        Primitive("decimal", decimal.Decimal, native=decimal.Decimal),
        _number("integer", -(2**31)),
        _number("unsignedInt", 0),
        _number("positiveInt", 1),
        _text("string"),
        _text("markdown"),
        _text("xhtml"),
        _text("uri", _URI),
        _text("url", _URI),
        _text("canonical", _URI),
        _text("oid", r"^urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+\Z"),
        _text("uuid", rf"^urn:uuid:{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}\Z"),
        _text("id", r"^[A-Za-z0-9\-.]{1,64}\Z"),
        _text("code", rf"^{_INK}+(?:[ \t\r\n]{_INK}+)*\Z"),
        _text("date", rf"^(?:{_DAY}|{_YEAR}(?:-{_MONTH})?)\Z"),
        _text("dateTime", rf"^(?:{_DAY}(?:T{_TIME}{_ZONE})?|{_YEAR}(?:-{_MONTH})?)\Z"),
        _text("instant", rf"^{_DAY}T{_TIME}{_ZONE}\Z"),
        _text("time", rf"^{_TIME}\Z"),
        Primitive("base64Binary", str, _BASE64, native=Annotated[str, msgspec.Meta(min_length=1, pattern=_BASE64)]),
    )
}

WITHOUT_SIBLING = frozenset({"xhtml"})  # its extensions would be in the markup; JSON has no "_div"


def whole_base64(text: str) -> bool:
    """Whether a text of the right characters is made of whole groups of four, and of one at least."""
    size = len(text) if text.isalnum() else len("".join(text.split()))
    return size > 0 and size % 4 == 0


def bounded(number: decimal.Decimal) -> bool:
    """Whether a decimal is short enough to be worked with: ``MAX_DIGITS`` digits in a row, and no larger exponent.

    Judged by its canonical text. Without this, 1E+999999999 would be eleven bytes that take forever to write out.
    """
    text = str(number)
    if len(text) <= MAX_DIGITS and "E" not in text:
        return True
    digits, _, exponent = text.partition("E")
    if exponent and (len(exponent) > 3 or abs(int(exponent)) > MAX_DIGITS):  # noqa: PLR2004 - a sign and two digits
        return False
    return all(len(run) <= MAX_DIGITS for run in digits.lstrip("-").split("."))
