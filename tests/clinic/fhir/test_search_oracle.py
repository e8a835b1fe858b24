"""Searches against brute force: whatever is stored and asked, the pages together are what the oracle finds, no more and no less."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from hypothesis import Phase, given, settings

from confide.values.principal import Role
from tests.clinic.fhir import oracle
from tests.clinic.fhir.oracle import Term
from tests.clinic.fhir.population import CASES, Population, Search, address
from tests.clinic.practice import Client, Practice, ids, link, open_practice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.clinic.fhir.oracle import Json

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOUND = {"code", "date"}
"""Answered for a named patient only, unless a setting opens them."""
OPENED = ("Observation.code", "Observation.date", "Encounter.date", "Condition.code")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(clinic_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Practice]:
    """A practice that lets codes and dates be searched across patients."""
    async with open_practice(tmp_path_factory.mktemp("opened"), clinic_url, search_across_patients=OPENED) as practice:
        yield practice


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def searcher(opened: Practice) -> Client:
    """A clinician who may search for long."""
    return await opened.sign_in(Role.CLINICIAN)


async def store(practice: Practice, client: Client, population: Population) -> list[Json]:
    """Store a population in place of whatever is there; return it as plain JSON with its identifiers."""
    await practice.wipe()
    answer = await client.transact(*population.entries())
    assert answer.status_code == 200, answer.text
    names = [one["response"]["location"].split("/fhir/")[1].split("/_history/")[0] for one in answer.json()["entry"]]
    text = json.dumps(population.resources)
    for at, name in enumerate(names):
        text = text.replace(address(at), name)
    return [{**one, "id": name.split("/")[1]} for one, name in zip(json.loads(text), names, strict=True)]


def terms(search: Search, resources: list[Json]) -> list[Term]:
    """Return the terms of a search, with identifiers of this population."""
    mine = [one for one in resources if one["resourceType"] == search.kind]
    found = list(search.terms)
    if search.kind != "Patient" and mine and search.who % 4:
        chosen = mine[search.who % len(mine)]
        name, text = [("patient", "{}"), ("subject", "{}"), ("subject", "Patient/{}")][search.who % 3]
        found.insert(search.which % 2, Term(name, (text.format(chosen["subject"]["reference"].split("/")[1]),)))
        if "encounter" in chosen and search.which % 3 == 0:
            found.append(Term("encounter", (chosen["encounter"]["reference"],)))
    if search.which % 7 == 6:
        found.append(Term("_id", tuple(one["id"] for one in resources[:: 1 + search.which % 2])))
    return found


async def pages(client: Client, kind: str, asked: list[tuple[str, str]], size: int) -> tuple[list[str], set[int]]:
    """Return the ids of all pages and the totals that they told."""
    answer = await client.http.get(f"/fhir/{kind}", params=[*asked, ("_count", str(size)), ("_total", "accurate")])
    found: list[str] = []
    totals = set()
    while True:
        assert answer.status_code == 200, answer.text
        page = ids(answer.json())
        assert len(page) <= size
        found += page
        totals.add(answer.json()["total"])
        following = link(answer.json(), "next")
        if following is None:
            return found, totals
        assert len(page) == size
        answer = await client.http.get(following)


@settings(phases=(Phase.explicit, Phase.reuse, Phase.generate))  # what fails is stored and asked again: shrinking takes minutes
@given(case=CASES)
async def test_a_search_finds_what_brute_force_finds(opened: Practice, searcher: Client, case: tuple[Population, list[Search]]) -> None:
    """Pages of any size hold each match once, and every total is exact."""
    population, searches = case
    resources = await store(opened, searcher, population)

    for search in searches:
        wanted = terms(search, resources)
        expected = oracle.found(resources, search.kind, wanted)
        found, totals = await pages(searcher, search.kind, [one.text() for one in wanted], search.size)
        assert (sorted(found), totals) == (sorted(expected), {len(expected)}), [one.text() for one in wanted]
