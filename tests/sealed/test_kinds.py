"""Kinds of values: every value of a type comes back as it was, and nothing else is taken."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.sealed.errors import WrongKind
from confide.sealed.kinds import kind_of
from confide.sealed.padding import BLOCK, pad, unpad


class Colour(Enum):
    RED = "r"
    GREEN = "g"


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
ZONES = st.none() | st.just(UTC) | st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXTS, inside, max_size=3),
    max_leaves=8,
)  # fmt: skip
VALUES: dict[type, st.SearchStrategy[Any]] = {
    str: TEXTS,
    bytes: st.binary(),
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    Decimal: st.decimals(allow_nan=False),
    date: st.dates(),
    datetime: st.datetimes(timezones=ZONES),
    time: st.times(),
    timedelta: st.timedeltas(),
    UUID: st.uuids(),
    Colour: st.sampled_from(Colour),
    dict: st.dictionaries(TEXTS, JSON, max_size=4),
    list: st.lists(JSON, max_size=4),
}


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_value_comes_back_as_it_was(kind: type, data: st.DataObject) -> None:
    """Equal, of the same type, and written the same way again."""
    value = data.draw(VALUES[kind])
    found = kind_of(kind)
    back = found.decode(found.encode(value))

    assert (back, type(back)) == (value, type(value))
    assert str(back) == str(value) or kind is datetime  # a zone comes back as its offset
    assert found.encode(back) == found.encode(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (str, 1), (str, b"x"), (str, "\ud800"), (int, True), (int, "1"), (bool, 1), (date, datetime(2026, 1, 1, tzinfo=UTC)),
        (datetime, date(2026, 1, 1)), (Decimal, 1.5), (bytes, "x"), (UUID, "x"), (Colour, "RED"), (dict, {"x": float("nan")}),
        (dict, {"x": object()}), (float, "1"),
    ],
)  # fmt: skip
def test_what_is_of_another_type_is_refused_and_not_repeated(kind: type, value: object) -> None:
    """The refusal names types, never the value."""
    with pytest.raises(WrongKind) as refused:
        kind_of(kind).encode(value)

    assert repr(value) not in str(refused.value)


def test_a_type_without_a_kind_is_refused() -> None:
    """A column of such a type fails when it is declared."""
    with pytest.raises(WrongKind, match="complex"):
        kind_of(complex)


@given(st.binary(max_size=50))
def test_padding_hides_the_length_and_goes_again(content: bytes) -> None:
    """Lengths are multiples of sixteen, at most sixteen longer."""
    padded = pad(content)

    assert unpad(padded) == content
    assert len(padded) % BLOCK == 0
    assert 1 <= len(padded) - len(content) <= BLOCK
