"""No event, no answer: every answer with rows has exactly its events, in the transaction of what it tells about."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import sqlalchemy as sa

from confide.audit.append import COLUMN, TABLE
from confide.audit.store import OUTBOX
from confide.clinic.app import TENANT
from confide.clinic.records.store import DOCUMENT, SHARED
from confide.crypto.errors import CryptoError
from confide.keys.errors import KeysError
from confide.keys.hierarchy import Cell
from confide.values.ids import NO_SUBJECT, uuid_bytes
from confide.values.principal import Role
from confide.values.purpose import PurposeClass
from tests.clinic.practice import entry, observation, patient, removal

if TYPE_CHECKING:
    import httpx

    from tests.clinic.practice import Client, Practice

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORM = {"content-type": "application/x-www-form-urlencoded"}
ALWAYS = {"action", "actor", "explanation", "id", "outcome", "purpose", "request", "role", "salt", "time", "type", "v"}
"""Of every event of a signed-in caller."""
MAY = {"network", "parameters", "patients", "resources", "sealed", "sentence", "consent"}


async def event(practice: Practice, answer: httpx.Response) -> dict[str, Any]:
    """Return the one event of an answer."""
    [found] = await practice.events(answer)
    return found


async def pseudonym(practice: Practice, identifier: str) -> str:
    """Return what a resource is called in the trail."""
    [[value]] = await practice.sql(sa.select(DOCUMENT.c.pseudonym).where(DOCUMENT.c.id == uuid_bytes(identifier)))
    return bytes(value).hex()


async def named(practice: Practice, *identifiers: str) -> list[str]:
    """Return what resources are called in the trail."""
    return [await pseudonym(practice, one) for one in identifiers]


async def test_each_interaction_has_its_event(practice: Practice, clinician: Client) -> None:
    """One event each, which tells the action, whose chart and which resource it was, by their pseudonyms."""
    person = await clinician.create(patient("Told"))
    made = await clinician.post("Observation", observation(person["id"]))
    address = f"Observation/{made.json()['id']}"
    answers = {
        "create": made,
        "read": await clinician.get(address),
        "read a version": await clinician.get(f"{address}/_history/1"),
        "head": await clinician.http.head(f"/fhir/{address}"),
        "update": await clinician.put({**observation(person["id"]), "id": made.json()["id"]}),
        "history": await clinician.get(f"{address}/_history"),
        "search": await clinician.get("Observation", patient=person["id"]),
        "search by POST": await clinician.http.post("/fhir/Observation/_search", content=f"patient={person['id']}", headers=FORM),
        "delete": await clinician.delete(address),
        "delete again": await clinician.delete(address),
    }
    events = {name: await event(practice, answer) for name, answer in answers.items()}
    chart, resource = await named(practice, person["id"], made.json()["id"])

    assert {name: one["action"] for name, one in events.items()} == {
        "create": "create",
        "read": "read",
        "read a version": "read",
        "head": "read",
        "update": "update",
        "history": "history",
        "search": "search",
        "search by POST": "search",
        "delete": "delete",
        "delete again": "delete",
    }
    assert {(one["outcome"], one["explanation"], one["sentence"], one["role"]) for one in events.values()} == {
        ("success", "role.clinician", "clinician-charts", "clinician")
    }
    assert {tuple(one["patients"]) for one in events.values()} == {(chart,)}
    assert {tuple(one["resources"]) for one in events.values()} == {(resource,)}


async def test_a_page_tells_of_what_is_on_it(practice: Practice, clinician: Client) -> None:
    """Each page of a search has an event of its own, with the resources of that page and no others."""
    born = "1871-01-01"
    people = [(await clinician.create(patient(birthDate=born)))["id"] for _ in range(3)]
    first = await clinician.get("Patient", birthdate=born, _count="2")
    second = await clinician.http.get(first.json()["link"][1]["url"])
    called = await named(practice, *people)

    assert [(await event(practice, one))["resources"] for one in (first, second)] == [called[:2], called[2:]]


async def test_a_count_alone_tells_of_no_resource(practice: Practice, clinician: Client) -> None:
    """The search is told, with its parameters, though no row leaves."""
    answer = await clinician.get("Patient", name="told", _count="0")
    told = await event(practice, answer)

    assert (told["action"], told["outcome"], told["parameters"]) == ("search", "success", ["_count", "name"])
    assert "resources" not in told


async def test_what_is_not_there_is_told(practice: Practice, clinician: Client) -> None:
    """A look at nothing, at what is gone, and at another's record is told as what the caller saw."""
    mine, theirs = [(await clinician.create(patient()))["id"] for _ in range(2)]
    gone = (await clinician.create(observation(mine)))["id"]
    await clinician.delete(f"Observation/{gone}")
    own = await practice.sign_in(Role.PATIENT, mine)
    answers = [
        await own.get(path) for path in (f"Patient/{uuid4()}", f"Patient/{theirs}", f"Patient/{theirs}/_history", f"Observation/{gone}")
    ]
    events = [await event(practice, answer) for answer in answers]

    assert [one["outcome"] for one in events] == ["not-found", "not-found", "not-found", "deleted"]
    assert [("patients" in one, "resources" in one) for one in events] == [(False, False)] * 3 + [(True, True)]


