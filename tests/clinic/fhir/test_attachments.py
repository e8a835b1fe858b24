"""Attachments inside resources: large ones lie in files, and nobody who reads, searches or updates them can tell."""

from __future__ import annotations

import json
from base64 import b64encode, encodebytes
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from confide.clinic.app import TENANT
from confide.clinic.records import framed
from confide.clinic.records.errors import FileMissing
from confide.clinic.records.file_rows import FILE
from confide.clinic.records.framed import INLINE_BYTES
from confide.clinic.records.store import DOCUMENT, VERSION
from confide.values.ids import SubjectId, uuid_bytes
from confide.values.principal import Role
from tests.clinic.practice import entry, patient

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.clinic.practice import Client, Practice

pytestmark = pytest.mark.asyncio(loop_scope="module")

SMALL, LARGE = 1000, INLINE_BYTES


def content(size: int, seed: int = 0) -> bytes:
    """Bytes that no compression removes."""
    return b"".join((seed + at * 2654435761 % 2**32).to_bytes(8, "big") for at in range(size // 8 + 1))[:size]


def attachment(size: int, seed: int = 0, encode: Callable[[bytes], bytes] = b64encode) -> dict[str, Any]:
    """An Attachment with its content in it."""
    return {"contentType": "image/png", "data": encode(content(size, seed)).decode().strip(), "title": "scan"}


def reference(about: str, *sizes: int) -> dict[str, Any]:
    """A DocumentReference with an attachment of each size."""
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"reference": f"Patient/{about}"},
        "content": [{"attachment": attachment(size, at)} for at, size in enumerate(sizes)],
    }


def media(about: str) -> dict[str, Any]:
    """A Media."""
    return {
        "resourceType": "Media",
        "status": "completed",
        "subject": {"reference": f"Patient/{about}"},
        "content": attachment(LARGE),
    }


def report(about: str) -> dict[str, Any]:
    """A DiagnosticReport with a contained Media and an attachment in an extension."""
    inner = media(about) | {"id": "inner"}
    extension = {"url": "http://example.org/scan", "valueAttachment": attachment(LARGE, 7)}
    return {
        "resourceType": "DiagnosticReport",
        "contained": [inner],
        "extension": [extension],
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": f"Patient/{about}"},
        "media": [{"link": {"reference": "#inner"}}],
        "presentedForm": [attachment(SMALL), attachment(LARGE, 3)],
    }


def signed(about: str) -> dict[str, Any]:
    """A Consent-like resource whose large string named data is a signature."""
    return {
        "resourceType": "Provenance",
        "target": [{"reference": f"Patient/{about}"}],
        "recorded": "2024-01-01T00:00:00Z",
        "agent": [{"who": {"display": "x"}}],
        "signature": [
            {"type": [{"code": "x"}], "when": "2024-01-01T00:00:00Z", "who": {"display": "x"}, "data": b64encode(content(LARGE)).decode()}
        ],
    }


def photo(_about: str) -> dict[str, Any]:
    """A Patient with a picture."""
    return patient(photo=[attachment(LARGE, 5)])


KINDS = {"DocumentReference": lambda about: reference(about, LARGE, SMALL, LARGE), "Media": media, "report": report, "signed": signed}
EVERY = {**KINDS, "photo": photo}
FILES = {"DocumentReference": 2, "Media": 1, "report": 3, "signed": 1, "photo": 1}


async def files(practice: Practice, identifier: str) -> list[Any]:
    """The rows of the files of a resource."""
    chosen = sa.select(FILE).join(DOCUMENT, DOCUMENT.c.key == FILE.c.document)
    return await practice.sql(chosen.where(DOCUMENT.c.id == uuid_bytes(identifier)).order_by(FILE.c.number))


def without_meta(resource: dict[str, Any]) -> dict[str, Any]:
    """A resource as its client wrote it."""
    return {name: value for name, value in resource.items() if name not in {"id", "meta"}}


