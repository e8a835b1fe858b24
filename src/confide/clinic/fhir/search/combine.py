"""Which salted entries answer a query: a name and a day of birth are looked up as one."""

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
    births = [one for one in salted if one.parameter.code == "birthdate" and _days(one)]
    joined = [(name, birth) for name in names for birth in births if len(name.texts) * len(_days(birth)) <= MOST_COMPOUND]
    alone = [one for one in salted if not any(one in pair for pair in joined)]
    return [_compound(name, birth) for name, birth in joined] + [_entries(one) for one in alone]


def _days(one: Filter) -> list[date]:
    """Return the days that a filter names, or nothing where it names anything else."""
    found = [date.day() for date in one.dates]
    return [] if None in found else [day for day in found if day is not None]


def _compound(name: Filter, birth: Filter) -> list[SaltedEntry]:
    found = [strings.dated(normalise(text), day) for text in name.texts for day in _days(birth)]
    return [(name.parameter.number, one) for one in found]


def _entries(one: Filter) -> list[SaltedEntry]:
    if one.parameter.kind == "date":
        nodes = (node for query in one.dates for node in days.in_decades(query.nodes()))
        return [(one.parameter.number, dated(node)) for node in nodes]
    found = [wanted(one.parameter, text, exact=one.exact) for text in one.texts]
    return [(number, entry) for number in fields(one.parameter) for entry in found]
