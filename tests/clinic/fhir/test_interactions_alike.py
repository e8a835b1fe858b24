"""Non-interference: what a caller may not see changes no byte of any answer.

Two practices are one and the same until, in the second, other people's records are made, changed, moved and deleted. A patient then
sends both the same requests, whatever Hypothesis thinks of, and follows every link of the answers.
"""

from __future__ import annotations

import shutil
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from confide.values.principal import Role
from tests.clinic.practice import JSON, entry, link, observation, open_practice, patient
from tests.postgres import drop_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from tests.clinic.practice import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR = 3_600_000_000
"""Microseconds."""
FORM = "application/x-www-form-urlencoded"
ABSENT = "0b3f5c1e-1111-4222-8333-444455556666"
FAMILIES = ["Quill", "Quillon", "Reed", "Sedge"]
CODES = ["8867-4", "8310-5", "718-7"]
DAYS = ["2020-02-29", "2020-03-01", "2021-12-31"]
PAGES = 12


@dataclass
class Pair:
    """A client of one patient in each practice, and every identifier there is to ask for."""

    plain: Client
    changed: Client
    seen: dict[str, list[str]] = field(default_factory=dict)
    """By type, of resources that the patient may see in part or in whole."""
    hidden: dict[str, list[str]] = field(default_factory=dict)
    """By type, of all others, those of the second practice among them."""

    def note(self, where: dict[str, list[str]], made: dict[str, Any]) -> str:
        """Remember a resource, and return its id."""
        where.setdefault(made["resourceType"], []).append(made["id"])
        return str(made["id"])


def seen_on(day: str, about: str, code: str = CODES[0]) -> dict[str, Any]:
    """Return an Observation."""
    return observation(about, code, effectiveDateTime=day, identifier=[{"system": "urn:lab", "value": day}])


def meeting(*about: str) -> dict[str, Any]:
    """Return an Appointment of several patients."""
    participants = [{"actor": {"reference": f"Patient/{one}"}, "status": "accepted"} for one in about]
    return {"resourceType": "Appointment", "status": "proposed", "participant": participants}


def visit(about: str, day: str) -> dict[str, Any]:
    """Return an Encounter."""
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": f"Patient/{about}"},
        "period": {"start": day},
    }


async def chart(clinician: Client, pair: Pair) -> tuple[str, str]:
    """Make what both practices have; return the ids of the patient who will ask and of another one."""
    born = {"birthDate": DAYS[0], "identifier": [{"system": "urn:mrn", "value": "1"}]}
    mine = pair.note(pair.seen, await clinician.create(patient(FAMILIES[0], **born)))
    other = pair.note(pair.hidden, await clinician.create(patient(FAMILIES[0], **born)))
    for at in range(7):
        made = await clinician.create(seen_on(DAYS[at % 3], mine, CODES[at % 3]))
        pair.note(pair.seen, made)
        if at == 3:
            await clinician.put({**made, "status": "amended"})
        if at == 5:
            await clinician.delete(f"Observation/{made['id']}")
    for resource in (meeting(mine, other), visit(mine, DAYS[0]), {"resourceType": "Organization", "name": "Reed ward"}):
        pair.note(pair.seen, await clinician.create(resource))
    moved = await clinician.create(seen_on(DAYS[1], mine))
    await clinician.put({**seen_on(DAYS[1], other), "id": pair.note(pair.seen, moved)})
    for day in DAYS:
        pair.note(pair.hidden, await clinician.create(seen_on(day, other)))
    return mine, other


async def change(clinician: Client, pair: Pair, other: str) -> None:
    """Do, in the second practice, whatever can be done with rows that the patient may not see."""
    moved, known = pair.seen["Observation"][-1], list(pair.hidden["Observation"])
    for code in CODES:
        await clinician.put({**seen_on(DAYS[0], other, code), "id": moved})
    await clinician.put({**seen_on(DAYS[2], other), "id": known[0]})
    await clinician.delete(f"Observation/{known[1]}")
    await clinician.put(patient(FAMILIES[1], id=other))
    third = pair.note(pair.hidden, await clinician.create(patient(FAMILIES[0], birthDate=DAYS[0])))
    for resource in (meeting(other, third), visit(third, DAYS[0]), {"resourceType": "Basic", "code": {"text": "of nobody"}}):
        pair.note(pair.hidden, await clinician.create(resource))
    for day in DAYS:
        pair.note(pair.hidden, await clinician.create(seen_on(day, third)))
    await clinician.transact(*(entry(seen_on(DAYS[at % 3], third, CODES[at % 3])) for at in range(300)))
    await clinician.transact(*(entry(patient(FAMILIES[at % 4], birthDate=DAYS[at % 3])) for at in range(300)))


