"""Dates as intervals, intervals as tokens: a query never misses, and the exact check removes what it found too much.

A value is an interval of microseconds since 1970 (https://hl7.org/fhir/R4/search.html#date). Dates without a time zone are days in UTC.
Stored intervals are indexed at the finest level that stays small; a level that was not resolved further is marked coarse (`~`).
A query lists the nodes that cover it, and the coarse nodes above them.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, time

FIRST_YEAR, LAST_YEAR = 1850, 2150
"""Outside of these years a stored date is indexed as OPEN, which every query looks at."""
MAX_DAYS = 62
MAX_MONTHS = 36
MAX_YEARS = 20
OPEN = b"*"
FOREVER = 1 << 62
_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()

_DATE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})"
    r"(?:T(?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,9}))?)?(?P<zone>Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))?)?)?)?\Z",
    re.ASCII,
)
_PREFIX = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?(.*)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Interval:
    """Half-open, in microseconds since 1970; open ends lie at ±2⁶²."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class DateQuery:
    """A prefix and the interval of the given precision."""

    prefix: str
    interval: Interval

    def matches(self, target: Interval) -> bool:
        """Return whether a stored interval matches, by the table of prefixes in FHIR R4 search."""
        query = self.interval
        contained = query.start <= target.start and target.end <= query.end
        return {
            "eq": contained,
            "ne": not contained,
            "gt": target.end > query.end,
            "lt": target.start < query.start,
            "ge": contained or target.end > query.end,
            "le": contained or target.start < query.start,
            "sa": target.start >= query.end,
            "eb": target.end <= query.start,
        }[self.prefix]

    def nodes(self) -> list[bytes]:
        """Return tokens of which every matching interval has at least one."""
        low = self.interval.start if self.prefix in {"eq", "gt", "ge", "sa"} else -FOREVER
        high = self.interval.end if self.prefix in {"eq", "lt", "le", "eb"} else FOREVER
        return cover(Interval(low, high))


def parse_date_query(text: str) -> DateQuery | None:
    """Return a query value, or None where FHIR does not allow it. `ap` is not served and gives None too."""
    match = _PREFIX.match(text)
    prefix = (match[1] if match else None) or "eq"
    interval = interval_of(match[2]) if match else None
    return None if interval is None or prefix == "ap" else DateQuery(prefix, interval)


def interval_of(text: str) -> Interval | None:
    """Return the interval of a FHIR date, dateTime or instant of any precision."""
    match = _DATE.match(text)
    if match is None:
        return None
    try:
        return _interval(match)
    except (ValueError, OverflowError):
        return None


def _interval(match: re.Match[str]) -> Interval:
    year, month, day = int(match["year"]), int(match["month"] or 1), int(match["day"] or 1)
    first = date(year, month, day)
    if match["hour"] is None:
        if match["day"]:
            last = first
        elif match["month"]:
            last = date(year, month, monthrange(year, month)[1])
        else:
            last = date(year, 12, 31)
        return Interval(_midnight(first), _midnight(last) + _DAY)
    second = min(int(match["second"] or 0), 59)  # a leap second belongs to the second before it
    clock = time(int(match["hour"]), int(match["minute"]), second)  # refuses what no clock shows
    fraction = (match["fraction"] or "").ljust(6, "0")[:6]
    # Counted in integers: a zone may lead out of the years 1 to 9999, in which datetime ends.
    minutes = clock.hour * 60 + clock.minute - _offset(match["zone"])
    micro = _midnight(first) + minutes * 60_000_000 + clock.second * 1_000_000 + int(fraction)
    width = 10 ** max(0, 6 - len(match["fraction"])) if match["fraction"] else 1_000_000 if match["second"] else 60_000_000
    return Interval(micro, micro + width)


def _offset(zone: str | None) -> int:
    """Return the minutes east of UTC."""
    if zone is None or zone == "Z":
        return 0
    sign = -1 if zone[0] == "-" else 1
    return sign * (int(zone[1:3]) * 60 + int(zone[4:6]))


def _midnight(day: date) -> int:
    return (day.toordinal() - _EPOCH) * _DAY


def _days(interval: Interval) -> tuple[date, date] | None:
    """Return the first and last day that an interval touches, or None where it lies outside of what is resolved."""
    low, high = interval.start // _DAY + _EPOCH, (interval.end - 1) // _DAY + _EPOCH
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
    bounds = Interval(_midnight(date(FIRST_YEAR, 1, 1)), _midnight(date(LAST_YEAR, 12, 31)) + _DAY)
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
