"""The key of the search index gives way to another: every search finds what is there before, during and after, whatever is killed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from confide.cli.instance import call_now
from confide.clinic.app import TENANT, _waiting, catch_up, clock
from confide.clinic.fhir.interactions.search import search
from confide.clinic.fhir.reindex import renew
from confide.clinic.records import jobs, store
from confide.clinic.records.blind import BlindIndex
from confide.crypto.random import STRANGER_BITS
from confide.keys.hierarchy import Keyring
from confide.keys.index import Turn, turn
from confide.store.statements import Query
from confide.values.ids import uuid_bytes
from confide.values.principal import Role
from tests.clinic.practice import entry, ids, patient

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.clinic.practice import Client, Practice

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKENS = Query(sa.select(store.TOKEN.c.parameter, store.TOKEN.c.value, store.TOKEN.c.document))
SECONDS = 10
MANY = 120
"""More than one transaction of the job, and more than the first block of a name."""


class Killed(Exception):
    """The process ends here."""


def ignore(_count: int) -> None:
    """Report to nobody."""


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def whole(practice: Practice) -> None:
    """Begin with one generation; a process asks for keys every ten seconds, so that no session ends while time is let go by."""
    practice.house.keyring._provider_seconds = SECONDS
    assert turn(await keys(practice), practice.house.keyring.settled, moment(practice)) is Turn.NONE


def moment(practice: Practice) -> int:
    """Return what the practice's clock shows."""
    return clock() + practice.now[0]


async def keys(practice: Practice) -> Any:
    """Return the living generations."""
    return await practice.house.keyring.search_keys(TENANT, moment(practice))


async def go_on(practice: Practice, report: Callable[[int], None] = ignore) -> int | None:
    """Let the change go on."""
    return await renew(replace(call_now(practice.house), now=moment(practice)), report)


async def begin(practice: Practice) -> None:
    """Make the next generation."""
    await practice.house.keyring.renew_search(TENANT, moment(practice))


def wait(practice: Practice, times: float = 1.0) -> None:
    """Let so many times go by in which every process learns of a key."""
    practice.now[0] += int(times * practice.house.keyring.settled)


async def add(clinician: Client, count: int, family: str) -> set[str]:
    """Store patients of one name, in one transaction."""
    answer = await clinician.transact(*(entry(patient(family)) for _ in range(count)))
    assert answer.status_code == 200, answer.text
    return {one["response"]["location"].split("/")[-3] for one in answer.json()["entry"]}


async def rows(practice: Practice) -> set[tuple[int, int, int]]:
    """Return the index."""
    return {(row[0], row[1], row[2]) for row in await practice.database.fetch(TOKENS, {})}


async def test_every_search_finds_everything_at_every_time(practice: Practice, clinician: Client) -> None:
    """Rows of both generations are found by one search, and in the end none of the old one is left."""
    expected = await add(clinician, MANY, "Quillfeather")
    before = await rows(practice)
    await begin(practice)
    alone = None
    for _ in range(3):
        expected |= await add(clinician, 9, "Quillfeather")
        assert set(await clinician.found("Patient", family="Quillfeather")) == expected
        assert set(await clinician.found("Patient", family="Quill")) == expected
        alone = await go_on(practice)
        wait(practice)
    after = await rows(practice)

    assert set(await clinician.found("Patient", family="Quillfeather")) == expected
    assert alone is not None
    assert alone == (await keys(practice))[-1].generation
    assert len(await keys(practice)) == 1
    assert not before & after
    assert {-1 - document >> STRANGER_BITS for _, _, document in after if document < 0} == {alone}


async def test_a_killed_change_goes_on(practice: Practice, clinician: Client) -> None:
    """Stopped after a transaction of the job, it goes on behind it."""
    expected = await add(clinician, MANY, "Marchbanks")
    await begin(practice)
    wait(practice, 2)
    reported: list[int] = []

    def kill(count: int) -> None:
        reported.append(count)
        raise Killed

    with pytest.raises(Killed):
        await go_on(practice, kill)
    assert set(await clinician.found("Patient", family="Marchbanks")) == expected
    first = list(reported)
    newest = await go_on(practice, reported.append)

    assert newest == (await keys(practice))[-1].generation
    assert sum(reported) == await total(practice)
    assert first[0] < sum(reported)
    assert set(await clinician.found("Patient", family="Marchbanks")) == expected


