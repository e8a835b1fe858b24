"""The audit event: canonical, without floats, and with a time that is exact."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from confide.audit.event import ENTROPY_BYTES, SALT_BYTES, Event, encode, pseudonyms, rfc3339, stamp
from confide.values.ids import Pseudonym

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
TEXTS = st.lists(TEXT, max_size=4).map(tuple)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
TIMES = st.integers(0, LAST)
ENTROPY = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES)
REQUIRED = ("action", "explanation", "id", "outcome", "request", "salt", "time", "type")
OPTIONAL = ("actor", "consent", "network", "purpose", "role", "sealed", "sentence")
LISTS = ("parameters", "patients", "resources")

FIELDS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    dict.fromkeys(REQUIRED, TEXT) | {"version": st.integers(1, 2**53 - 1)},
    optional={field: st.none() | TEXT for field in OPTIONAL} | dict.fromkeys(LISTS, TEXTS),
)
EVENTS = FIELDS.map(lambda fields: Event(**fields))
ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def canonical(value: Any) -> str:
    """RFC 8785 written down once more: 3.2.2.2 strings, 3.2.2.3 numbers (integers only here), 3.2.3 names by UTF-16 code unit."""
    match value:
        case str():
            return '"' + "".join(ESCAPES.get(one) or (f"\\u{ord(one):04x}" if ord(one) < 0x20 else one) for one in value) + '"'
        case bool() | None | float():
            pytest.fail(f"{type(value)} has no place in an event")
        case int():
            return str(value)
        case dict():
            names = sorted(value, key=lambda name: name.encode("utf-16-be"))
            return "{" + ",".join(f"{canonical(name)}:{canonical(value[name])}" for name in names) + "}"
        case _:
            return "[" + ",".join(map(canonical, value)) + "]"


def plain(event: Event) -> dict[str, Any]:
    """The fields of an event that say something, under their names in JSON."""
    fields = {field: getattr(event, field) for field in (*REQUIRED, *OPTIONAL, *LISTS)} | {"v": event.version}
    return {name: value for name, value in fields.items() if value not in (None, ())}


@given(EVENTS)
def test_an_event_is_canonical_json(event: Event) -> None:
    """The bytes are those of RFC 8785, made by an encoder that is not ours, and read back as the same event."""
    assert encode(event) == canonical(plain(event)).encode()
    assert msgspec.json.decode(encode(event), type=Event) == event


@given(EVENTS)
def test_an_event_parsed_and_written_anew_is_the_same_bytes(event: Event) -> None:
    """Whoever verifies a leaf hash may parse first: Python's own parser loses nothing, and finds no float."""

    def no_float(text: str) -> None:
        pytest.fail(f"a float: {text}")

    assert canonical(json.loads(encode(event), parse_float=no_float)).encode() == encode(event)


def test_the_names_of_fields_are_sorted_and_final() -> None:
    """Whoever adds or renames a field sees this list change: the format is for ever."""
    names = [field.encode_name for field in msgspec.structs.fields(Event)]

    assert names == sorted(names)
    assert " ".join(names) == (
        "action actor consent explanation id network outcome parameters patients purpose request resources role salt sealed sentence "
        "time type v"
    )


def test_an_event_cannot_be_changed() -> None:
    """It is a value."""
    fields: dict[str, Any] = dict.fromkeys(REQUIRED, "x")
    event = Event(**fields, version=1)

    with pytest.raises(AttributeError):
        event.action = "delete"  # type: ignore[misc]


@example(0)
@example(LAST)
@example(951_782_399_999_999)  # the last microsecond of 28 February 2000
@example(951_868_799_999_999)  # of 29 February 2000
@example(4_107_542_399_999_999)  # of 28 February 2100, which is followed by March
@given(TIMES)
def test_a_time_is_rfc_3339_to_the_microsecond(now: int) -> None:
    """As `datetime` writes it, which counts in whole microseconds here, so that no float can round."""
    assert rfc3339(now) == (EPOCH + timedelta(microseconds=now)).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


@given(TIMES, TIMES)
def test_times_sort_as_text(one: int, other: int) -> None:
    """Whoever filters a trail by comparing texts gets the order of events."""
    assert (rfc3339(one) < rfc3339(other)) == (one < other)


@given(st.integers(0, 2**48 * 1000 - 1).filter(lambda now: now <= LAST), ENTROPY)
def test_a_stamp_says_when_and_is_otherwise_random(now: int, entropy: bytes) -> None:
    """The identifier is a UUIDv7 (RFC 9562 5.7) of the time's milliseconds; ten random bytes fill it, sixteen others are the salt."""
    identifier, text, time, salt = stamp(now, entropy)
    found = UUID(bytes=identifier)

    assert text == str(found)
    assert (found.version, found.variant) == (7, "specified in RFC 4122")
    assert found.int >> 80 == now // 1000
    assert time == rfc3339(now)
    assert bytes.fromhex(salt) == entropy[-SALT_BYTES:]


@given(TIMES, ENTROPY, st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES))
def test_the_identifier_tells_nothing_of_the_salt(now: int, entropy: bytes, other: bytes) -> None:
    """Who keeps an identifier after the body was pruned cannot compute the leaf hash of a guess."""
    assert stamp(now, entropy)[0] == stamp(now, entropy[:-SALT_BYTES] + other)[0]


@given(st.lists(st.binary(min_size=16, max_size=16).map(Pseudonym), max_size=8), st.data())
def test_pseudonyms_stand_once_in_order_of_appearance(values: list[Pseudonym], data: st.DataObject) -> None:
    """Who is named twice in one request is told once."""
    repeated = values + data.draw(st.lists(st.sampled_from(values), max_size=8)) if values else []

    assert pseudonyms(repeated) == tuple(one.hex() for one in dict.fromkeys(values))
