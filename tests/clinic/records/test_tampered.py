"""Whoever writes into the database past the server never makes it show one person's data to another.

Each attack is a few statements of SQL. After it everyone asks for everything by every way there is, and whatever is shown must be what
was stored under that very identifier and version, and theirs to see. All else is an outcome: not found, gone, or a failure that is in
the trail.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from confide.clinic.records.store import DOCUMENT, SHARED, TOKEN, VERSION
from confide.values.ids import uuid_bytes
from confide.values.principal import Role
from tests.clinic.practice import observation, patient

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.clinic.practice import Client, Practice

    Attack = Callable[["Rows"], list[sa.Executable]]

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRETS = ("Almas-secret", "Berts-secret")
FAILURE = (500, "OperationOutcome", "failed")


@dataclass
class Rows:
    """The storage keys of what is attacked."""

    keys: dict[str, int] = field(default_factory=dict)
    sealed: dict[tuple[str, int], bytes] = field(default_factory=dict)
    """By name and version number; as number 0, the identifier."""

    def __getattr__(self, name: str) -> int:
        """Return the key of a document: alma, bert, alma_seen and so on."""
        return self.keys[name]


def document(key: int, **values: Any) -> sa.Executable:
    """Change a document."""
    return sa.update(DOCUMENT).where(DOCUMENT.c.key == key).values(**values)


def version(key: int, number: int | None = None, **values: Any) -> sa.Executable:
    """Change one version of a document, or all."""
    chosen = sa.update(VERSION).where(VERSION.c.document == key)
    return (chosen if number is None else chosen.where(VERSION.c.number == number)).values(**values)


def share(who: int, key: int, number: int = 2) -> sa.Executable:
    """Say that a version is about somebody else too."""
    return sa.insert(SHARED).values(patient=who, document=key, number=number)


def kept_by(rows: Rows, name: str) -> bytes:
    """Return the identifier of a document."""
    return rows.sealed[name, 0]


ATTACKS: dict[str, Attack] = {
    "two people's values are swapped": lambda rows: [
        version(rows.alma_seen, 2, sealed=rows.sealed["bert_seen", 2]),
        version(rows.bert_seen, 2, sealed=rows.sealed["alma_seen", 2]),
    ],
    "two of one person's values are swapped": lambda rows: [
        version(rows.alma_seen, 2, sealed=rows.sealed["alma", 2]),
        version(rows.alma, 2, sealed=rows.sealed["alma_seen", 2]),
    ],
    "two versions of a resource are swapped": lambda rows: [
        version(rows.alma_seen, 1, sealed=rows.sealed["alma_seen", 2]),
        version(rows.alma_seen, 2, sealed=rows.sealed["alma_seen", 1]),
    ],
    "a value of a person stands where that of nobody stood": lambda rows: [version(rows.ward, 2, sealed=rows.sealed["alma_seen", 2])],
    "a document is moved to another patient": lambda rows: [document(rows.alma_seen, patient=rows.bert)],
    "a version is moved to another patient": lambda rows: [version(rows.alma_seen, patient=rows.bert)],
    "a document is moved with its versions": lambda rows: [
        document(rows.alma_seen, patient=rows.bert),
        version(rows.alma_seen, patient=rows.bert),
    ],
    "a Patient is moved to another patient": lambda rows: [document(rows.alma, patient=rows.bert), version(rows.alma, patient=rows.bert)],
    "a document is shared": lambda rows: [share(rows.bert, rows.alma_seen), share(rows.bert, rows.alma_seen, 1)],
    "a document is shared and says so": lambda rows: [
        share(rows.bert, rows.alma_seen),
        document(rows.alma_seen, compartments=2, patient=None),
        version(rows.alma_seen, compartments=2, patient=None),
    ],
    "only the document says that it is shared": lambda rows: [
        share(rows.bert, rows.alma_seen),
        document(rows.alma_seen, compartments=2, patient=None),
    ],
    "a shared document is shared with one more": lambda rows: [share(rows.bert, rows.meeting), share(rows.bert, rows.meeting, 1)],
    "a shared document is given to one alone": lambda rows: [
        document(rows.meeting, compartments=1, patient=rows.bert),
        version(rows.meeting, compartments=1, patient=rows.bert),
    ],
    "a document is nobody's and a type for everyone": lambda rows: [
        document(rows.alma_seen, compartments=0, patient=None, type="Organization"),
        version(rows.alma_seen, compartments=0, patient=None),
    ],
    "only the document says that it is nobody's": lambda rows: [
        document(rows.alma_seen, compartments=0, patient=None, type="Organization")
    ],
    "a document of staff is of a type for everyone": lambda rows: [document(rows.loose, type="Organization")],
    "a document has another type": lambda rows: [document(rows.alma_seen, type="Condition")],
    "two documents exchange their versions": lambda rows: [
        version(rows.alma_seen, document=-1),
        version(rows.bert_seen, document=rows.alma_seen),
        version(-1, document=rows.bert_seen),
    ],
    "two documents exchange their identifiers": lambda rows: [
        document(rows.alma_seen, id=bytes(16)),
        document(rows.bert_seen, id=kept_by(rows, "alma_seen")),
        document(rows.alma_seen, id=kept_by(rows, "bert_seen")),
    ],
    "two Patients exchange their identifiers": lambda rows: [
        document(rows.alma, id=bytes(16)),
        document(rows.bert, id=kept_by(rows, "alma")),
        document(rows.alma, id=kept_by(rows, "bert")),
    ],
    "two Patients exchange identifiers and records": lambda rows: [
        document(rows.alma, id=bytes(16)),
        document(rows.bert, id=kept_by(rows, "alma")),
        document(rows.alma, id=kept_by(rows, "bert")),
        document(rows.alma_seen, patient=rows.bert),
        version(rows.alma_seen, patient=rows.bert),
    ],
    "the tokens of one are given to another": lambda rows: [
        sa.delete(TOKEN).where(TOKEN.c.document == rows.bert),
        sa.delete(TOKEN).where(TOKEN.c.document == rows.bert_seen),
        sa.update(TOKEN).where(TOKEN.c.document == rows.alma).values(document=rows.bert),
        sa.update(TOKEN).where(TOKEN.c.document == rows.alma_seen).values(document=rows.bert_seen),
    ],
    "a document goes back to an older version": lambda rows: [document(rows.alma_seen, version=1)],
    "a deleted document comes back": lambda rows: [document(rows.alma_gone, deleted=0, version=1)],
    "a deleted document says that it is not": lambda rows: [document(rows.alma_gone, deleted=0)],
    "a value is empty": lambda rows: [version(rows.alma_seen, 2, sealed=b"")],
    "a value is gone": lambda rows: [version(rows.alma_seen, 2, sealed=None)],
    "a value is cut": lambda rows: [version(rows.alma_seen, 2, sealed=rows.sealed["alma_seen", 2][:-1])],
    "a value is another's header with one's own body": lambda rows: [
        version(rows.alma_seen, 2, sealed=rows.sealed["bert_seen", 2][:12] + rows.sealed["alma_seen", 2][12:])
    ],
    "a value has a bit flipped": lambda rows: [
        version(rows.alma_seen, 2, sealed=rows.sealed["alma_seen", 2][:-1] + bytes([rows.sealed["alma_seen", 2][-1] ^ 1]))
    ],
    "a document belongs to another tenant": lambda rows: [document(rows.alma_seen, tenant=2), version(rows.alma_seen, tenant=2)],
    "a version belongs to another tenant": lambda rows: [version(rows.alma_seen, tenant=2)],
}
HARMLESS = {
    "the tokens of one are given to another",
    "a document is shared",
    "a document goes back to an older version",
    "a deleted document comes back",
    "a document belongs to another tenant",
    "a version belongs to another tenant",
}
"""What shows nothing but what was stored: less is found, or an older state of one's own."""


