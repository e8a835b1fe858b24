"""What the blind index holds of a resource: canonical bytes, before they are turned into keyed hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confide.clinic.fhir.search import dates, values
from confide.clinic.fhir.search.parameters import Parameter, parameters
from confide.sealed.blind import normalise, prefixes

if TYPE_CHECKING:
    from collections.abc import Iterable

Entry = tuple[int, bool, bytes]
"""(parameter number, bound to the subject?, canonical bytes)"""

BY_COMPARTMENT = frozenset({"patient", "subject"})
"""Answered by the compartment column, which is random, and not by tokens."""


def entries(resource: Any, *, base: str, across_patients: frozenset[str]) -> list[Entry]:
    """Return the entries of a resource; a parameter opened across patients has both kinds. `base` is this server's own address."""
    kind = type(resource).__name__
    found: list[Entry] = []
    for code, parameter in parameters(kind).items():
        if code in BY_COMPARTMENT:
            continue
        content = list(canonical(parameter, resource, base))
        if not parameter.across:
            found += [(parameter.number, True, one) for one in content]
        if parameter.across or f"{kind}.{code}" in across_patients:
            found += [(parameter.number, False, one) for one in content]
    return found


def canonical(parameter: Parameter, resource: Any, base: str) -> Iterable[bytes]:
    """Return the canonical bytes of every value of a parameter."""
    content = parameter.values(resource)
    if parameter.kind == "string":
        for text in values.strings(content):
            normalised = normalise(text)
            yield whole(normalised)
            yield from (prefix(one) for one in prefixes(normalised))
    elif parameter.kind == "token":
        for system, code in values.tokens(content):
            yield coded(None, code)
            yield coded(system, code)
    elif parameter.kind == "reference":
        yield from (b"r" + text.encode() for text in values.references(content, base))
    else:
        for interval in values.intervals(content):
            yield from (b"d" + node for node in dates.index(interval))


def whole(normalised: str) -> bytes:
    """Return the form of a whole string."""
    return b"w" + normalised.encode()


def prefix(normalised: str) -> bytes:
    """Return the form of a prefix."""
    return b"p" + normalised.encode()


def coded(system: str | None, code: str) -> bytes:
    """Return the form of a code alone (system None), or of a code in a system (empty: in none)."""
    return b"c" + code.encode() if system is None else b"s" + system.encode() + b"\x00" + code.encode()
