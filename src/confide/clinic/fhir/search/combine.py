"""Which salted entries answer a query: a name and a day of birth are looked up as one, and so are two dates to be born between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.clinic.fhir.search.index import dated, fields, is_compound, wanted
from confide.sealed import days, strings
from confide.sealed.blind import normalise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from confide.clinic.fhir.search.index import SaltedEntry
    from confide.clinic.fhir.search.query import Filter

MOST_COMPOUND = 50
"""Names times days of birth."""


def salted_entries(filters: Sequence[Filter]) -> list[list[SaltedEntry]]:
    """Return lists of entries; a candidate has at least one entry of every list."""
    salted = [one for one in filters if one.parameter.salted]
    names = [one for one in salted if is_compound(one.parameter)]
    births = [one for one in salted if one.parameter.code == "birthdate"]
    joined = [(name, birth) for name in names for birth in births if 0 < len(name.texts) * len(_days(birth)) <= MOST_COMPOUND]
    left = [one for one in salted if not any(one in pair for pair in joined)]
    between = [one for one in left if one in births and len(one.dates) == 1]
    alone = [one for one in left if one not in between]
    return [_compound(*pair) for pair in joined] + _between(between) + [_entries(one) for one in alone]


def _days(one: Filter) -> list[date]:
    """Return the days that a filter names, or nothing where it names anything else."""
    found = [date.day() for date in one.dates]
    return [] if None in found else [day for day in found if day is not None]


def _compound(name: Filter, birth: Filter) -> list[SaltedEntry]:
    found = [strings.dated(normalise(text), day) for text in name.texts for day in _days(birth)]
    return [(name.parameter.number, one) for one in found]


def _between(births: Sequence[Filter]) -> list[list[SaltedEntry]]:
    """Return one list for dates that all hold: a person is born once, and a date that touches two half-lines touches where they meet."""
    reaches = [one.dates[0].reach() for one in births]
    start, end = max((one.start for one in reaches), default=0), min((one.end for one in reaches), default=0)
    if start >= end:
        return [_entries(one) for one in births]
    return [_dated(births[0].parameter.number, days.cover(days.Interval(start, end)))]


def _dated(number: int, nodes: list[bytes]) -> list[SaltedEntry]:
    return [(number, dated(node)) for node in days.in_decades(nodes)]


def _entries(one: Filter) -> list[SaltedEntry]:
    if one.parameter.kind == "date":
        return _dated(one.parameter.number, [node for query in one.dates for node in query.nodes()])
    found = [wanted(one.parameter, text, exact=one.exact) for text in one.texts]
    return [(number, entry) for number in fields(one.parameter) for entry in found]
