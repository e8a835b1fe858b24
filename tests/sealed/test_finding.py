"""What finds a value: whatever ought to be found shares an entry, and checks remove what was found too much."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.datamap.terms import Category
from confide.sealed import finding
from confide.sealed.blind import normalise
from confide.sealed.errors import SearchRefused
from confide.sealed.finding import Find, Sought

NAME, MAIL, BIRTH = Category.NAME, Category.CONTACT, Category.BIRTH


def finds(sought: Sought, category: Category, find: Find, value: object) -> bool:
    """Whether a search finds a value."""
    shared = set(sought.entries) & set(finding.stored(category, find, value))
    return bool(shared) and (sought.check is None or sought.check(value))


@pytest.mark.parametrize(
    ("category", "stored", "wanted", "found"),
    [
        (NAME, "José Núñez", "JOSE  NUNEZ", True), (NAME, "O'Brien", "obrien", True), (NAME, "Ada", "Adam", False),
        (MAIL, "A.B@Example.org", "a.b@example.ORG ", True), (MAIL, "ab@example.org", "a.b@example.org", False),
        (Category.IDENTIFIER, 7, 7, True), (Category.IDENTIFIER, 7, "7", False),
        (Category.FINANCIAL, Decimal("1.50"), Decimal("1.5"), True), (NAME, "…", "!", False),
    ],
)  # fmt: skip
def test_whole_values(category: Category, stored: object, wanted: object, found: bool) -> None:
    """Names without case, marks and punctuation; identifiers without case alone."""
    assert finds(finding.matching(category, wanted), category, Find.EXACT, stored) is found


LETTERS = st.text(st.sampled_from("abcéÄ -'ß"), max_size=14)


@given(LETTERS, LETTERS, st.integers(0, 14))
def test_beginnings(value: str, other: str, shared: int) -> None:
    """A value is found by exactly its normalised beginnings."""
    wanted = value[:shared] + other
    if len(normalise(wanted)) < 2:
        with pytest.raises(SearchRefused):
            finding.starting_with(wanted)
        return

    assert finds(finding.starting_with(wanted), NAME, Find.PREFIX, value) is normalise(value).startswith(normalise(wanted))


def test_sounds() -> None:
    """English sounds."""
    assert finds(finding.sounding_like("Smyth"), NAME, Find.PHONETIC, "Smith")
    assert not finds(finding.sounding_like("Jones"), NAME, Find.PHONETIC, "Smith")


DAYS = st.dates(date(1845, 1, 1), date(2155, 1, 1)) | st.dates(date(1999, 12, 1), date(2000, 3, 1))


@given(DAYS, DAYS, DAYS)
def test_days_between_two(value: date, low: date, high: date) -> None:
    """Exactly those, also where they lie too far away to be resolved."""
    found = [finds(one, BIRTH, Find.RANGE, value) for one in finding.between(low, high)]

    assert any(found) is (low <= value <= high)


MOMENTS = st.datetimes(datetime(2024, 2, 27), datetime(2024, 3, 2), timezones=st.just(UTC))  # noqa: DTZ001 - bounds of a strategy have none


@given(MOMENTS, MOMENTS, MOMENTS)
def test_moments_between_two(value: datetime, low: datetime, high: datetime) -> None:
    """Exactly those; only the days at both ends need to be opened."""
    sought = finding.between(low, high)

    assert any(finds(one, BIRTH, Find.RANGE, value) for one in sought) is (low <= value <= high)
    checked = [entry for one in sought if one.check for entry in one.entries]
    assert set(checked) <= {low.date().isoformat().encode(), high.date().isoformat().encode()}


def test_a_century_takes_few_entries() -> None:
    """Decades cover it."""
    entries = [entry for one in finding.between(date(1900, 1, 1), date(1999, 12, 31)) for entry in one.entries]

    assert len(entries) == 10


def test_mixed_ends_are_refused() -> None:
    """A date and a moment, or one end with a zone."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for low, high in ((date(2026, 1, 1), now), (now.replace(tzinfo=None), now + timedelta(days=1))):
        with pytest.raises(SearchRefused):
            finding.between(low, high)