@pytest.mark.parametrize("kind", EVERY)
async def test_a_resource_reads_as_it_was_written(practice: Practice, clinician: Client, kind: str) -> None:
    """Byte for byte what the create answered, wherever in it the attachments are; each large one is a file."""
    person = await clinician.create(patient())
    resource = EVERY[kind](person["id"])
    made = await clinician.post(resource["resourceType"], resource)
    assert made.status_code == 201, made.text
    name = f"{resource['resourceType']}/{made.json()['id']}"
    read = await clinician.get(name)

    assert read.content == made.content
    assert read.headers["content-length"] == str(len(made.content))
    assert without_meta(read.json()) == resource
    assert len(await files(practice, made.json()["id"])) == FILES[kind]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_resource_is_found_as_it_was_written(clinician: Client, kind: str) -> None:
    """In a search by patient, and in its history."""
    person = await clinician.create(patient())
    made = await clinician.create(KINDS[kind](person["id"]))
    found = (await clinician.get(made["resourceType"], patient=person["id"])).json()
    history = (await clinician.get(f"{made['resourceType']}/{made['id']}/_history")).json()

    assert [one["resource"] for one in found["entry"]] == [made]
    assert [one["resource"] for one in history["entry"]] == [made]


async def test_every_version_keeps_its_attachments(practice: Practice, clinician: Client) -> None:
    """Changed, removed and put back: each version reads as it was."""
    person = await clinician.create(patient())
    versions = [await clinician.create(reference(person["id"], LARGE))]
    for sizes in ((SMALL,), (LARGE, LARGE), (LARGE,)):
        answer = await clinician.put(versions[0] | {"content": reference(person["id"], *sizes)["content"]})
        assert answer.status_code == 200
        versions.append(answer.json())
    name = f"DocumentReference/{versions[0]['id']}"
    read = [(await clinician.get(f"{name}/_history/{number}")).json() for number in (1, 2, 3, 4)]

    assert read == versions
    assert [row[3] for row in await files(practice, versions[0]["id"])] == [1, 3, 3, 4]


async def test_a_transaction_stores_attachments(practice: Practice, clinician: Client) -> None:
    """With the patient that they are about in the same bundle."""
    urn = "urn:uuid:00000000-0000-4000-8000-000000000001"
    about = reference("x", LARGE) | {"subject": {"reference": urn}}
    answer = await clinician.transact(entry(patient(), urn), entry(about))
    where = [one["response"]["location"].split("/fhir/")[1].split("/_history")[0] for one in answer.json()["entry"]]
    read = (await clinician.get(where[1])).json()

    assert read["content"] == about["content"]
    assert (await files(practice, read["id"]))[0][6] in await practice.house.keyring.references(
        TENANT, SubjectId(uuid_bytes(where[0].rpartition("/")[2]) or b"")
    )


async def test_what_is_refused_leaves_no_object(practice: Practice, clinician: Client) -> None:
    """A transaction whose last entry is about nobody: files are stored when nothing is refused any more."""
    person = await clinician.create(patient())
    before = objects(practice)
    nobody = reference("00000000-0000-4000-8000-000000000000", LARGE)
    answer = await clinician.transact(entry(reference(person["id"], LARGE)), entry(nobody))

    assert answer.status_code == 422
    assert objects(practice) == before


def objects(practice: Practice) -> list[Path]:
    """The files of the object store."""
    return sorted(path for path in (practice.house.settings.folder / "objects").rglob("*") if path.is_file())


