"""What a search must find, by brute force over plain JSON, from the text of FHIR R4 alone (https://hl7.org/fhir/R4/search.html).

Nothing here comes from the project: times are counted in nanoseconds since the first of January of the year 1, strings are folded
letter by letter, references are compared as text.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Json = dict[str, Any]

SECOND = 10**9
DAY = 86_400 * SECOND
EVER = 10**30
"""Further than any date that can be written."""


@dataclass(frozen=True)
class Span:
    """From the first nanosecond to the one after the last."""

    first: int
    after: int


def span(text: str) -> Span:
    """Return the time that a FHIR date, dateTime or instant covers; without a zone it is UTC."""
    day, _, time = text.partition("T")
    parts = [int(part) for part in day.split("-")]
    if not time:
        return Span(_start(*parts), _start(*_following(parts)))
    clock, shift = _zone(time)
    whole, _, fraction = clock.partition(".")
    hour, minute, *rest = (int(part) for part in whole.split(":"))
    first = _start(*parts) + ((hour * 60 + minute) * 60 + (rest[0] if rest else 0)) * SECOND - shift
    if fraction:
        return Span(first + int(fraction.ljust(9, "0")), first + int(fraction.ljust(9, "0")) + 10 ** (9 - len(fraction)))
    return Span(first, first + (SECOND if rest else 60 * SECOND))


def _start(year: int, month: int = 1, day: int = 1) -> int:
    if year == 10_000:
        return (date(9999, 12, 31).toordinal() + 1) * DAY
    return date(year, month, day).toordinal() * DAY


def _following(parts: list[int]) -> tuple[int, ...]:
    """Return the year, month or day after this one."""
    if len(parts) == 1:
        return (parts[0] + 1,)
    year, month = parts[:2]
    following = (year + 1, 1) if month == 12 else (year, month + 1)
    if len(parts) == 2:
        return following
    if (year, month, parts[2]) == (9999, 12, 31):
        return (10_000,)
    day = date.fromordinal(date(*parts).toordinal() + 1)
    return day.year, day.month, day.day


def _zone(time: str) -> tuple[str, int]:
    if time.endswith("Z"):
        return time[:-1], 0
    for sign, factor in (("+", 1), ("-", -1)):
        clock, found, zone = time.partition(sign)
        if found:
            hours, minutes = zone.split(":")
            return clock, factor * (int(hours) * 60 + int(minutes)) * 60 * SECOND
    return time, 0


def spans(value: Any) -> list[Span]:
    """Return what a date parameter looks at: a date as text, a Period, or the outer limits of a Timing."""
    if isinstance(value, str):
        return [span(value)]
    if {"event", "repeat", "code"} & value.keys():
        inside = [span(one) for one in value.get("event", [])]
        inside += spans(value["repeat"]["boundsPeriod"]) if "boundsPeriod" in value.get("repeat", {}) else []
        return [Span(min(one.first for one in inside), max(one.after for one in inside))] if inside else []
    return [
        Span(
            span(value["start"]).first if "start" in value else -EVER,
            span(value["end"]).after if "end" in value else EVER,
        )
    ]


def compares(prefix: str, wanted: Span, there: Span) -> bool:
    """Return whether a time that is there meets a prefix and the time that was written behind it."""
    contains = wanted.first <= there.first and there.after <= wanted.after
    above, below = there.after > wanted.after, there.first < wanted.first
    return {
        "": contains,
        "eq": contains,
        "ne": not contains,
        "gt": above,
        "lt": below,
        "ge": above or contains,
        "le": below or contains,
        "sa": there.first >= wanted.after,
        "eb": there.after <= wanted.first,
    }[prefix]


def folded(text: str) -> str:
    """Return text without case, accents and punctuation; runs of spaces are one."""
    letters = []
    for letter in unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()):
        if letter.isspace():
            letters.append(" ")
        elif not unicodedata.category(letter).startswith(("P", "C")) and not _is_accent(letter):
            letters.append(letter)
    return " ".join("".join(letters).split())


def _is_accent(letter: str) -> bool:
    return unicodedata.category(letter).startswith("M")


def names(resource: Json, *parts: str) -> list[str]:
    """Return parts of every HumanName."""
    found: list[str] = []
    for name in resource.get("name", []):
        for part in parts:
            value = name.get(part, [])
            found += [value] if isinstance(value, str) else [one for one in value if one is not None]
    return found


def pairs(values: Iterable[Json], code: str) -> list[tuple[str, str]]:
    """Return (system, code) of Identifiers or Codings; the system is empty where there is none."""
    return [(one.get("system", ""), one[code]) for one in values if code in one]


def _concept(concept: Json | None) -> list[tuple[str, str]]:
    return pairs((concept or {}).get("coding", []), "code")


@dataclass(frozen=True)
class Term:
    """One parameter of a search with its alternatives: texts, (system, code) pairs, (prefix, date) pairs, or ids."""

    name: str
    alternatives: tuple[Any, ...]

    def text(self) -> tuple[str, str]:
        """Return the name and the value as they are sent."""
        return self.name, ",".join(map(_written, self.alternatives))

    def meets(self, resource: Json) -> bool:
        """Return whether a resource meets one of the alternatives."""
        code, _, modifier = self.name.partition(":")
        if code == "_id":
            return resource["id"] in self.alternatives
        if code in {"patient", "subject", "encounter"}:
            return _refers(resource, code, self.alternatives)
        if code in {"identifier", "code"}:
            return _coded(resource, code, self.alternatives)
        if code in {"birthdate", "date"}:
            there = _dates(resource)
            return any(compares(prefix, span(text), one) for prefix, text in self.alternatives for one in there)
        there_ = names(resource, code) if code in {"family", "given"} else names(resource, "text", "family", "given", "prefix", "suffix")
        if modifier == "exact":
            return any(one == wanted for one in there_ for wanted in self.alternatives)
        return any(folded(one).startswith(folded(wanted)) for one in there_ for wanted in self.alternatives)


def _written(alternative: Any) -> str:
    """Return an alternative as it is sent, with what has a meaning there escaped."""
    if isinstance(alternative, str):
        return _escaped(alternative)
    first, second = alternative
    if first is None:
        return _escaped(second)
    return f"{_escaped(first)}|{_escaped(second)}" if isinstance(alternative, Coded) else f"{first}{second}"


def _escaped(text: str) -> str:
    for mark in ("\\", ",", "|", "$"):
        text = text.replace(mark, "\\" + mark)
    return text


class Coded(tuple[str | None, str]):
    """A system and a code: system None for any, empty for none."""

    __slots__ = ()


def _coded(resource: Json, code: str, alternatives: Sequence[Any]) -> bool:
    there = pairs(resource.get("identifier", []), "value") if code == "identifier" else _concept(resource.get("code"))
    return any(wanted == found and system in (None, given) for system, wanted in alternatives for given, found in there)


def _refers(resource: Json, code: str, alternatives: Sequence[Any]) -> bool:
    element, kind = ("encounter", "Encounter") if code == "encounter" else ("subject", "Patient")
    text = resource.get(element, {}).get("reference", "").split("/_history/")[0]
    return any(text.split("/fhir/")[-1] == f"{kind}/{one.split('/')[-1]}" for one in alternatives)


def _dates(resource: Json) -> list[Span]:
    keys = ("birthDate", "period", "effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming")
    return [one for key in keys if key in resource for one in spans(resource[key])]


def found(resources: Iterable[Json], kind: str, terms: Sequence[Term]) -> list[str]:
    """Return the ids of all resources of a type that meet every term."""
    return [one["id"] for one in resources if one["resourceType"] == kind and all(term.meets(one) for term in terms)]
