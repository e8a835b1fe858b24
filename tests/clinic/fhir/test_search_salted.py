"""Persons are found by name and birth, and no two of them have an index entry in common."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from confide.cli.instance import call_now
from confide.clinic.app import TENANT
from confide.clinic.fhir.interactions.create import create
from confide.clinic.records.blind import SALTED, BlindIndex
from confide.clinic.records.store import TOKEN
from confide.sealed import salts
from tests.clinic.practice import patient

if TYPE_CHECKING:
    from tests.clinic.practice import Client, Practice

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEVERAL = 30
"""More than the first block holds, for every prefix."""


async def add(clinician: Client, count: int, family: str, **more: Any) -> set[str]:
    """Store patients of one family name; return their ids."""
    return {(await clinician.create(patient(family, **more)))["id"] for _ in range(count)}


async def tokens(practice: Practice, *conditions: sa.ColumnElement[bool]) -> list[tuple[Any, ...]]:
    """Return (token, document) of salted tokens, without the marks."""
    query = sa.select(TOKEN.c.value, TOKEN.c.document).where(TOKEN.c.parameter == SALTED, TOKEN.c.document > 0, *conditions)
    return await practice.sql(query)


async def test_many_of_one_name_are_found_by_each_beginning(clinician: Client) -> None:
    """From two letters on, as a whole, and whatever the case; nobody else is."""
    expected = await add(clinician, SEVERAL, "Aldershot")
    other = await add(clinician, 3, "Aldermaston")

    for text in ("Al", "ald", "ALDE", "Alder", "alders", "aldersho", "Aldershot"):
        found = set(await clinician.found("Patient", family=text, _count="7"))
        assert found == (expected | other if len(text) < 6 else expected), text
    assert set(await clinician.found("Patient", **{"family:exact": "Aldershot"})) == expected
    assert set(await clinician.found("Patient", name="aldershot")) == expected


async def test_who_is_renamed_or_deleted_is_found_no_more(practice: Practice, clinician: Client) -> None:
    """And leaves no token behind."""
    one, other, *rest = sorted(await add(clinician, SEVERAL, "Brockwell"))
    await clinician.put(patient("Carnaby", id=one))
    await clinician.delete(f"Patient/{other}")

    assert set(await clinician.found("Patient", family="Brockwell")) == set(rest)
    assert await clinician.found("Patient", family="Carnaby") == [one]
    assert await tokens(practice, TOKEN.c.document == (await practice.patient_key(other))) == []


async def test_no_two_persons_have_a_token_in_common(practice: Practice, clinician: Client) -> None:
    """Of the same name, born on the same day."""
    name = {"family": "Dunsinane", "given": ["Ada", "Ada"], "prefix": ["Dr."], "text": "Dr. Ada Dunsinane"}
    for _ in range(SEVERAL):
        await clinician.create({"resourceType": "Patient", "name": [name], "birthDate": "1971-03-04"})
    stored = await tokens(practice)

    assert len({token for token, _ in stored}) == len(stored)


@pytest.mark.parametrize("family", ["Li", "O", "", "Featherstonehaugh", "李", "van der Berg"])
async def test_the_number_of_tokens_does_not_tell_the_length_of_a_name(practice: Practice, clinician: Client, family: str) -> None:
    """Nor which day it was."""
    stored = await clinician.create(patient(family or "-", birthDate="1966-06-06"))
    key = await practice.patient_key(stored["id"])

    assert len(await tokens(practice, TOKEN.c.document == key)) == 5 + 1 + 1 + 4  # name, sound, name and birth, day to decade


async def test_who_sounds_alike_is_found(clinician: Client) -> None:
    """By either name; the sound is of the whole name, and takes no modifier."""
    one = await add(clinician, 1, "Everleigh")
    other = await add(clinician, 1, "Everly")
    by_given = await clinician.create({"resourceType": "Patient", "name": [{"given": ["Everly"]}]})

    assert set(await clinician.found("Patient", phonetic="Everlee")) == {*one, *other, by_given["id"]}
    assert await clinician.found("Patient", phonetic="Ever") == []
    assert (await clinician.get("Patient", **{"phonetic:exact": "Everly"})).status_code == 400


@pytest.mark.parametrize("asked", [{"family": "fa"}, {"family": "Fairweather"}, {"family:exact": "Fairweather"}, {"name": "fairw"}])
async def test_a_name_and_a_day_of_birth_find_one(clinician: Client, asked: dict[str, str]) -> None:
    """Together they have an entry of their own; a name that begins otherwise, or another day, is none."""
    [wanted] = await add(clinician, 1, "Fairweather", birthDate="1980-02-29")
    await add(clinician, 1, "Fairweather", birthDate="1980-02-28")
    await add(clinician, 1, "Foulweather", birthDate="1980-02-29")

    found = await clinician.found("Patient", birthdate="1980-02-29", **asked)

    assert wanted in found
    for one in found:
        read = (await clinician.get(f"Patient/{one}")).json()
        assert read["birthDate"] == "1980-02-29"
        assert read["name"][0]["family"].startswith("Fa")


async def test_who_was_born_between_two_days_is_found(clinician: Client) -> None:
    """Two dates are looked up as one; a year alone touches what it may be."""
    days = ["1901-12-31", "1902-01-01", "1902-07-15", "1902", "1902-12-31", "1903-01-01", "1919-05"]
    stored = {(await clinician.create(patient("Gossamer", birthDate=day)))["id"]: day for day in days}

    async def born(*dates: str) -> list[str]:
        answer = await clinician.http.get("/fhir/Patient", params=[("name", "Gossamer"), *(("birthdate", date) for date in dates)])
        return sorted(stored[entry["resource"]["id"]] for entry in answer.json().get("entry", []))

    assert await born("ge1902-01-01", "lt1903-01-01") == ["1902", "1902-01-01", "1902-07-15", "1902-12-31"]
    assert await born("ge1902-06-01", "le1902-08-01") == ["1902", "1902-07-15"]
    assert await born("gt1902-12-31", "lt1902-01-01") == []
    assert await born("sa1903", "ne1903-01-01") == ["1919-05"]


async def test_a_search_by_two_common_names_finds_who_has_both(clinician: Client) -> None:
    """Each list is longer than a page."""
    both = {"family": "Hollister", "given": ["Ignatius"]}
    expected = set()
    for at in range(SEVERAL):
        name = both if at % 3 == 0 else {**both, "given": ["Other"]} if at % 3 == 1 else {**both, "family": "Another"}
        stored = await clinician.create({"resourceType": "Patient", "name": [name]})
        expected |= {stored["id"]} if at % 3 == 0 else set()

    assert set(await clinician.found("Patient", family="Hollister", given="Ignatius", _count="4")) == expected


async def test_what_two_processes_write_is_found_by_both(practice: Practice, clinician: Client) -> None:
    """Each remembers what it has seen, and neither relies on it."""
    elsewhere = replace(practice.house.parts, index=BlindIndex(practice.house.keyring, TENANT))
    expected = set()
    for at in range(2 * SEVERAL):
        call = call_now(practice.house)
        call = replace(call, parts=elsewhere) if at % 2 else call
        answer = await create(call, "Patient", json.dumps(patient("Jessamine")).encode())
        expected.add(json.loads(answer.body)["id"])

    assert set(await clinician.found("Patient", family="Jessamine")) == expected


async def test_a_search_for_nearly_everyone_is_refused(clinician: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a limit that is low, as nothing else reaches it in a test."""
    await add(clinician, SEVERAL, "Kettering")
    monkeypatch.setattr(salts, "MOST_TOKENS", 16)
    answer = await clinician.get("Patient", family="ke")

    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (422, "too-costly")
    assert "ke" not in answer.json()["issue"][0]["diagnostics"].split()
