"""The exact check of a resource against a query (https://hl7.org/fhir/R4/search.html), after it was opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confide.clinic.fhir.search import values
from confide.sealed.blind import normalise
from confide.sealed.phonetic import sound

if TYPE_CHECKING:
    from confide.clinic.fhir.search.query import Filter, Query


def matches(query: Query, resource: Any, base: str) -> bool:
    """Return whether a resource meets every filter, and is about the patient that the query names; `base` is this server's own."""
    if query.patient is not None and query.patient_parameter is not None:
        found = values.references(query.patient_parameter.values(resource), base)
        if f"Patient/{query.patient}" not in found:
            return False
    return all(_meets(one, resource, base) for one in query.filters)


def _meets(one: Filter, resource: Any, base: str) -> bool:
    content = one.parameter.values(resource)
    kind = one.parameter.kind
    if kind == "string":
        found = values.strings(content)
        if one.parameter.code == "phonetic":
            sounds = {sound(normalise(text)) for text in one.texts}
            return any(sound(normalise(text)) in sounds for text in values.strings(content, ("family", "given")))
        if one.exact:
            return any(text in one.texts for text in found)
        wanted = tuple(map(normalise, one.texts))
        return any(normalise(text).startswith(wanted) for text in found)
    if kind == "token":
        coded = values.tokens(content)
        return any(code == wanted and system in (None, given) for system, wanted in one.codes for given, code in coded)
    if kind == "reference":
        return any(text in one.texts for text in values.references(content, base))
    stored = values.intervals(content)
    return any(date.matches(interval) for date in one.dates for interval in stored)