async def copied(url: str, folder: Path) -> str:
    """Copy a database that nobody is connected to; return the URL of the copy."""
    if url.startswith("sqlite:///"):
        shutil.copy(url.removeprefix("sqlite:///"), folder / "data.db")
        return f"sqlite:///{folder / 'data.db'}"
    base, _, name = url.rpartition("/")
    connection = await asyncpg.connect(base + "/postgres")
    try:
        await connection.execute(f'CREATE DATABASE "{name}_copy" TEMPLATE "{name}"')
    finally:
        await connection.close()
    return f"{base}/{name}_copy"


@asynccontextmanager
async def opened_pair(url: str, folder: Path) -> AsyncIterator[Pair]:
    """Open two practices that differ in rows that one patient may not see."""
    first, second = folder / "first", folder / "second"
    first.mkdir()
    async with open_practice(first, url) as practice:
        clinician = await practice.sign_in(Role.CLINICIAN)
        pair = Pair(clinician, clinician)
        mine, other = await chart(clinician, pair)
        tokens = [await practice.token(Role.PATIENT, mine), await practice.token(Role.CLINICIAN)]
    shutil.copytree(first, second)
    copy = await copied(url, second)
    async with AsyncExitStack() as stack:
        if not copy.startswith("sqlite"):
            stack.push_async_callback(drop_database, copy)
        plain = await stack.enter_async_context(open_practice(first, url))
        changed = await stack.enter_async_context(open_practice(second, url, data_database=copy))
        await change(changed.client(tokens[1]), pair, other)
        changed.now[0] = -HOUR  # and rows that stand before everything that the patient sees
        await change(changed.client(await changed.token(Role.CLINICIAN)), pair, other)
        changed.now[0] = 0
        pair.plain, pair.changed = plain.client(tokens[0]), changed.client(tokens[0])
        yield pair


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(clinic_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    """Return the pair of this engine."""
    async with opened_pair(clinic_url, tmp_path_factory.mktemp("pair")) as opened:
        yield opened


@dataclass(frozen=True)
class Asked:
    """A request; `which` picks identifiers out of the pools of a pair, so that examples do not hold random ones."""

    method: str
    kind: str
    which: int
    form: str
    pairs: tuple[tuple[str, str], ...]
    prefer: str

    def identifier(self, pair: Pair) -> str:
        """Return the identifier that is asked for."""
        pool = [*pair.seen.get(self.kind, []), *pair.hidden.get(self.kind, []), ABSENT, "x"]
        return pool[self.which % len(pool)]

    def request(self, pair: Pair) -> dict[str, Any]:
        """Return the request as httpx takes it."""
        identifier = self.identifier(pair)
        query = [(name, value.replace("$patient", self.person(pair)).replace("$id", identifier)) for name, value in self.pairs]
        address = "/fhir/" + self.form.format(kind=self.kind, id=identifier, version=self.which % 5)
        content, kind = "", JSON["content-type"]
        if self.form.endswith("_search"):
            content, query, kind = urlencode(query), [], FORM
        elif self.method in {"POST", "PUT"}:
            bundle = '{"resourceType":"Bundle","type":"transaction"}'
            content = bundle if address == "/fhir/" else f'{{"resourceType":"{self.kind}","id":"{identifier}"}}'
        headers = {"content-type": kind, "prefer": self.prefer}
        return {"method": self.method, "url": address, "params": query or None, "content": content or None, "headers": headers}

    def person(self, pair: Pair) -> str:
        """Return the patient that is asked about."""
        pool = [*pair.seen["Patient"], *pair.hidden["Patient"], ABSENT]
        return pool[self.which // 7 % len(pool)]


FORMS = ["{kind}", "{kind}/{id}", "{kind}/{id}/_history", "{kind}/{id}/_history/{version}", "{kind}/_search", ""]
PAIRS = st.one_of(
    st.tuples(
        st.sampled_from(["name", "family", "given", "family:exact", "name:contains"]), st.sampled_from([*FAMILIES, "Qu", "quill,reed"])
    ),
    st.tuples(st.just("birthdate"), st.builds(str.__add__, st.sampled_from(["", "ge", "lt", "ne"]), st.sampled_from([*DAYS, "2020"]))),
    st.tuples(st.just("date"), st.builds(str.__add__, st.sampled_from(["", "ge", "lt", "ne"]), st.sampled_from([*DAYS, "2020"]))),
    st.tuples(st.just("code"), st.sampled_from([*CODES, f"http://loinc.org|{CODES[0]}", f"|{CODES[0]}"])),
    st.tuples(st.sampled_from(["patient", "subject"]), st.sampled_from(["$patient", "Patient/$patient"])),
    st.tuples(st.just("identifier"), st.sampled_from(["urn:mrn|1", "1", "urn:lab|2020-02-29", "2021-12-31"])),
    st.tuples(st.just("_id"), st.sampled_from(["$id", "$id,$patient"])),
    st.tuples(st.just("_count"), st.sampled_from(["0", "1", "2", "5", "200"])),
    st.tuples(st.just("_total"), st.sampled_from(["accurate", "none"])),
    st.tuples(st.sampled_from(["unknown", "encounter", "_page"]), st.sampled_from(["1", "x"])),
)
ASKED = st.builds(
    Asked,
    method=st.sampled_from(["GET"] * 8 + ["HEAD", "POST", "POST", "PUT", "DELETE", "PATCH"]),
    kind=st.sampled_from(["Patient", "Observation", "Observation", "Appointment", "Encounter", "Organization", "Basic", "NoType"]),
    which=st.integers(0, 500),
    form=st.sampled_from(FORMS),
    pairs=st.lists(PAIRS, max_size=3).map(tuple),
    prefer=st.sampled_from(["", "handling=lenient", "return=minimal"]),
)


def told(answer: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return all that a caller sees of an answer, but the fresh id of the request."""
    return answer.status_code, answer.content, [one for one in answer.headers.multi_items() if one[0] != "x-request-id"]


async def check(pair: Pair, request: dict[str, Any]) -> int:
    """Send a request to both practices, follow the links of the answers, and return the status."""
    status = 0
    for _ in range(PAGES):
        one, other = await pair.plain.http.request(**request), await pair.changed.http.request(**request)
        assert told(one) == told(other)
        status = status or one.status_code
        following = link(one.json(), "next") if one.content and one.status_code == 200 else None
        if following is None:
            break
        request = {"method": "GET", "url": following}
    return status


@given(asked=st.lists(ASKED, min_size=10, max_size=10))
async def test_what_may_not_be_seen_changes_no_byte(pair: Pair, asked: list[Asked]) -> None:
    """Status, headers and body of every answer are the same in both practices."""
    for one in asked:
        await check(pair, one.request(pair))


async def test_what_is_asked_finds_something(pair: Pair) -> None:
    """The requests above are no empty threat: every type that the patient sees is found, read and paged through."""
    found = [("Patient", 1), ("Observation", 6), ("Appointment", 1), ("Encounter", 1), ("Organization", 1), ("Basic", 0)]
    for kind, number in found:
        assert len(await pair.changed.found(kind, _count="2")) == number
        assert await check(pair, {"method": "GET", "url": f"/fhir/{kind}", "params": {"_count": "2", "_total": "accurate"}}) == 200
    for kind, identifiers in pair.seen.items():
        for identifier in identifiers:
            assert await check(pair, {"method": "GET", "url": f"/fhir/{kind}/{identifier}/_history", "params": {"_count": "1"}}) == 200


async def test_every_identifier_there_is_looks_alike(pair: Pair) -> None:
    """Reads, versions, histories and searches of every resource of both practices, hidden or not."""
    for pool in (pair.seen, pair.hidden):
        for kind, identifiers in pool.items():
            for identifier in identifiers:
                for suffix in ("", "/_history/1", "/_history/2", "/_history", "/_history/5"):
                    await check(pair, {"method": "GET", "url": f"/fhir/{kind}/{identifier}{suffix}"})
                await check(pair, {"method": "GET", "url": f"/fhir/{kind}", "params": {"_id": identifier, "_total": "accurate"}})
