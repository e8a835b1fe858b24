"""Kinds of values: what stands in an envelope, and back. The bytes of a kind never change; another form would be another kind."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from confide.sealed.errors import WrongKind

if TYPE_CHECKING:
    from collections.abc import Callable

_DOUBLE, _SPAN = struct.Struct(">d"), struct.Struct(">iii")


@dataclass(frozen=True, slots=True)
class Kind:
    """How values of one Python type are written."""

    name: str
    encode: Callable[[Any], bytes]
    """Raises WrongKind for anything else than values of the type."""
    decode: Callable[[bytes], Any]
    padded: bool
    """Whether the length would tell something of the value."""


def _refuse(wanted: str, value: object) -> WrongKind:
    return WrongKind(f"A value of the type {wanted} was expected, and one of the type {type(value).__name__} was given.")


def _text(value: Any) -> bytes:
    if not isinstance(value, str):
        raise _refuse("str", value)
    try:
        return value.encode()
    except UnicodeEncodeError:
        message = "The text holds half a surrogate pair, which no database stores."
        raise WrongKind(message) from None


def _exactly(kind: type, to_bytes: Callable[[Any], bytes], *also: type) -> Callable[[Any], bytes]:
    """Return an encoder that takes no subclass: a bool is no int, a datetime is no date."""
    allowed = {kind, *also}

    def encode(value: Any) -> bytes:
        if type(value) not in allowed:
            raise _refuse(kind.__name__, value)
        return to_bytes(value)

    return encode


def _json(value: Any) -> bytes:
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, UnicodeEncodeError):
        message = "The value has no JSON form: it holds something else than texts, finite numbers, truth values, lists and objects."
        raise WrongKind(message) from None


def _span(value: timedelta) -> bytes:
    return _SPAN.pack(value.days, value.seconds, value.microseconds)


def _iso(value: Any) -> bytes:
    return str(value.isoformat()).encode()


TEXT = Kind("text", _text, bytes.decode, padded=True)
BYTES = Kind("bytes", _exactly(bytes, bytes, bytearray, memoryview), bytes, padded=False)
INTEGER = Kind("integer", _exactly(int, lambda value: b"%d" % value), int, padded=True)
TRUTH = Kind("truth value", _exactly(bool, lambda value: b"\x01" if value else b"\x00"), lambda content: content == b"\x01", padded=False)
FLOAT = Kind("float", _exactly(float, _DOUBLE.pack, int), lambda content: float(_DOUBLE.unpack(content)[0]), padded=False)
DECIMAL = Kind("decimal", _exactly(Decimal, lambda value: str(value).encode(), int), lambda content: Decimal(content.decode()), padded=True)
DATE = Kind("date", _exactly(date, lambda value: b"%07d" % value.toordinal()), lambda content: date.fromordinal(int(content)), padded=False)
DATETIME = Kind("datetime", _exactly(datetime, _iso), lambda content: datetime.fromisoformat(content.decode()), padded=True)
TIME = Kind("time", _exactly(time, _iso), lambda content: time.fromisoformat(content.decode()), padded=True)
SPAN = Kind("timedelta", _exactly(timedelta, _span), lambda content: timedelta(*_SPAN.unpack(content)), padded=False)
UUIDS = Kind("UUID", _exactly(UUID, lambda value: value.bytes), lambda content: UUID(bytes=content), padded=False)
JSON = Kind("JSON", _json, json.loads, padded=True)

_BY_TYPE: dict[type, Kind] = {
    str: TEXT, bytes: BYTES, int: INTEGER, bool: TRUTH, float: FLOAT, Decimal: DECIMAL, date: DATE, datetime: DATETIME, time: TIME,
    timedelta: SPAN, UUID: UUIDS, dict: JSON, list: JSON,
}  # fmt: skip


def kind_of(python_type: type) -> Kind:
    """Return the kind that holds values of a Python type; members of an Enum are held by name.

    Raises:
        WrongKind: no kind does.
    """
    if issubclass(python_type, Enum):
        return _members(python_type)
    found = _BY_TYPE.get(python_type)
    if found is None:
        message = f"Values of the type {python_type.__name__} cannot be sealed: store them as one of {', '.join(sorted(_names()))}."
        raise WrongKind(message)
    return found


def _names() -> set[str]:
    return {one.__name__ for one in _BY_TYPE}


def _members(kind: type[Enum]) -> Kind:
    def encode(value: Any) -> bytes:
        if not isinstance(value, kind):
            raise _refuse(kind.__name__, value)
        return value.name.encode()

    return Kind(kind.__name__, encode, lambda content: kind[content.decode()], padded=True)
