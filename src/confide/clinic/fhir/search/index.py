"""What the blind index holds of a resource: canonical bytes, before they are turned into keyed hashes."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from confide.clinic.fhir.errors import TooCostly
from confide.clinic.fhir.search import values
from confide.clinic.fhir.search.errors import UnsupportedSearch
from confide.clinic.fhir.search.parameters import Parameter, parameters
from confide.sealed import days, phonetic, strings
from confide.sealed.blind import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

T = TypeVar("T")

Entry = tuple[int, bool, bytes]
"""(parameter number, bound to the subject?, canonical bytes)"""

SaltedEntry = tuple[int, bytes]
"""(parameter number, canonical bytes)"""

MOST_ENTRIES = 5_000
"""Of one resource. Real ones have up to a hundred; each costs about 0.1 ms, in which nobody else is served."""

BY_COMPARTMENT = frozenset({"patient", "subject"})
"""Answered by the compartment column, which is random, and not by tokens."""


@dataclass(slots=True)
class Entries:
    """What the index holds of one resource."""

    plain: list[Entry] = field(default_factory=list)
    salted: list[SaltedEntry | None] = field(default_factory=list)
    """None where a string is too short for an entry."""


def entries(resource: Any, *, base: str, across_patients: frozenset[str]) -> Entries:
    """Return the entries of a resource; a parameter opened across patients has both kinds. `base` is this server's own address.

    Raises:
        TooCostly: there are more than `MOST_ENTRIES`.
    """
    kind = type(resource).__name__
    born = list(_births(kind, resource))
    found = Entries()
    for code, parameter in parameters(kind).items():
        if code in BY_COMPARTMENT:
            continue
        if parameter.salted:
            found.salted += _bounded(salted(parameter, resource, born))
            continue
        content = _bounded(canonical(parameter, resource, base))
        if not parameter.across:
            found.plain += [(parameter.number, True, one) for one in content]
        if parameter.across or f"{kind}.{code}" in across_patients:
            found.plain += [(parameter.number, False, one) for one in content]
    return found


def _bounded(found: Iterable[T]) -> list[T]:
    """Return what is found by one parameter, as long as it is not too much."""
    most = list(islice(found, MOST_ENTRIES + 1))
    if len(most) > MOST_ENTRIES:
        message = f"The resource holds more than {MOST_ENTRIES} values that it is to be found by: divide it."
        raise TooCostly(message)
    return most


def salted(parameter: Parameter, resource: Any, born: Sequence[date]) -> Iterable[SaltedEntry | None]:
    """Return the entries of a parameter by which persons are searched; names have a compound one with the day of birth."""
    for one in _salted(parameter, resource, born):
        yield None if one is None else (parameter.number, one)


def _salted(parameter: Parameter, resource: Any, born: Sequence[date]) -> Iterable[bytes | None]:
    content = parameter.values(resource)
    if parameter.kind == "date":
        for interval in values.intervals(content):
            yield from map(dated, days.with_decades(days.index(interval)))
        return
    for text in values.strings(content, own_parts(parameter)):
        normalised = normalise(text)
        yield from _string(parameter, normalised)
        if is_compound(parameter):
            yield from (strings.dated(normalised, day) for day in born)


def is_compound(parameter: Parameter) -> bool:
    """Return whether a name is looked up together with the day of birth, where both are known: one for each person is enough."""
    known = parameters(parameter.type)
    return "birthdate" in known and parameter.code == ("family" if "family" in known else "name")


def _string(parameter: Parameter, normalised: str) -> list[bytes | None]:
    return [phonetic.entry(normalised)] if parameter.code == "phonetic" else strings.stored(normalised)


def own_parts(parameter: Parameter) -> tuple[str, ...]:
    """Return the parts of a HumanName that a parameter has entries of: what `family` and `given` hold, `name` does not repeat."""
    if parameter.code == "phonetic":
        return ("family", "given")
    others = parameters(parameter.type) if parameter.code == "name" else {}
    return tuple(part for part in values.NAME_PARTS if part not in others)


def fields(parameter: Parameter) -> list[int]:
    """Return the numbers of the parameters whose entries answer a salted one."""
    others = parameters(parameter.type)
    return [parameter.number, *(others[part].number for part in ("family", "given") if parameter.code == "name" and part in others)]


def wanted(parameter: Parameter, text: str, *, exact: bool) -> bytes:
    """Return the entry that everything has that a search for a string finds.

    Raises:
        UnsupportedSearch: the text is too short.
    """
    normalised = normalise(text)
    if parameter.code == "phonetic":
        return phonetic.entry(normalised)
    if exact:
        return strings.whole(normalised)
    if len(normalised) < strings.SHORTEST:
        message = "Search strings by at least two letters or digits."
        raise UnsupportedSearch(message)
    return strings.beginning(normalised)


def _births(kind: str, resource: Any) -> Iterable[date]:
    """Return the days of birth of a resource whose strings may be searched together with them."""
    parameter = parameters(kind).get("birthdate")
    for interval in values.intervals(parameter.values(resource)) if parameter else ():
        day = days.day_of(interval)
        if day is not None:
            yield day


def canonical(parameter: Parameter, resource: Any, base: str) -> Iterable[bytes]:
    """Return the canonical bytes of every value of a parameter."""
    content = parameter.values(resource)
    if parameter.kind == "string":
        for text in values.strings(content):
            yield from (one for one in _string(parameter, normalise(text)) if one is not None)
    elif parameter.kind == "token":
        for system, code in values.tokens(content):
            yield coded(None, code)
            yield coded(system, code)
    elif parameter.kind == "reference":
        yield from (b"r" + text.encode() for text in values.references(content, base))
    else:
        for interval in values.intervals(content):
            yield from map(dated, days.index(interval))


def dated(node: bytes) -> bytes:
    """Return the form of a node of `sealed.days`."""
    return b"d" + node


def coded(system: str | None, code: str) -> bytes:
    """Return the form of a code alone (system None), or of a code in a system (empty: in none)."""
    return b"c" + code.encode() if system is None else b"s" + system.encode() + b"\x00" + code.encode()
