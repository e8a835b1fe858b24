"""Dates as intervals, intervals as entries of an index: a query never misses, and the exact check removes what it found too much.

Stored intervals are indexed at the finest level that stays small; a level that was not resolved further is marked coarse (`~`).
A query lists the nodes that cover it, and the coarse nodes above them.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

FIRST_YEAR, LAST_YEAR = 1850, 2150
"""Outside of these years a stored date is indexed as OPEN, which every query looks at."""
MAX_DAYS = 62
MAX_MONTHS = 36
MAX_YEARS = 20
OPEN = b"*"
FOREVER = 1 << 62
DAY = 86_400_000_000
"""Microseconds."""
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Interval:
    """Half-open, in microseconds since 1970 in UTC; open ends lie at ±2⁶²."""

    start: int
    end: int


def midnight(day: date) -> int:
    """Return the first microsecond of a day."""
    return (day.toordinal() - _EPOCH) * DAY


def _days(interval: Interval) -> tuple[date, date] | None:
    """Return the first and last day that an interval touches, or None where it lies outside of what is resolved."""
    low, high = interval.start // DAY + _EPOCH, (interval.end - 1) // DAY + _EPOCH
    if low < date(FIRST_YEAR, 1, 1).toordinal() or high > date(LAST_YEAR, 12, 31).toordinal():
        return None
    return date.fromordinal(low), date.fromordinal(max(low, high))


def index(interval: Interval) -> list[bytes]:
    """Return the tokens of a stored interval."""
    days = _days(interval) if interval.start < interval.end else None  # a Period may end before it starts
    if days is None or days[1].year - days[0].year > MAX_YEARS:
        return [OPEN]
    first, last = days
    found = {b"%d" % year for year in range(first.year, last.year + 1)}
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if months > MAX_MONTHS:
        return sorted(found | {year + b"~" for year in found})
    named = {_month(first, at) for at in range(months)}
    found |= named
    if (last - first).days >= MAX_DAYS:
        return sorted(found | {month + b"~" for month in named})
    span = range(first.toordinal(), last.toordinal() + 1)
    return sorted(found | {date.fromordinal(day).isoformat().encode() for day in span})


def _month(first: date, offset: int) -> bytes:
    year, month = divmod(first.year * 12 + first.month - 1 + offset, 12)
    return b"%d-%02d" % (year, month + 1)


def cover(interval: Interval) -> list[bytes]:
    """Return the nodes whose union covers an interval, the coarse nodes above them, and OPEN."""
    bounds = Interval(midnight(date(FIRST_YEAR, 1, 1)), midnight(date(LAST_YEAR, 12, 31)) + DAY)
    clipped = Interval(max(interval.start, bounds.start), min(interval.end, bounds.end))
    found = {OPEN}
    if clipped.start >= clipped.end:
        return sorted(found)
    days = _days(clipped)
    if days is None:
        return sorted(found)
    day, last = days
    while day <= last:
        year_end, month_end = date(day.year, 12, 31), date(day.year, day.month, monthrange(day.year, day.month)[1])
        year, month = b"%d" % day.year, b"%d-%02d" % (day.year, day.month)
        if (day.month, day.day) == (1, 1) and year_end <= last:
            found.add(year)
            following = year_end
        elif day.day == 1 and month_end <= last:
            found |= {month, year + b"~"}
            following = month_end
        else:
            found |= {day.isoformat().encode(), month + b"~", year + b"~"}
            following = day
        day = date.fromordinal(following.toordinal() + 1)
    return sorted(found)


def day_of(interval: Interval) -> date | None:
    """Return the day that an interval is, or None for any other interval."""
    days = _days(interval) if interval.end - interval.start == DAY else None
    return days[0] if days and days[0] == days[1] else None


def with_decades(nodes: list[bytes]) -> list[bytes]:
    """Return the entries of a stored interval and those of its decades, so that a search over many years asks for few of them."""
    return nodes + sorted({_decade(node) for node in nodes if _is_year(node)})


def in_decades(nodes: list[bytes]) -> list[bytes]:
    """Return the nodes of a query with every ten years that make a whole decade in one."""
    years = {node for node in nodes if _is_year(node)}
    whole = {_decade(year) for year in years if all(_decade(year)[:3] + digit in years for digit in _DIGITS)}
    return sorted(whole | {node for node in nodes if not (_is_year(node) and _decade(node) in whole)})


_DIGITS = (b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9")


def _is_year(node: bytes) -> bool:
    return len(node) == len(b"2000")


def _decade(year: bytes) -> bytes:
    return year[:3] + b"x"