async def test_a_change_that_two_processes_finish_leaves_the_next_one_whole(practice: Practice, clinician: Client) -> None:
    """The slower one drops nothing that is indexed under, although a third generation was begun in between."""
    expected = await add(clinician, 4, "Ruthven")
    await begin(practice)
    wait(practice, 2)
    found = await keys(practice)
    slower = Keyring(practice.house.keys, practice.house.provider, provider_seconds=SECONDS)
    await slower.start(TENANT, moment(practice))
    parts = replace(practice.house.parts, keyring=slower, index=BlindIndex(slower, TENANT))
    assert await go_on(practice) == found[1].generation
    await begin(practice)
    assert await renew(replace(call_now(practice.house), parts=parts, now=moment(practice)), ignore) == found[1].generation

    assert [one.generation for one in await keys(practice)] == [found[1].generation, found[1].generation + 1]
    assert set(await clinician.found("Patient", family="Ruthven")) == expected
    wait(practice, 2)
    await go_on(practice)
    assert set(await clinician.found("Patient", family="Ruthven")) == expected


async def total(practice: Practice) -> int:
    """Return how many documents there are."""
    return int((await practice.database.fetch(store.COUNT_CURRENT, {"tenant": TENANT}))[0][0])


async def test_a_document_that_changes_meanwhile_is_indexed_as_it_is(practice: Practice, clinician: Client) -> None:
    """The job does not put back the names of before, nor the entries of what was deleted."""
    made = sorted(await add(clinician, MANY, "Osgood"))
    await begin(practice)
    wait(practice, 2)

    async def change() -> None:
        for at, one in enumerate(made):
            if at % 3:
                await clinician.put({**patient("Pemberton"), "id": one})
            else:
                assert (await clinician.delete(f"Patient/{one}")).status_code == 204

    await asyncio.gather(change(), go_on(practice))
    changed = {one for at, one in enumerate(made) if at % 3}

    assert await clinician.found("Patient", family="Osgood") == []
    assert set(await clinician.found("Patient", family="Pemberton")) == changed
    documents = {row[2] for row in await rows(practice)}
    assert not documents & {await key_of(practice, one) for at, one in enumerate(made) if not at % 3}


async def key_of(practice: Practice, identifier: str) -> int:
    """Return the storage key of a document, deleted ones as well."""
    query = Query(sa.select(store.DOCUMENT.c.key).where(store.DOCUMENT.c.id == sa.bindparam("id")))
    return int((await practice.database.fetch(query, {"id": uuid_bytes(identifier)}))[0][0])


async def test_a_process_that_learns_late_finds_everything(practice: Practice, clinician: Client) -> None:
    """It asks for keys as seldom as it may; until then nothing is written under the new one."""
    late = Keyring(practice.house.keys, practice.house.provider, provider_seconds=SECONDS)
    await late.start(TENANT, moment(practice))
    parts = replace(practice.house.parts, keyring=late, index=BlindIndex(late, TENANT))
    expected = await add(clinician, 3, "Tattersall")
    await begin(practice)
    for _ in range(5):
        expected |= await add(clinician, 2, "Tattersall")
        operator = call_now(practice.house)
        call = replace(operator, parts=parts, now=moment(practice), principal=replace(operator.principal, role=Role.CLINICIAN))
        answer = await search(call, "Patient", [("family", "Tattersall")], lenient=False)
        assert set(ids(json.loads(answer.body))) == expected
        wait(practice, 0.49)
    wait(practice)
    await go_on(practice)


async def test_an_older_key_database_has_the_index_made_anew(practice: Practice, clinician: Client) -> None:
    """What is indexed under a key that was lost with it would never be found."""
    expected = await add(clinician, 5, "Wetherby")
    newest = (await keys(practice))[-1].generation
    await jobs.remember(practice.database, newest + 1)

    assert "made anew" in str(await _waiting(practice.house, moment(practice)))
    await catch_up(practice.house, ignore, moment(practice))
    assert await _waiting(practice.house, moment(practice)) is None
    assert set(await clinician.found("Patient", family="Wetherby")) == expected
