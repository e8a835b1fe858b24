"""What stands in a resource, in the form that searches compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from confide.clinic.fhir.search.dates import interval_of
from confide.sealed.days import FOREVER, Interval

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME_PARTS = ("text", "family", "given", "prefix", "suffix")


def strings(values: Iterable[Any], parts: tuple[str, ...] = NAME_PARTS) -> list[str]:
    """Return the strings that a string parameter searches: strings as they are, these parts of a HumanName."""
    found: list[str] = []
    for value in values:
        if isinstance(value, str):
            found.append(value)
        elif type(value).__name__ == "HumanName":
            for part in parts:
                inside = getattr(value, part)
                found += [inside] if isinstance(inside, str) else [one for one in inside or () if one] if inside is not UNSET else []
    return found


def tokens(values: Iterable[Any]) -> list[tuple[str, str]]:
    """Return (system, code) pairs of a token parameter; the system is empty where there is none."""
    found: list[tuple[str, str]] = []
    for value in values:
        kind = type(value).__name__
        if kind == "CodeableConcept":
            found += tokens(value.coding if value.coding is not UNSET else ())
        elif kind == "Coding" and value.code is not UNSET:
            found.append((_text(value.system), value.code))
        elif kind == "Identifier" and value.value is not UNSET:
            found.append((_text(value.system), value.value))
        elif isinstance(value, str):
            found.append(("", value))
    return found


def references(values: Iterable[Any], base: str) -> list[str]:
    """Return literal references without a version, and without `base` where they are absolute and lead to this very server."""
    found = (getattr(value, "reference", UNSET) for value in values)
    return [text.removeprefix(base + "/").split("/_history/", 1)[0] for text in found if isinstance(text, str)]


def intervals(values: Iterable[Any]) -> list[Interval]:
    """Return the intervals of dates, instants, Periods and Timings."""
    found: list[Interval] = []
    for value in values:
        if isinstance(value, str):
            one = interval_of(value)
            found += [one] if one else []
        elif type(value).__name__ == "Period":
            found.append(_period(value))
        elif type(value).__name__ == "Timing":
            found += _outer_limits(value)
    return found


def _outer_limits(timing: Any) -> list[Interval]:
    """Return the one interval of a Timing, of which only the outer limits matter, or none where it has none."""
    inside = [event for event in timing.event if event] if timing.event is not UNSET else []
    if timing.repeat is not UNSET and timing.repeat.boundsPeriod is not UNSET:
        inside.append(timing.repeat.boundsPeriod)
    found = intervals(inside)
    return [Interval(min(one.start for one in found), max(one.end for one in found))] if found else []


def _period(value: Any) -> Interval:
    start = interval_of(value.start) if value.start is not UNSET else None
    end = interval_of(value.end) if value.end is not UNSET else None
    return Interval(start.start if start else -FOREVER, end.end if end else FOREVER)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