async def test_writes_to_what_is_not_there_are_told(practice: Practice, clinician: Client) -> None:
    """An update and a delete of nothing are told as such, once, and so is an address that leads to nothing."""
    absent = str(uuid4())
    answers = [
        await clinician.put(patient(id=absent)),
        await clinician.delete(f"Patient/{absent}"),
        await clinician.get("NoType/1"),
        await clinician.get("Patient/1/2/3"),
    ]
    told = [await event(practice, answer) for answer in answers]

    assert [(one["action"], one["outcome"], one["explanation"]) for one in told] == [
        ("update", "not-found", "role.clinician"),
        ("delete", "not-found", "role.clinician"),
        ("refuse", "refused", "fhir.unknown-address"),
        ("refuse", "refused", "fhir.unknown-address"),
    ]


async def test_refusals_are_told(practice: Practice, clinician: Client) -> None:
    """A denied, an invalid, a stale, and an unanswerable request each leave an event with the reason's code."""
    made = await clinician.create(patient())
    nurse = await practice.sign_in(Role.ADMINISTRATOR)
    answers = [
        await nurse.get(f"Patient/{made['id']}"),
        await clinician.post("Patient", patient(birthDate="x")),
        await clinician.put(patient(id=made["id"]), **{"if-match": 'W/"9"'}),
        await clinician.get("Patient", unknown="1"),
        await clinician.http.patch(f"/fhir/Patient/{made['id']}", content=""),
    ]
    told = [await event(practice, answer) for answer in answers]

    assert [(one["action"], one["outcome"], one["explanation"]) for one in told] == [
        ("refuse", "denied", "access.denied"),
        ("refuse", "refused", "fhir.invalid"),
        ("refuse", "refused", "fhir.version-conflict"),
        ("refuse", "refused", "search.not-supported"),
        ("refuse", "refused", "fhir.method-not-allowed"),
    ]


async def test_a_transaction_tells_what_it_did(practice: Practice, clinician: Client) -> None:
    """One event for each action in it, with every resource and every patient concerned."""
    old, gone = [(await clinician.create(patient()))["id"] for _ in range(2)]
    answer = await clinician.transact(
        entry(observation(old)),
        entry(patient(id=old), method="PUT", url=f"Patient/{old}"),
        removal(f"Patient/{gone}"),
        entry(observation(old)),
    )
    made = [one["response"].get("location", "//_history/").split("/")[-3] for one in answer.json()["entry"]]
    events = {one["action"]: one for one in await practice.events(answer)}
    chart, dropped, first, second = await named(practice, old, gone, made[0], made[3])

    assert {action: (one["patients"], one["resources"]) for action, one in events.items()} == {
        "create": ([chart], [first, second]),
        "update": ([chart], [chart]),
        "delete": ([dropped], [dropped]),
    }


async def test_a_record_that_changes_hands_is_told_of_both(practice: Practice, clinician: Client) -> None:
    """Whose record it was loses something too, and their access log must say so."""
    old, new = [(await clinician.create(patient()))["id"] for _ in range(2)]
    made = await clinician.create(observation(old))
    moved = {**observation(new), "id": made["id"]}
    alone = await clinician.put(moved)
    back = await clinician.transact(entry({**observation(old), "id": made["id"]}, method="PUT", url=f"Observation/{made['id']}"))
    both = set(await named(practice, old, new))

    assert set((await event(practice, alone))["patients"]) == both
    assert set((await event(practice, back))["patients"]) == both


