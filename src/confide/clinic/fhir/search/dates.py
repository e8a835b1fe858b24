"""Dates of FHIR as intervals of microseconds since 1970 (https://hl7.org/fhir/R4/search.html#date); without a zone they are days in UTC."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, time

from confide.sealed.days import DAY, FOREVER, Interval, cover, day_of, midnight

_DATE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})"
    r"(?:T(?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,9}))?)?(?P<zone>Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))?)?)?)?\Z",
    re.ASCII,
)
_PREFIX = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?(.*)\Z", re.DOTALL)


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

    def day(self) -> date | None:
        """Return the only day that a matching value may be, or None where there are others."""
        return day_of(self.interval) if self.prefix == "eq" else None

    def reach(self) -> Interval:
        """Return an interval that every matching one touches."""
        low = self.interval.start if self.prefix in {"eq", "gt", "ge", "sa"} else -FOREVER
        high = self.interval.end if self.prefix in {"eq", "lt", "le", "eb"} else FOREVER
        return Interval(low, high)

    def nodes(self) -> list[bytes]:
        """Return tokens of which every matching interval has at least one."""
        return cover(self.reach())


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
        return Interval(midnight(first), midnight(last) + DAY)
    second = min(int(match["second"] or 0), 59)  # a leap second belongs to the second before it
    clock = time(int(match["hour"]), int(match["minute"]), second)  # refuses what no clock shows
    fraction = (match["fraction"] or "").ljust(6, "0")[:6]
    # Counted in integers: a zone may lead out of the years 1 to 9999, in which datetime ends.
    minutes = clock.hour * 60 + clock.minute - _offset(match["zone"])
    micro = midnight(first) + minutes * 60_000_000 + clock.second * 1_000_000 + int(fraction)
    width = 10 ** max(0, 6 - len(match["fraction"])) if match["fraction"] else 1_000_000 if match["second"] else 60_000_000
    return Interval(micro, micro + width)


def _offset(zone: str | None) -> int:
    """Return the minutes east of UTC."""
    if zone is None or zone == "Z":
        return 0
    sign = -1 if zone[0] == "-" else 1
    return sign * (int(zone[1:3]) * 60 + int(zone[4:6]))
