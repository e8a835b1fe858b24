"""Near misses, written out by hand: what is found and what is not, each beside its reason (https://hl7.org/fhir/R4/search.html)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.clinic.practice import ids, observation, patient

if TYPE_CHECKING:
    from tests.clinic.practice import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

YES, NO = True, False

NAMES = [
    ("Müller", "muller", YES, "accents and case do not count"),
    ("Muller", "MÜLLER", YES, "nor where they are asked for"),
    ("Müller", "mueller", NO, "a spelling is no accent"),
    ("Straße", "STRASSE", YES, "ß and SS are one letter in two cases"),
    ("Παπαδόπουλος", "ΠΑΠΑΔΟΠΟΥΛΟΣ", YES, "a final sigma is a sigma"),
    ("İpek", "ipek", YES, "a dotted I is an i"),
    ("O'Brien", "obrien", YES, "punctuation does not count"),
    ("O'Brien", "O\u2019Brien", YES, "whatever kind it is"),
    ("Anne  Marie", "anne marie", YES, "two spaces are one"),
    ("Anne Marie", "annemarie", NO, "a space is one still"),
    ("Anne Marie", "marie", NO, "a string is found by its beginning"),
    ("Christopher", "christop", YES, "eight letters"),
    ("Christopher", "christophe", YES, "more letters than the index knows"),
    ("Christopher", "christophers", NO, "more letters than there are"),
    ("Christina", "christop", NO, "the same six letters"),
    ("محمد", "مُحَمَّد", YES, "vowel marks do not count"),
    ("שָׁלוֹם", "שלום", YES, "nor here"),
    ("王小明", "王小", YES, "two characters are a beginning"),
    ("王小明", "小明", NO, "and these are none"),
    ("김철수", "김철", YES, "syllables"),
    ("Ипатьев", "ИПАТ", YES, "Cyrillic has cases"),
    ("Иванов", "ivanov", NO, "but no Latin spelling"),
    ("x' OR '1'='1", "x' OR '1'='1", YES, "SQL is only a text"),
    ("Percent", "p%ent", NO, "a percent sign is no wildcard"),
    ("A_B", "AxB", NO, "nor is an underscore"),
]
EXACTLY = [
    ("Müller", "Müller", YES),
    ("Müller", "müller", NO),
    ("Müller", "Muller", NO),
    ("Müller", "Mülle", NO),
    ("Müller", "Mu\u0308ller", NO),
    ("O'Brien", "OBrien", NO),
    ("王", "王", YES),
    ("Anne  Marie", "Anne Marie", NO),
    (" ", " ", YES),
    (" ", "  ", NO),
]


@pytest.mark.parametrize(("stored", "asked", "expected", "reason"), NAMES, ids=[f"{one}-{two}" for one, two, _, _ in NAMES])
async def test_a_name_is_found_by_its_beginning(clinician: Client, stored: str, asked: str, expected: bool, reason: str) -> None:
    """Without regard to case, accents and punctuation; in family, given and name alike."""
    whole = await clinician.create(patient(stored))
    part = await clinician.create({"resourceType": "Patient", "name": [{"given": ["Other", stored]}]})
    asks = [("family", whole), ("name", whole), ("given", part), ("name", part)]

    for parameter, made in asks:
        assert (made["id"] in await clinician.found("Patient", **{parameter: asked}, _id=made["id"])) is expected, reason
    assert await clinician.found("Patient", given=asked, _id=whole["id"]) == []


@pytest.mark.parametrize(("stored", "asked", "expected"), EXACTLY)
async def test_an_exact_name_is_the_same_text(clinician: Client, stored: str, asked: str, expected: bool) -> None:
    """With :exact, every code point counts."""
    made = await clinician.create(patient(stored))

    assert (await clinician.found("Patient", **{"family:exact": asked}, _id=made["id"]) != []) is expected


@pytest.mark.parametrize("text", ["x", "王", "'", "!!", "\u0301\u0301", " a "])
async def test_a_text_that_is_too_short_for_the_index_is_refused(clinician: Client, text: str) -> None:
    """It would have to look at everyone: the caller is told, and is not given half an answer."""
    answer = await clinician.get("Patient", name=text)

    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (400, "not-supported")


IDENTIFIERS = [
    ("urn:a|1", YES),
    ("1", YES),
    ("|1", NO),
    ("urn:b|1", NO),
    ("urn:a|01", NO),
    ("urn:A|1", NO),
    ("urn:a|1,urn:b|9", YES),
    ("9,1", YES),
    ("urn:a\\|1", NO),
    ("2", YES),
    ("|2", YES),
    ("urn:a|2", NO),
    ("3|4", NO),
    ("3\\|4", YES),
    ("urn:a|3\\|4", YES),
    ("5\\,6", YES),
    ("5,7", NO),
    ("X", NO),
    ("x", YES),
    ("back\\\\slash", YES),
]


@pytest.mark.parametrize(("asked", "expected"), IDENTIFIERS)
async def test_an_identifier_is_a_system_and_a_value(clinician: Client, asked: str, expected: bool) -> None:
    """system|value in that system, |value in none, value in any; escaped marks are part of the value, and case counts."""
    values: list[dict[str, str]] = [{"value": one, "system": "urn:a"} for one in ("1", "3|4", "5,6", "x", "back\\slash")]
    made = await clinician.create(patient(identifier=[*values, {"value": "2"}, {"system": "urn:only"}]))

    assert (await clinician.found("Patient", identifier=asked, _id=made["id"]) != []) is expected


@pytest.mark.parametrize("asked", ["urn:a|", "urn:only|"])
async def test_a_system_alone_is_refused(clinician: Client, asked: str) -> None:
    """The index knows no systems without values."""
    assert (await clinician.get("Patient", identifier=asked)).status_code == 400


CODES = [
    ("8867-4", YES),
    ("http://loinc.org|8867-4", YES),
    ("|8867-4", NO),
    ("http://snomed.info/sct|8867-4", NO),
    ("8867", NO),
    ("http://snomed.info/sct|364075005", YES),
    ("http://loinc.org|364075005", NO),
    ("local", YES),
    ("|local", YES),
    ("Heart rate", NO),
]


@pytest.mark.parametrize(("asked", "expected"), CODES)
async def test_a_code_is_found_in_its_system(clinician: Client, asked: str, expected: bool) -> None:
    """Every coding of a concept counts, with the system beside it; its text does not."""
    person = (await clinician.create(patient()))["id"]
    coding = [
        {"system": "http://loinc.org", "code": "8867-4"},
        {"system": "http://snomed.info/sct", "code": "364075005"},
        {"code": "local", "display": "Heart rate"},
    ]
    made = await clinician.create({**observation(person), "code": {"coding": coding, "text": "Heart rate"}})

    assert await clinician.found("Observation", patient=person, code=asked) == ([made["id"]] if expected else [])


DATES: list[tuple[dict[str, Any], str, bool]] = [
    ({"effectiveDateTime": "2020-02"}, "2020-02-15", NO),
    ({"effectiveDateTime": "2020-02"}, "2020-02", YES),
    ({"effectiveDateTime": "2020-02-29"}, "2020-02", YES),
    ({"effectiveDateTime": "2020-03-01"}, "2020-02", NO),
    ({"effectiveDateTime": "2020-02"}, "ne2020-02-15", YES),
    ({"effectiveDateTime": "2020-02"}, "gt2020-02-15", YES),
    ({"effectiveDateTime": "2020-02"}, "lt2020-02-15", YES),
    ({"effectiveDateTime": "2020-02"}, "sa2020-02-15", NO),
    ({"effectiveDateTime": "2020-02"}, "eb2020-02-15", NO),
    ({"effectiveDateTime": "2020-02-15"}, "gt2020-02", NO),
    ({"effectiveDateTime": "2020-02-15"}, "ge2020-02", YES),
    ({"effectiveDateTime": "2020-02-15"}, "sa2020-02-14", YES),
    ({"effectiveDateTime": "2020-02-29T23:30:00-01:00"}, "2020-03-01", YES),
    ({"effectiveDateTime": "2020-02-29T23:30:00-01:00"}, "2020-02-29", NO),
    ({"effectiveDateTime": "2020-02-29T23:30:00-01:00"}, "2020-03-01T00:30:00Z", YES),
    ({"effectiveDateTime": "2020-02-29T23:30:00-01:00"}, "2020-02-29T23:30:00-01:00", YES),
    ({"effectiveDateTime": "2020-02-29T10:00:00.500Z"}, "2020-02-29T10:00:00Z", YES),
    ({"effectiveDateTime": "2020-02-29T10:00:00Z"}, "2020-02-29T10:00:00.500Z", NO),
    ({"effectivePeriod": {"start": "2020-02-01"}}, "gt2030", YES),
    ({"effectivePeriod": {"start": "2020-02-01"}}, "lt2020-02-01", NO),
    ({"effectivePeriod": {"start": "2020-02-01"}}, "2020-02-01", NO),
    ({"effectivePeriod": {"end": "2020-02-01"}}, "lt1900", YES),
    ({"effectivePeriod": {"end": "2020-02-01"}}, "gt2020-02-01", NO),
    ({"effectivePeriod": {"end": "2020-02-01"}}, "le2020-02-01", YES),
    ({"effectivePeriod": {"start": "2020-01-31", "end": "2020-02-01"}}, "2020-02", NO),
    ({"effectivePeriod": {"start": "2020-02-01", "end": "2020-02"}}, "2020-02", YES),
    ({"effectivePeriod": {"start": "1990", "end": "2020"}}, "2005-07-01", NO),
    ({"effectivePeriod": {"start": "1990", "end": "2020"}}, "gt2005-07-01", YES),
    ({"effectivePeriod": {"start": "1990", "end": "2020"}}, "ne2005-07-01", YES),
    ({"effectiveTiming": {"event": ["2020-02-01", "2020-03-01"]}}, "2020-02-15", NO),
    ({"effectiveTiming": {"event": ["2020-02-01", "2020-03-01"]}}, "2020-02", NO),
    ({"effectiveTiming": {"event": ["2020-02-01", "2020-03-01"]}}, "sa2020-02-15", NO),
    ({"effectiveTiming": {"event": ["2020-02-01", "2020-03-01"]}}, "2020", YES),
    ({"effectiveTiming": {"event": ["2020-02-01", "2020-03-01"]}}, "gt2020-02-15", YES),
    ({"effectiveTiming": {"repeat": {"boundsPeriod": {"start": "2020-02-01"}}}}, "ge2024", YES),
    ({"effectiveTiming": {"code": {"text": "daily"}}}, "ne2020", NO),
    ({"effectiveInstant": "2020-02-29T10:00:00Z"}, "2020-02-29", YES),
    ({}, "ne2020", NO),
    ({"effectiveDateTime": "1600-01-01"}, "lt1849", YES),
    ({"effectiveDateTime": "9999-12-31"}, "gt2150", YES),
    ({"effectiveDateTime": "9999-12-31"}, "2020", NO),
]


@pytest.mark.parametrize(("when", "asked", "expected"), DATES, ids=[f"{one}-{two}" for one, two, _ in DATES])
async def test_a_date_is_compared_as_a_span(clinician: Client, when: dict[str, Any], asked: str, expected: bool) -> None:
    """The table of prefixes, with precision, zones, open ends and outer limits."""
    person = (await clinician.create(patient()))["id"]
    made = await clinician.create(observation(person, **when))

    assert await clinician.found("Observation", patient=person, date=asked) == ([made["id"]] if expected else [])


async def test_terms_are_joined_by_and_alternatives_by_or(clinician: Client) -> None:
    """Two dates bound a span; two codes in one value are either of them; two values of one parameter are both."""
    person = (await clinician.create(patient()))["id"]
    made = [
        (await clinician.create(observation(person, code, effectiveDateTime=day)))["id"]
        for code, day in (("a", "2020"), ("b", "2021"), ("c", "2022"))
    ]

    async def found(*pairs: tuple[str, str]) -> list[int]:
        answer = await clinician.http.get("/fhir/Observation", params=[("patient", person), *pairs])
        return [made.index(one) for one in ids(answer.json())]

    assert await found(("date", "ge2020"), ("date", "lt2022")) == [0, 1]
    assert await found(("code", "a,c")) == [0, 2]
    assert await found(("code", "a"), ("code", "c")) == []
    assert await found(("code", "a,b"), ("date", "2021,2022")) == [1]


async def test_a_search_by_encounter_names_one(clinician: Client) -> None:
    """By id or Encounter/id, for a reference with a version and one with this server's address too; not for another server's."""
    person = (await clinician.create(patient()))["id"]
    visit = {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}, "subject": {"reference": f"Patient/{person}"}}
    one, other = [(await clinician.create(visit))["id"] for _ in range(2)]
    base = f"{clinician.http.base_url}/fhir/"
    texts = [
        f"Encounter/{one}",
        f"{base}Encounter/{one}",
        f"Encounter/{one}/_history/1",
        f"https://elsewhere.example/Encounter/{one}",
        f"Encounter/{other}",
    ]
    made = [(await clinician.create(observation(person, encounter={"reference": text})))["id"] for text in texts]

    assert await clinician.found("Observation", patient=person, encounter=one) == made[:3]
    assert await clinician.found("Observation", patient=person, encounter=f"Encounter/{other}") == made[4:]
    assert await clinician.found("Observation", patient=person, encounter=f"Encounter/{one},Encounter/{other}") == [*made[:3], made[4]]
    assert await clinician.found("Observation", patient=person, encounter=str(uuid4())) == []


async def test_ids_are_asked_for_in_a_list(clinician: Client) -> None:
    """In any order, once each, and what is deleted, of another type, or no id at all is passed over."""
    made = [(await clinician.create(patient()))["id"] for _ in range(4)]
    about = (await clinician.create(observation(made[0])))["id"]
    await clinician.delete(f"Patient/{made[3]}")
    wanted = [made[2], made[0], made[0], made[3], about, str(uuid4()), "no-uuid"]

    assert await clinician.found("Patient", _id=",".join(wanted)) == [made[0], made[2]]
    answer = await clinician.http.get("/fhir/Patient", params=[("_id", f"{made[0]},{made[1]}"), ("_id", f"{made[1]},{made[2]}")])
    assert ids(answer.json()) == [made[1]]


async def test_an_empty_result_is_a_bundle_without_entries(clinician: Client) -> None:
    """With a total of nought, a link to itself, and no entry element, which FHIR does not allow to be empty."""
    answer = await clinician.get("Patient", family="nobody is called so", _total="accurate")

    assert answer.json()["total"] == 0
    assert "entry" not in answer.json()
    assert [one["relation"] for one in answer.json()["link"]] == ["self"]


async def test_a_string_of_every_script_comes_back_as_it_went_in(clinician: Client) -> None:
    """What is found is the stored text, byte for byte."""
    for family in (
        "Zoë\u200d",
        "\u200f\u05e9\u05dc\u05d5\u05dd",
        "a\u0301lvaro",
        "\U0001f600 Smile",
        "\\u0041",
        "tab\there",
        "{{7*7}}",
        "<b>&amp;</b>",
    ):
        made = await clinician.create(patient(family))
        found = (await clinician.get("Patient", _id=made["id"])).json()["entry"][0]["resource"]
        assert found["name"][0]["family"] == family