async def test_an_event_has_the_final_format(practice: Practice, clinician: Client) -> None:
    """Known keys in canonical order, no space, no float, an id that sorts by time, a salt, the caller's network as a keyed hash."""
    answer = await clinician.get("Patient", name="format", _total="accurate")
    told = await event(practice, answer)
    [body] = [body for body in await practice.event_bodies(40) if told["id"].encode() in body]

    assert body == json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert ALWAYS <= set(told) <= ALWAYS | MAY
    assert (told["v"], told["type"], told["purpose"], told["parameters"]) == (1, "rest", "TREAT", ["_total", "name"])
    assert told["id"][14] == "7"
    assert int(told["id"].replace("-", "")[:12], 16) // 1000 == int(answer_seconds(told["time"]))
    assert [len(bytes.fromhex(told[name])) for name in ("salt", "actor", "network")] == [16, 16, 8]
    assert not any(isinstance(value, float) for value in told.values())


def answer_seconds(text: str) -> float:
    """Return the seconds since 1970 of an RFC 3339 time."""
    return datetime.fromisoformat(text).timestamp()


async def test_equal_events_differ_by_their_salt(practice: Practice, clinician: Client) -> None:
    """So that a pruned event cannot be guessed from its hash."""
    made = await clinician.create(patient())
    events = [await event(practice, await clinician.get(f"Patient/{made['id']}")) for _ in range(3)]

    assert len({one["salt"] for one in events}) == len({one["id"] for one in events}) == 3


async def test_no_event_holds_a_personal_value(practice: Practice, clinician: Client) -> None:
    """Names, identifiers, dates, texts and addresses of resources stay out, wherever in a request they stood."""
    words = ["Zzyzxname", "zzyzx-number", "1873-07-07", "zzyzxtext", "Zzyzxparameter"]
    person = await clinician.create(patient(words[0], birthDate=words[2], identifier=[{"system": "urn:mrn", "value": words[1]}]))
    await clinician.create(observation(person["id"], valueString=words[3]))
    lenient = {"prefer": "handling=lenient"}
    for query in (
        f"name={words[0]}&birthdate={words[2]}",
        f"identifier={words[1]}",
        f"{words[4]}=1",
        f"name:{words[4]}=1",
        f"_id={person['id']}",
    ):
        for headers in ({}, lenient):
            await clinician.http.get(f"/fhir/Patient?{query}", headers=headers)
            await clinician.http.post("/fhir/Patient/_search", content=query, headers={**FORM, **headers})
    await clinician.post("Patient", patient(words[0], birthDate="x" + words[2]))
    await clinician.get(f"Patient/{words[0]}")
    await clinician.get(f"{words[4]}/{words[0]}")
    everything = b"\n".join(await practice.event_bodies(40)).lower()

    assert [word for word in [*words, person["id"]] if word.lower().encode() in everything] == []


async def test_search_values_are_sealed_into_their_event(practice: Practice, clinician: Client) -> None:
    """The values are there for whoever holds the service key, and open in the place of that one event only."""
    answer = await clinician.get("Patient", name="Zzyzx", birthdate="ge2001")
    one, other = await event(practice, answer), await event(practice, await clinician.get("Patient", name="Zzyzx"))
    opened = [open_sealed(practice, place, told["sealed"]) for told, place in ((one, one["id"]), (one, other["id"]))]

    assert opened == [b"name=Zzyzx&birthdate=ge2001", None]


def open_sealed(practice: Practice, place: str, sealed: str) -> bytes | None:
    """Return what was sealed, or None where it does not open."""
    cell = Cell(TENANT, TABLE, COLUMN, uuid_bytes(place) or b"", NO_SUBJECT, PurposeClass.SEARCHES)
    try:
        return practice.house.keyring.open_service(cell, b64decode(sealed))
    except (CryptoError, KeysError):
        return None


