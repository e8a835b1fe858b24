"""Dates as intervals, intervals as tokens: the index never misses what the oracle finds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from confide.clinic.fhir.search.dates import interval_of, parse_date_query
from confide.sealed.days import FOREVER, Interval, index
from tests.clinic.fhir import oracle

EPOCH = date(1970, 1, 1).toordinal() * oracle.DAY
MICROSECOND = 1000
PREFIXES = ("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")

YEARS = st.one_of(st.integers(2018, 2022), st.integers(1845, 2155), st.sampled_from([1, 1850, 2150, 9999]))
ZONES = st.sampled_from(["Z", "+00:00", "-00:00", "+14:00", "-14:00", "+05:45", "-03:30"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A date of any precision, often at the edge of a month, a year, or a minute."""
    year = draw(YEARS)
    month = draw(st.one_of(st.integers(1, 12), st.sampled_from([1, 2, 12])))
    precision = draw(st.integers(0, 6))
    text = f"{year:04d}"
    if precision >= 1:
        text += f"-{month:02d}"
    if precision >= 2:
        last = (date(year + (month == 12), month % 12 + 1, 1) - timedelta(days=1)).day if year < 9999 else 28
        text += f"-{draw(st.one_of(st.integers(1, last), st.sampled_from([1, last]))):02d}"
    if precision >= 3:
        text += draw(st.sampled_from(["T00:00", "T23:59", "T12:30", "T00:01"]))
        text += "" if precision == 3 else draw(st.sampled_from([":00", ":59", ":30"]))
        text += "" if precision < 5 else draw(st.sampled_from([".0", ".999", ".5", ".000001", ".999999", ".123456789"]))
        text += draw(ZONES)
    return text


def from_oracle(span: oracle.Span) -> Interval:
    """The same time in the unit of the index, whose microseconds are rounded down."""
    ends = [max(-FOREVER, min(FOREVER, (end - EPOCH) // MICROSECOND)) for end in (span.first, span.after)]
    return Interval(ends[0], max(ends[1], ends[0] + 1))


@given(texts())
@example("0001-01-01T00:00:00+14:00")
@example("9999-12-31T23:59:59-14:00")
@example("2000-02-29")
def test_a_date_is_the_time_that_it_covers(text: str) -> None:
    """Every precision and every zone, to the microsecond."""
    assert interval_of(text) == from_oracle(oracle.span(text))


NO_DATES = """
2020-13 2020-00 2021-02-29 2020-02-30 20200101 2020-1-1 2020-01-01T 2020-01-01T10 2020-01-01T24:00 2020-01-01T10:60 2020-01-01T10:00:00.
2020-01-01T10:00+5 ٢٠٢٠ -2020 20 eq2020 0000 2020-01-01T10:00:00.1234567890Z 2020-01-01T10:00+14:01 2020-01-01T10:00-99:00 2020-01-01t10:00
"""


@pytest.mark.parametrize("text", [*NO_DATES.split(), "", " 2020", "2020 ", "2020\n"])
def test_what_is_no_date_is_none(text: str) -> None:
    """It is refused, not guessed at."""
    assert interval_of(text) is None


@pytest.mark.parametrize("prefix", ["ap", "EQ", "=", ">", "gte", "eqeq", " "])
def test_a_prefix_that_is_not_served_is_refused(prefix: str) -> None:
    """`ap` has no exact meaning, so nothing could be checked."""
    assert parse_date_query(prefix + "2020") is None


def stored(value: Any) -> list[Interval]:
    """What the index is given for a value."""
    return [from_oracle(one) for one in oracle.spans(value)]


PERIODS = st.builds(
    lambda low, high, open_: {
        key: value
        for key, value in zip(("start", "end"), sorted((low, high), key=lambda one: oracle.span(one).first), strict=True)
        if key != open_
    },
    texts(),
    texts(),
    st.sampled_from(["", "start", "end"]),
)


@given(st.one_of(texts(), PERIODS), st.sampled_from(PREFIXES), texts())
@example({"start": "2020-01-31T23:30:00-01:00", "end": "2020-02-01"}, "eq", "2020-02")
@example({"end": "1850"}, "lt", "1851")
@example({"start": "2150-12-31"}, "gt", "2150-12-31")
@example({"start": "2000", "end": "2020"}, "eq", "2000-01-01")
@example({"start": "2020-01-01", "end": "2020-03-02"}, "sa", "2019-12-31")
def test_the_index_and_the_exact_check_agree_with_the_oracle(value: Any, prefix: str, text: str) -> None:
    """Whatever matches shares a token with the query, and the check after opening says what the oracle says."""
    query = parse_date_query(prefix + text)
    assert query is not None
    wanted = oracle.span(text)

    for there, interval in zip(oracle.spans(value), stored(value), strict=True):
        expected = oracle.compares(prefix, wanted, there)
        assert query.matches(interval) == expected
        assert not expected or set(index(interval)) & set(query.nodes())


@given(texts(), st.sampled_from(PREFIXES))
def test_a_query_has_few_nodes(text: str, prefix: str) -> None:
    """One that is open at an end names years, not the days of centuries."""
    query = parse_date_query(prefix + text)

    assert query is not None
    assert len(query.nodes()) < 450


@given(st.one_of(texts(), PERIODS))
def test_a_stored_time_has_few_tokens(value: Any) -> None:
    """However long a Period is."""
    assert all(1 <= len(index(interval)) < 110 for interval in stored(value))


def test_a_time_is_found_in_the_day_of_utc() -> None:
    """One hour before midnight in the west is the next day."""
    text = datetime(2020, 1, 31, 23, 30, tzinfo=timezone(timedelta(hours=-1))).isoformat()
    query = parse_date_query("2020-02-01")

    assert query is not None
    assert query.matches(interval_of(text) or Interval(0, 0))
    assert datetime.fromisoformat(text).astimezone(UTC).day == 1
