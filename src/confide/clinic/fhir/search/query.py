"""From query parameters to a query, or to a refusal that says why. No message holds what the client sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confide.clinic.fhir.search import index
from confide.clinic.fhir.search.dates import DateQuery, parse_date_query
from confide.clinic.fhir.search.errors import InvalidSearch, UnsupportedSearch
from confide.clinic.fhir.search.parameters import Parameter, parameters

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_ALTERNATIVES = 50
MAX_FILTERS = 8
"""Different ones; each is looked up for every candidate, and equal ones are asked once."""
MAX_VALUE = 1024
"""Characters of one parameter's value."""
_TOLERATED = frozenset({"_format", "_pretty"})
RESULT_PARAMETERS = frozenset({"_id", "_count", "_total"}) | _TOLERATED
"""What every type takes beside its own search parameters."""
_SPLIT = re.compile(r"(?:[^\\,]|\\.)+", re.DOTALL)
_ESCAPE = re.compile(r"\\([\\,|$])")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class Filter:
    """One parameter of a query; its alternatives are joined by OR."""

    parameter: Parameter
    exact: bool
    bound: bool
    """Whether its tokens are bound to the subject that the query names."""
    texts: tuple[str, ...] = ()
    """Of string and reference parameters."""
    codes: tuple[tuple[str | None, str], ...] = ()
    """(system, code) of token parameters; system None: in any, empty: in none."""
    dates: tuple[DateQuery, ...] = ()

    def tokens(self) -> Iterable[tuple[int, bool, bytes]]:
        """Return (number, bound, canonical bytes); a candidate has at least one of them."""
        return [(self.parameter.number, self.bound, one) for one in self._canonical()]

    def _canonical(self) -> list[bytes]:
        kind = self.parameter.kind
        if kind == "string":
            return [index.wanted(self.parameter, text, exact=self.exact) for text in self.texts]
        if kind == "token":
            return [index.coded(system, code) for system, code in self.codes]
        if kind == "reference":
            return [b"r" + text.encode() for text in self.texts]
        return [index.dated(node) for one in self.dates for node in one.nodes()]


@dataclass(frozen=True, slots=True)
class Query:
    """A search, understood."""

    type: str
    filters: tuple[Filter, ...]
    ids: tuple[str, ...] | None
    patient: str | None
    patient_parameter: Parameter | None
    count: int
    total: bool
    """Whether an exact count is asked for."""
    obeyed: tuple[tuple[str, str], ...]
    """The pairs without those that a lenient caller has passed over."""


def parse_query(
    type_name: str,
    pairs: list[tuple[str, str]],
    *,
    lenient: bool,
    across_patients: frozenset[str],
    default_count: int,
    max_count: int,
) -> Query:
    """Return the query that the pairs ask.

    Raises:
        InvalidSearch: a value that FHIR does not allow.
        UnsupportedSearch: an unknown parameter or modifier, or one that the blind index cannot answer.
    """
    known = parameters(type_name)
    patients = {value for name, value in pairs if name.split(":", 1)[0] in index.BY_COMPARTMENT and name.split(":", 1)[0] in known}
    filters, ids, patient, about, count, total = [], None, None, None, default_count, False
    for name, value in pairs:
        code, _, modifier = name.partition(":")
        _check_value(value)
        if name == "_id":
            chosen = tuple(_ids(value))
            ids = chosen if ids is None else tuple(one for one in ids if one in chosen)
        elif name == "_count":
            count = _count(value, max_count)
        elif name == "_total":
            total = _wants_total(value)
        elif name in _TOLERATED:
            continue
        elif code in known and code in index.BY_COMPARTMENT:
            patient, about = _patient(value, modifier, named=patient), known[code]
        elif code in known:
            filters.append(_filter(known[code], modifier, value, named=bool(patients), across_patients=across_patients))
        elif not lenient or code in RESULT_PARAMETERS:  # leniency is for unknown parameters, not for unknown modifiers
            message = f"A parameter is not known for this type. Known are: {', '.join(['_id', '_count', '_total', *sorted(known)])}."
            raise UnsupportedSearch(message)
    if count == 0:
        total = True
    obeyed = tuple(pair for pair in pairs if pair[0] in RESULT_PARAMETERS or pair[0].partition(":")[0] in known)
    return Query(type_name, _distinct(filters), ids, patient, about, count, total, obeyed)