@pytest.mark.parametrize("size", [INLINE_BYTES // 4 * 3 - 3, INLINE_BYTES // 4 * 3, INLINE_BYTES // 4 * 3 + 3])
async def test_the_threshold_is_on_the_string(practice: Practice, clinician: Client, size: int) -> None:
    """64 KiB of base64 stay in the document; one group of four more is a file."""
    person = await clinician.create(patient())
    made = await clinician.create(reference(person["id"], size))

    assert len(await files(practice, made["id"])) == (1 if size // 3 * 4 > INLINE_BYTES else 0)
    assert (await clinician.get(f"DocumentReference/{made['id']}")).json() == made


async def test_base64_with_line_breaks_comes_back_with_them(practice: Practice, clinician: Client) -> None:
    """As MIME writes it; it is a file as well, and the characters are the same."""
    person = await clinician.create(patient())
    resource = reference(person["id"], SMALL)
    resource["content"] = [{"attachment": attachment(LARGE, encode=encodebytes)}]
    made = await clinician.post("DocumentReference", resource)
    read = await clinician.get(f"DocumentReference/{made.json()['id']}")

    assert read.content == made.content
    assert read.json()["content"] == resource["content"]
    assert len(await files(practice, made.json()["id"])) == 1


async def test_the_database_holds_no_large_attachment(practice: Practice, clinician: Client) -> None:
    """The row of the version stays small, whatever the attachment's size."""
    person = await clinician.create(patient())
    made = await clinician.create(reference(person["id"], 1_000_000))
    chosen = sa.select(sa.func.length(VERSION.c.sealed)).join(DOCUMENT, DOCUMENT.c.key == VERSION.c.document)
    [(length,)] = await practice.sql(chosen.where(DOCUMENT.c.id == uuid_bytes(made["id"])))

    assert length < 2000


async def test_a_patient_reads_attachments_of_the_own_chart(practice: Practice, clinician: Client) -> None:
    """And nobody else's."""
    own, other = await clinician.create(patient()), await clinician.create(patient())
    made = await clinician.create(reference(own["id"], LARGE))
    mine, theirs = [await practice.sign_in(Role.PATIENT, one["id"]) for one in (own, other)]

    assert (await mine.get(f"DocumentReference/{made['id']}")).json() == made
    assert (await theirs.get(f"DocumentReference/{made['id']}")).status_code == 404


async def test_an_attachment_that_is_lost_is_told_and_nothing_of_the_resource_leaves(practice: Practice, clinician: Client) -> None:
    """Half a resource would be taken for the whole."""
    person = await clinician.create(patient())
    before = set(objects(practice))
    made = await clinician.create(reference(person["id"], LARGE))
    for path in set(objects(practice)) - before:
        path.unlink()
    read = await clinician.get(f"DocumentReference/{made['id']}")
    found = await clinician.get("DocumentReference", patient=person["id"])

    assert [answer.status_code for answer in (read, found)] == [500, 500]
    assert made["content"][0]["attachment"]["title"] not in read.text


async def test_a_file_row_that_is_lost_is_told(practice: Practice, clinician: Client) -> None:
    """As after a restore of half a database."""
    person = await clinician.create(patient())
    made = await clinician.create(reference(person["id"], LARGE))
    await practice.sql(sa.delete(FILE).where(FILE.c.id == (await files(practice, made["id"]))[0][0]))

    assert (await clinician.get(f"DocumentReference/{made['id']}")).status_code == 500
    assert isinstance(practice.reported[-1], FileMissing)


async def test_a_row_that_names_another_object_opens_nothing(practice: Practice, clinician: Client) -> None:
    """Whoever changes the database cannot put one person's scan into another's chart."""
    people = [await clinician.create(patient()) for _ in range(2)]
    made = [await clinician.create(reference(one["id"], LARGE)) for one in people]
    [one], [other] = [await files(practice, each["id"]) for each in made]
    await practice.sql(
        sa.delete(FILE).where(FILE.c.id == other[0]),
        sa.update(FILE).where(FILE.c.id == one[0]).values(object=other[5], key_ref=other[6]),
    )

    assert (await clinician.get(f"DocumentReference/{made[0]['id']}")).status_code == 500


async def test_a_resource_written_before_there_were_files_reads_on(clinician: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its attachments are in the document, and move into files with its next version."""
    person = await clinician.create(patient())
    with monkeypatch.context() as patched:
        patched.setattr(framed, "INLINE_BYTES", 10**9)
        made = await clinician.create(reference(person["id"], LARGE))
    read = (await clinician.get(f"DocumentReference/{made['id']}")).json()
    updated = (await clinician.put(read)).json()

    assert read == made
    assert (await clinician.get(f"DocumentReference/{made['id']}")).json() == updated
    assert json.dumps(updated["content"]) == json.dumps(made["content"])
