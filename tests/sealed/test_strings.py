"""Strings, sounds and days as entries: whatever a search asks for, what it is to find has the entry."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.sealed import days, phonetic, strings
from confide.sealed.blind import normalise
from confide.sealed.days import Interval

TEXTS = st.one_of(st.text(max_size=24), st.sampled_from(["Li", "王", "김철수", "O'Brien", "Müller-Lüdenscheidt", "van der Berg", "ß", ""]))
DAYS = st.dates(date(1849, 1, 1), date(2151, 12, 31))


@given(TEXTS, st.integers(0, 24))
def test_a_string_is_found_by_each_of_its_beginnings(text: str, length: int) -> None:
    """From two characters on; a beginning has an entry that the string has."""
    normalised = normalise(text)
    beginning = normalised[: max(strings.SHORTEST, length)]

    if len(beginning) >= strings.SHORTEST:
        assert strings.beginning(beginning) in strings.stored(normalised)
    assert strings.whole(normalised) in strings.stored(normalised)


@given(TEXTS)
def test_every_string_has_five_entries(text: str) -> None:
    """Their number tells nothing of its length, and no two of them are alike."""
    found = strings.stored(normalise(text))

    assert len(found) == len(strings.LENGTHS) == 5
    assert len({one for one in found if one is not None}) == 5 - found.count(None)


@given(TEXTS, TEXTS)
def test_a_short_string_has_an_entry_of_its_own(one: str, other: str) -> None:
    """Below eight characters a whole string shares its last entry with no other; a beginning is never taken for a whole."""
    first, second = normalise(one), normalise(other)

    if first != second and len(first) < strings.LONGEST:
        assert strings.whole(first) not in strings.stored(second)
        assert strings.dated(first, date(2000, 1, 1)) not in strings.stored(second)


@pytest.mark.parametrize(
    "alike", [("Smith", "Smyth"), ("Catherine", "Katherine"), ("McDonald", "Mac Donald"), ("Müller", "Muller"), ("王", "王")]
)
def test_what_sounds_alike_has_one_entry(alike: tuple[str, str]) -> None:
    """English letters by Metaphone, without regard to spaces; anything else as it is."""
    one, other = map(normalise, alike)

    assert phonetic.entry(one) == phonetic.entry(other)


@pytest.mark.parametrize("apart", [("Smith", "Jones"), ("王", "李"), ("Наталья", "Наталия"), ("12", "13")])
def test_what_sounds_otherwise_has_another(apart: tuple[str, str]) -> None:
    """What has no sound in English is alike only where it is equal."""
    one, other = map(normalise, apart)

    assert phonetic.entry(one) != phonetic.entry(other)


@given(DAYS, DAYS, DAYS, DAYS)
def test_decades_lose_nothing(first: date, last: date, start: date, end: date) -> None:
    """A stored interval that a query touches has one of the query's nodes, with decades as without."""
    stored = Interval(days.midnight(min(first, last)), days.midnight(max(first, last)) + days.DAY)
    query = Interval(days.midnight(min(start, end)), days.midnight(max(start, end)) + days.DAY)

    if stored.start < query.end and query.start < stored.end:
        plain, asked = days.index(stored), days.cover(query)
        assert set(plain) & set(asked)
        assert set(days.with_decades(plain)) & set(days.in_decades(asked))


def test_a_search_over_many_years_asks_for_few_nodes() -> None:
    """Ten whole years are one node."""
    from_1980 = days.cover(Interval(days.midnight(date(1980, 5, 17)), days.FOREVER))
    one_year = days.cover(Interval(days.midnight(date(1980, 1, 1)), days.midnight(date(1981, 1, 1))))

    assert len(from_1980) > 190
    assert len(days.in_decades(from_1980)) < 60
    assert days.in_decades(one_year) == one_year


@given(DAYS, st.integers(-1, 1), st.integers(-1, 1))
def test_only_a_whole_day_is_a_day(day: date, before: int, after: int) -> None:
    """To the microsecond, and within the years that are resolved."""
    interval = Interval(days.midnight(day) + before, days.midnight(day) + days.DAY + after)
    resolved = date(days.FIRST_YEAR, 1, 1) <= day <= date(days.LAST_YEAR, 12, 31)

    assert days.day_of(interval) == (day if before == after == 0 and resolved else None)
    assert days.midnight(day + timedelta(1)) - days.midnight(day) == days.DAY


@given(st.text(st.sampled_from("abcXYZ019"), max_size=12))
def test_plain_letters_and_digits_are_only_folded(text: str) -> None:
    """The quick way of the normaliser does what the thorough one would: a space behind makes it take that one."""
    assert normalise(text) == normalise(text + " ")