@dataclass
class Truth:
    """What was stored, and who may see it."""

    addresses: dict[str, str] = field(default_factory=dict)
    shown: dict[tuple[str, str], Any] = field(default_factory=dict)
    """By address and version."""
    owners: dict[str, set[str]] = field(default_factory=dict)
    """By address; empty for what everyone may see, without an entry for what only staff may."""


async def store(clinician: Client) -> Truth:
    """Store two people's records, each in two versions."""
    truth = Truth()
    alma, bert, third = [await clinician.create(patient(name)) for name in (*SECRETS, "Third")]
    seen = {who["id"]: observation(who["id"], valueString=secret) for who, secret in zip((alma, bert), SECRETS, strict=True)}
    gone = await clinician.create(seen[alma["id"]])
    meeting = {
        "resourceType": "Appointment",
        "status": "proposed",
        "comment": SECRETS[0],
        "participant": [{"actor": {"reference": f"Patient/{who['id']}"}, "status": "accepted"} for who in (alma, third)],
    }
    made: dict[str, tuple[dict[str, Any], set[str] | None]] = {
        "alma": (alma, {"alma"}),
        "bert": (bert, {"bert"}),
        "alma_seen": (await clinician.create(seen[alma["id"]]), {"alma"}),
        "bert_seen": (await clinician.create(seen[bert["id"]]), {"bert"}),
        "alma_gone": (gone, {"alma"}),
        "meeting": (await clinician.create(meeting), {"alma"}),
        "ward": (await clinician.create({"resourceType": "Organization", "name": "Ward"}), set()),
        "loose": (await clinician.create({"resourceType": "Basic", "code": {"text": SECRETS[0]}}), None),
    }
    for name, (first, owners) in made.items():
        address = f"{first['resourceType']}/{first['id']}"
        truth.addresses[name] = address
        truth.shown[address, "1"] = first
        truth.shown[address, "2"] = (await clinician.put(first)).json()
        if owners is not None:
            truth.owners[address] = owners
    await clinician.delete(truth.addresses["alma_gone"])
    return truth


