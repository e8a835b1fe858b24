"""Made-up charts and searches in them, full of near misses: names that differ by an accent, dates that touch, codes of two systems."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.clinic.fhir.oracle import Coded, Json, Term, folded, names, pairs, span

NAMES = [
    "O'Brien", "OBrien", "O\u2019Brien", "Müller", "Mueller", "MULLER", "Straße", "Strasse", "de la Cruz", "Delacruz", "García-Márquez",
    "Garcia Marquez", "Łukasz", "Lukasz", "Nguyễn", "Nguyen", "İpek", "ipek", "Ипатьев", "Ипатьева", "Παπαδόπουλος", "ΠΑΠΑΔΟΠΟΥΛΟΣ",
    "محمد", "مُحَمَّد", "שָׁלוֹם", "שלום", "王小明", "王小", "山田", "やまだ", "ヤマダ", "राम", "रमा", "김철수", "ﬁsher", "Fisher", "Smith, Jr.",
    "Smith|Jones", "Smith$1", "back\\slash", "Anne  Marie", "Anne Marie", "Annemarie", "%_%", "Christopher", "Christophersen", "Christop",
    "x' OR '1'='1", "{{7*7}}", "A1", "a\u0301lvaro", "álvaro", "Zoë\u200d", "Ⅳth", "IVth",
]  # fmt: skip
SYSTEMS = ["urn:mrn", "urn:mrn2", "https://registry.example/id|x", ""]
VALUES = ["1", "01", "1|2", "1,2", "1$2", "A-1", "a-1", "x y", "\\", "é", "e\u0301", "urn:mrn|1"]
CODES = ["8867-4", "8867-40", "x", "X", "a|b", "a,b"]
DAYS = ["2020", "2020-02", "2020-02-28", "2020-02-29", "2020-03", "2020-03-01", "2019-12-31", "2021", "1849-12-31", "2151", "2020-02-29"]
MOMENTS = [
    "2020-02-28T23:59:59Z", "2020-02-29T00:00:00Z", "2020-02-29T00:00:00+01:00", "2020-02-28T23:59:59-00:30", "2020-02-29T23:59:59.999Z",
    "2020-03-01T00:00:00.000Z", "2020-02-29T12:30:00Z", "2020-02-29T12:30:00.5Z", "9999-12-31T23:59:59-12:00", "1850-01-01T00:00:00+00:30",
]  # fmt: skip
ASKED_MOMENTS = [*MOMENTS, "2020-02-29T12:30", "2020-02-29T12:30Z", "2020-02-29T00:00+00:00"]
PREFIXES = ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"]
LOINC, LOCAL = "http://loinc.org", "urn:local"


def _some(values: list[str], most: int = 2) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=most)


def _without_nothing(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """Objects whose empty parts are left out."""
    return st.fixed_dictionaries(parts).map(lambda made: {key: value for key, value in made.items() if value})


HUMAN_NAMES = _without_nothing(
    family=st.one_of(st.just(""), st.sampled_from(NAMES)),
    given=_some(NAMES),
    text=st.sampled_from(["", "", *NAMES]),
    suffix=_some(NAMES, 1),
).filter(bool)
IDENTIFIERS = _without_nothing(system=st.sampled_from(SYSTEMS), value=st.sampled_from(VALUES))
CONCEPTS = _without_nothing(
    coding=st.lists(_without_nothing(system=st.sampled_from([LOINC, LOCAL, ""]), code=st.sampled_from(CODES)), min_size=1, max_size=2)
)
TIMES = st.sampled_from([*DAYS, *MOMENTS])
PERIODS = st.tuples(TIMES, TIMES, st.sampled_from(["", "start", "end"])).map(
    lambda drawn: {
        key: value
        for key, value in zip(("start", "end"), sorted(drawn[:2], key=lambda one: span(one).first), strict=True)
        if key != drawn[2]
    }
)
TIMINGS = st.one_of(
    st.lists(TIMES, min_size=1, max_size=3).map(lambda events: {"event": events}),
    PERIODS.map(lambda period: {"repeat": {"boundsPeriod": period, "frequency": 1, "period": 1, "periodUnit": "d"}}),
    st.just({"code": {"text": "daily"}}),
)
PATIENTS = _without_nothing(
    resourceType=st.just("Patient"),
    name=st.lists(HUMAN_NAMES, max_size=2),
    identifier=st.lists(IDENTIFIERS, max_size=2),
    birthDate=st.one_of(st.just(""), st.sampled_from([day for day in DAYS if len(day) != 7])),
)
ENCOUNTERS = _without_nothing(
    resourceType=st.just("Encounter"),
    status=st.just("finished"),
    **{"class": st.just({"code": "AMB"})},
    period=st.one_of(st.just({}), PERIODS),
    identifier=st.lists(IDENTIFIERS, max_size=1),
)
CONDITIONS = _without_nothing(resourceType=st.just("Condition"), code=CONCEPTS, identifier=st.lists(IDENTIFIERS, max_size=1))
OBSERVATIONS = st.one_of(
    *(
        _without_nothing(
            resourceType=st.just("Observation"),
            status=st.just("final"),
            code=CONCEPTS,
            identifier=st.lists(IDENTIFIERS, max_size=1),
            **{key: value},
        )
        for key, value in (
            ("effectiveDateTime", TIMES),
            ("effectivePeriod", PERIODS),
            ("effectiveTiming", TIMINGS),
            ("effectiveInstant", st.sampled_from([one for one in MOMENTS if one.count(":") > 1])),
            ("note", st.just([{"text": "at no time"}])),
        )
    )
)


@dataclass(frozen=True)
class Population:
    """Resources of one practice; those about a patient name them by their place in the list, until they are stored."""

    resources: list[Json]

    def entries(self) -> list[Json]:
        """Return the entries of a transaction that stores them."""
        return [
            {"fullUrl": address(at), "resource": one, "request": {"method": "POST", "url": one["resourceType"]}}
            for at, one in enumerate(self.resources)
        ]


def address(at: int) -> str:
    """Return the address of a resource that is not stored yet."""
    return f"urn:uuid:0b3f5c1e-1111-4222-8333-{at:012d}"


@st.composite
def populations(draw: st.DrawFn) -> Population:
    """Up to four patients, and records about them."""
    resources: list[Json] = draw(st.lists(PATIENTS, min_size=1, max_size=4))
    people = len(resources)
    resources = resources + draw(st.lists(ENCOUNTERS, max_size=3))
    visits = len(resources)
    resources = resources + draw(st.lists(st.one_of(OBSERVATIONS, OBSERVATIONS, CONDITIONS), max_size=9))
    found = []
    for at, one in enumerate(resources):
        made = dict(one)
        if at >= people:
            made["subject"] = {"reference": address(draw(st.integers(0, people - 1)))}
        if at >= visits > people and draw(st.booleans()):
            made["encounter"] = {"reference": address(draw(st.integers(people, visits - 1)))}
        found.append(made)
    return Population(found)


@dataclass(frozen=True)
class Search:
    """A search whose identifiers are numbers still: `who` picks the record whose patient is named, `which` what else is named."""

    kind: str
    terms: tuple[Term, ...]
    who: int
    which: int
    size: int


def _disguised(text: str, way: int) -> str:
    """Return a text that means the same to a search that folds case and accents, or a part of it."""
    return [
        text,
        text.upper(),
        text.lower(),
        unicodedata.normalize("NFD", text),
        unicodedata.normalize("NFC", text),
        folded(text),
        text[: max(2, len(text) // 2)],
        text[: max(2, len(text) - 1)],
        f"-{text}",
        text + "z",
    ][way]


def _either(there: list[Any], anywhere: list[Any]) -> st.SearchStrategy[Any]:
    """Values that the population has, three times in four."""
    others = st.sampled_from(anywhere)
    return st.one_of(*[st.sampled_from(there)] * 3, others) if there else others


def _terms(name: str, one: st.SearchStrategy[Any]) -> st.SearchStrategy[Term]:
    return st.lists(one, min_size=1, max_size=2).map(lambda chosen: Term(name, tuple(chosen)))


def _coded(there: list[tuple[str, str]], systems: list[str], values: list[str]) -> st.SearchStrategy[Coded]:
    """Pairs that are there, their codes in any system, in none and in another one, and pairs that may not be there."""
    pair = _either(there, [(system, value) for system in systems for value in values])
    other = st.sampled_from([None, None, *systems])
    return st.one_of(pair, pair, st.tuples(pair, other).map(lambda drawn: (drawn[1], drawn[0][1]))).map(Coded)


def _texts(resources: list[Json], kind: str) -> list[str]:
    """Every date that stands in resources of a type."""
    found: list[str] = []
    for one in resources:
        if one["resourceType"] == kind:
            parts = [value for key, value in one.items() if key in {"birthDate", "period"} or key.startswith("effective")]
            found += [text for part in parts for text in _leaves(part) if text[:4].isdigit()]
    return found


def _leaves(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        return [leaf for one in (value.values() if isinstance(value, dict) else value) for leaf in _leaves(one)]
    return [value] if isinstance(value, str) else []


def _dates(resources: list[Json], kind: str) -> st.SearchStrategy[tuple[str, str]]:
    day = _either(_texts(resources, kind), [*DAYS, *ASKED_MOMENTS])
    return st.tuples(st.sampled_from(PREFIXES), st.one_of(day, day.map(lambda text: text[:7]), day.map(lambda text: text[:4])))


def _terms_of(resources: list[Json], kind: str) -> st.SearchStrategy[Term]:
    """Terms for a type."""
    mine = [one for one in resources if one["resourceType"] == kind]
    known = [pair for one in mine for pair in pairs(one.get("identifier", []), "value")]
    found = [_terms("identifier", _coded(known, SYSTEMS, VALUES))]
    if kind == "Patient":
        there = [text for one in mine for text in names(one, "family", "given", "text", "suffix")]
        asked = st.builds(_disguised, _either(there, NAMES), st.integers(0, 9)).filter(lambda text: len(folded(text)) > 1)
        found += [_terms(name, asked) for name in ("name", "name", "family", "given")]
        found += [_terms(f"{name}:exact", _either(there, NAMES)) for name in ("name", "family", "given")]
        found.append(_terms("birthdate", _dates(resources, kind)))
    if kind in {"Observation", "Encounter"}:
        found += [_terms("date", _dates(resources, kind))] * 3
    if kind in {"Observation", "Condition"}:
        codings = [pair for one in mine for pair in pairs(one.get("code", {}).get("coding", []), "code")]
        found.append(_terms("code", _coded(codings, [LOINC, LOCAL, ""], CODES)))
    return st.one_of(*found)


def searches(population: Population) -> st.SearchStrategy[Search]:
    """Searches in a population."""
    return st.sampled_from(["Patient", "Patient", "Observation", "Observation", "Condition", "Encounter"]).flatmap(
        lambda kind: st.builds(
            Search,
            kind=st.just(kind),
            terms=st.lists(_terms_of(population.resources, kind), max_size=2).map(tuple),
            who=st.integers(0, 40),
            which=st.integers(0, 40),
            size=st.sampled_from([1, 2, 3, 50]),
        )
    )


CASES = populations().flatmap(lambda drawn: st.tuples(st.just(drawn), st.lists(searches(drawn), min_size=6, max_size=6)))
"""A population and what is asked of it."""