def _distinct(filters: list[Filter]) -> tuple[Filter, ...]:
    """Return each filter once; refuse more than a search may have."""
    found = tuple(dict.fromkeys(filters))
    if len(found) > MAX_FILTERS:
        message = f"A search takes up to {MAX_FILTERS} different parameters that select."
        raise UnsupportedSearch(message)
    return found


def _check_value(value: str) -> None:
    if len(value) > MAX_VALUE or "\x00" in value:
        message = "A search value is too long, or holds a NUL."
        raise InvalidSearch(message)


def _ids(value: str) -> list[str]:
    found = value.split(",")
    if len(found) > MAX_ALTERNATIVES or not all(map(_ID.match, found)):
        message = f"_id takes up to {MAX_ALTERNATIVES} identifiers."
        raise InvalidSearch(message)
    return found


def _count(value: str, largest: int) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) < 10):  # noqa: PLR2004 - digits of an int32
        message = "_count must be a number."
        raise InvalidSearch(message)
    return min(int(value), largest)


def _wants_total(value: str) -> bool:
    if value not in {"none", "estimate", "accurate"}:
        message = "_total must be none, estimate or accurate."
        raise InvalidSearch(message)
    return value == "accurate"


def _patient(value: str, modifier: str, *, named: str | None) -> str:
    if named is not None:
        message = "Name one patient, once."
        raise UnsupportedSearch(message)
    if modifier not in {"", "Patient"}:
        message = "A search by subject can name a Patient only."
        raise UnsupportedSearch(message)
    identifier = value.removeprefix("Patient/")
    if not _ID.match(identifier):
        message = "A search by patient or subject takes one Patient: its id, or Patient/id."
        raise UnsupportedSearch(message)
    return identifier


def _filter(parameter: Parameter, modifier: str, value: str, *, named: bool, across_patients: frozenset[str]) -> Filter:
    bound = not parameter.across and f"{parameter.type}.{parameter.code}" not in across_patients
    if bound and not named:
        message = (
            f"A search by {parameter.code} must name a patient: across patients, a keyed index of few possible values would tell them by "
            "their frequency. A deployment may open it with the setting search_across_patients."
        )
        raise UnsupportedSearch(message)
    exact = modifier == "exact" and parameter.kind == "string" and parameter.code != "phonetic"
    if modifier and not exact:
        message = f"The search parameter {parameter.code} takes no such modifier here."
        raise UnsupportedSearch(message)
    alternatives = _SPLIT.findall(value)
    if not alternatives or len(alternatives) > MAX_ALTERNATIVES:
        message = f"A search parameter takes 1 to {MAX_ALTERNATIVES} values."
        raise InvalidSearch(message)
    if parameter.kind == "string":
        found = Filter(parameter, exact, bound, texts=tuple(map(_unescape, alternatives)))
        found.tokens()  # refuses what is too short
        return found
    if parameter.kind == "token":
        return Filter(parameter, exact, bound, codes=tuple(map(_code, alternatives)))
    if parameter.kind == "reference":
        return Filter(parameter, exact, bound, texts=tuple(_reference(one, parameter) for one in alternatives))
    return Filter(parameter, exact, bound, dates=tuple(map(_date, alternatives)))


def _code(text: str) -> tuple[str | None, str]:
    system, bar, code = _cut(text)
    if not bar:
        return None, _unescape(system)
    if not code:
        message = "A system alone is not searched: name a code in it."
        raise UnsupportedSearch(message)
    return _unescape(system), _unescape(code)


def _cut(text: str) -> tuple[str, str, str]:
    """Split at the first bar that is not escaped."""
    match = re.search(r"(?<!\\)(?:\\\\)*\|", text)
    return (text, "", "") if match is None else (text[: match.end() - 1], "|", text[match.end() :])


def _reference(text: str, parameter: Parameter) -> str:
    kind = parameter.code.capitalize()
    identifier = _unescape(text).removeprefix(kind + "/")
    if not _ID.match(identifier):
        message = f"A search by {parameter.code} takes an id, or {kind}/id."
        raise InvalidSearch(message)
    return f"{kind}/{identifier}"


def _date(text: str) -> DateQuery:
    found = parse_date_query(text)
    if found is None:
        message = "A date must be YYYY, YYYY-MM, YYYY-MM-DD or a time with a zone, behind eq, ne, gt, lt, ge, le, sa or eb."
        raise InvalidSearch(message)
    return found


def _unescape(text: str) -> str:
    return _ESCAPE.sub(r"\1", text)