async def rows(practice: Practice, truth: Truth) -> Rows:
    """Look up what whoever administers the database sees."""
    names = {uuid_bytes(address.split("/")[1]) or b"": name for name, address in truth.addresses.items()}
    joined = DOCUMENT.join(VERSION, VERSION.c.document == DOCUMENT.c.key)
    columns = (DOCUMENT.c.id, DOCUMENT.c.key, VERSION.c.number, VERSION.c.sealed)
    found = Rows()
    for identifier, key, number, sealed in await practice.sql(sa.select(*columns).select_from(joined).where(DOCUMENT.c.id.in_(names))):
        name = names[bytes(identifier)]
        found.keys[name] = key
        found.sealed[name, 0] = bytes(identifier)
        found.sealed[name, number] = bytes(sealed or b"")
    return found


def requests(truth: Truth) -> list[tuple[str, dict[str, str]]]:
    """Return every way to what is there, and the shortest to what it might be taken for."""
    found: list[tuple[str, dict[str, str]]] = []
    identifiers = [address.split("/")[1] for address in truth.addresses.values()]
    for address in truth.addresses.values():
        found += [(f"{address}{suffix}", {}) for suffix in ("", "/_history/1", "/_history/2", "/_history")]
        found += [(f"{kind}/{address.split('/')[1]}", {}) for kind in ("Organization", "Condition")]
    for kind in ("Patient", "Observation", "Condition", "Appointment", "Organization", "Basic"):
        found.append((kind, {"_id": ",".join(identifiers), "_total": "accurate"}))
    for person in ("alma", "bert"):
        who = truth.addresses[person].split("/")[1]
        found += [(kind, {"patient": who, "_count": "50"}) for kind in ("Observation", "Appointment", "Condition")]
        found.append(("Observation", {"patient": who, "code": "8867-4"}))
    return found + [("Patient", {"family": secret, "_id": ",".join(identifiers)}) for secret in SECRETS]


def resources(answer: httpx.Response) -> list[dict[str, Any]]:
    """Return the resources of an answer with 200."""
    if answer.status_code != 200:
        return []
    content = answer.json()
    return [one["resource"] for one in content.get("entry", []) if "resource" in one] if content["resourceType"] == "Bundle" else [content]


def is_true(truth: Truth, caller: str, resource: dict[str, Any]) -> bool:
    """Return whether a resource is what was stored under its identifier and version, and the caller's to see."""
    address = f"{resource['resourceType']}/{resource['id']}"
    stored = truth.shown.get((address, resource["meta"]["versionId"]))
    owners = truth.owners.get(address)
    return resource == stored and (caller == "clinician" or (owners is not None and (not owners or caller in owners)))


@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_statement_shows_one_person_to_another(practice: Practice, clinician: Client, attack: str) -> None:
    """Whatever is shown is true and the caller's to see; a failure is an outcome and is in the trail."""
    truth = await store(clinician)
    bert = await practice.sign_in(Role.PATIENT, truth.addresses["bert"].split("/")[1])
    await practice.sql(*ATTACKS[attack](await rows(practice, truth)))
    failed: list[httpx.Response] = []

    for caller, client in (("bert", bert), ("clinician", clinician)):
        asked = requests(truth)
        for (path, parameters), answer in zip(asked, await asyncio.gather(*(client.get(one, **two) for one, two in asked)), strict=True):
            untrue = [one for one in resources(answer) if not is_true(truth, caller, one)]
            assert (caller, path, parameters, untrue) == (caller, path, parameters, [])
            if answer.status_code >= 500:
                failed.append(answer)
            elif answer.status_code == 200 and answer.json()["resourceType"] == "Bundle":
                assert all("resource" in one or one["response"]["status"] == "204" for one in answer.json().get("entry", []))
    events = map(json.loads, await practice.event_bodies(1000))
    told = {one["request"]: one["outcome"] for one in events}
    assert {(one.status_code, one.json()["resourceType"], told[one.headers["x-request-id"]]) for one in failed} <= {FAILURE}
    assert not any(secret in answer.text for secret in SECRETS for answer in failed)
    practice.reported.clear()
    assert failed or attack in HARMLESS


async def test_without_an_attack_everything_is_shown(practice: Practice, clinician: Client) -> None:
    """The requests above are no empty threat: each person sees all of theirs by them, and nothing else."""
    truth = await store(clinician)
    callers = {name: await practice.sign_in(Role.PATIENT, truth.addresses[name].split("/")[1]) for name in ("alma", "bert")}
    callers["clinician"] = clinician

    for caller, client in callers.items():
        answers = [await client.get(path, **parameters) for path, parameters in requests(truth)]
        shown = [one for answer in answers for one in resources(answer)]
        expected = {address for address in truth.addresses.values() if caller == "clinician" or caller in truth.owners.get(address, set())}
        assert all(is_true(truth, caller, one) for one in shown)
        assert expected <= {f"{one['resourceType']}/{one['id']}" for one in shown}
    assert practice.reported == []