BROKEN = {
    "sqlite": "CREATE TRIGGER broken BEFORE INSERT ON audit_outbox BEGIN SELECT RAISE(ABORT, 'broken'); END",
    "postgresql": "ALTER TABLE audit_outbox ADD CONSTRAINT broken CHECK (tenant < 0) NOT VALID",
}
MENDED = {"sqlite": "DROP TRIGGER broken", "postgresql": "ALTER TABLE audit_outbox DROP CONSTRAINT broken"}


async def test_without_its_event_there_is_no_answer(practice: Practice, clinician: Client) -> None:
    """Where the trail takes nothing, nothing is read, found, or stored: every interaction answers with an outcome alone."""
    made = await clinician.create(patient("Unseen"))
    before = await practice.stored()
    engine = "sqlite" if practice.house.settings.data_url.startswith("sqlite") else "postgresql"
    await practice.sql(sa.text(BROKEN[engine]))
    address = f"Patient/{made['id']}"
    asked = [
        clinician.get(address),
        clinician.get(f"{address}/_history/1"),
        clinician.get(f"{address}/_history"),
        clinician.get("Patient", name="Unseen", _total="accurate"),
        clinician.get("Patient", _count="0"),
        clinician.get(f"Patient/{uuid4()}"),
        clinician.post("Patient", patient("Unseen")),
        clinician.put(patient("Unseen again", id=made["id"])),
        clinician.delete(address),
        clinician.transact(entry(patient("Unseen"))),
    ]
    answers = [await one for one in asked]
    await practice.sql(sa.text(MENDED[engine]))

    assert all(answer.status_code >= 400 for answer in answers)
    assert {answer.json()["resourceType"] for answer in answers} == {"OperationOutcome"}
    assert not any(b"Unseen" in answer.content or b"total" in answer.content for answer in answers)
    assert await practice.stored() == before
    assert (await clinician.get(address)).json() == made


async def test_an_event_that_is_too_large_stops_its_search(practice: Practice, clinician: Client) -> None:
    """422 in place of a page, with a word on what to do."""
    await clinician.create(patient("Abcdefgh"))
    wanted = urlencode({"family": "abcdefgh,x" + "é" * 900})
    small, large = [
        await clinician.http.post("/fhir/Patient/_search", content="&".join([wanted] * times), headers=FORM) for times in (2, 10)
    ]

    assert small.json()["entry"]
    assert (large.status_code, large.json()["issue"][0]["code"]) == (422, "too-costly")
    assert b"Abcdefgh" not in large.content


async def test_an_event_that_is_too_large_stops_its_write(practice: Practice, clinician: Client) -> None:
    """A record that names more patients than an event can is not stored at all."""
    answer = await clinician.transact(*(entry({"resourceType": "Patient"}) for _ in range(1900)))
    people = [one["response"]["location"].split("/")[-3] for one in answer.json()["entry"]]
    before = await practice.stored()
    participants = [{"actor": {"reference": f"Patient/{one}"}, "status": "accepted"} for one in people]
    meeting = {"resourceType": "Appointment", "status": "proposed", "participant": participants}
    refused = await clinician.post("Appointment", meeting)
    taken = await clinician.post("Appointment", {**meeting, "participant": participants[:1000]})

    assert (answer.status_code, refused.status_code, taken.status_code) == (200, 422, 201)
    after = await practice.stored()
    assert (after["document"], after[SHARED.name]) == (before["document"] + 1, before[SHARED.name] + 1000)


async def test_events_of_a_large_transaction_name_every_resource(practice: Practice, clinician: Client) -> None:
    """More than one event may hold them, and together they hold them all, each once."""
    answer = await clinician.transact(*(entry({"resourceType": "Organization", "name": f"Ward {at}"}) for at in range(900)))
    events = await practice.events(answer)
    resources = [one for event_ in events for one in event_["resources"]]

    assert [one["action"] for one in events] == ["create", "create"]
    assert len(resources) == len(set(resources)) == 900


async def test_an_event_is_stored_with_what_it_tells_about(practice: Practice, clinician: Client) -> None:
    """The trail has the event by the time the answer is there, in the database and not only in memory."""
    made = await clinician.post("Patient", patient())
    rows = await practice.sql(sa.select(OUTBOX.c.body).order_by(OUTBOX.c.sequence.desc()).limit(5))

    assert any(made.headers["x-request-id"].encode() in bytes(row[0]) for row in rows)
