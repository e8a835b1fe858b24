"""Creates, updates and deletes: what is stored, what is refused, and what the answer says (https://hl7.org/fhir/R4/http.html#create)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from confide.values.principal import Role
from tests.clinic.practice import JSON, ids, observation, open_practice, patient

if TYPE_CHECKING:
    from pathlib import Path

    from tests.clinic.practice import Client, Practice

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def versions(clinician: Client, address: str) -> list[str]:
    """Return how each version came to be, oldest first."""
    history = (await clinician.get(f"{address}/_history", _count="200")).json()
    return [one["request"]["method"] for one in reversed(history["entry"])]


async def test_a_create_says_where_the_resource_is(clinician: Client) -> None:
    """201; Location names the version and leads to it; ETag and Last-Modified are those of a read."""
    answer = await clinician.post("Patient", patient())
    read = await clinician.http.get(answer.headers["location"])

    assert answer.status_code == 201
    assert answer.headers["location"] == f"{clinician.http.base_url}/fhir/Patient/{answer.json()['id']}/_history/1"
    assert (read.status_code, read.json()) == (200, answer.json())
    assert [answer.headers[name] for name in ("etag", "last-modified")] == [read.headers[name] for name in ("etag", "last-modified")]


async def test_the_server_chooses_identity_and_version(clinician: Client) -> None:
    """An id, a version and a time in a new resource are replaced; the rest of meta stays."""
    meta = {"versionId": "77", "lastUpdated": "1999-01-01T00:00:00Z", "tag": [{"system": "urn:t", "code": "kept"}]}
    made = await clinician.create(patient(id="mine", meta=meta))

    assert made["id"] != "mine"
    assert (made["meta"]["versionId"], made["meta"]["tag"]) == ("1", meta["tag"])
    assert made["meta"]["lastUpdated"] > "2020"


@pytest.mark.parametrize(
    ("prefer", "empty"), [("return=minimal", True), ("return=representation", False), ("respond-async, return=minimal", True)]
)
async def test_prefer_minimal_leaves_the_body_out(clinician: Client, prefer: str, empty: bool) -> None:
    """The headers still say where the resource is and which version it has."""
    created = await clinician.post("Patient", patient(), prefer=prefer)
    identifier = created.headers["location"].split("/")[-3]
    updated = await clinician.put(patient("Reed", id=identifier), prefer=prefer)

    assert [(one.status_code, one.content == b"", one.headers["etag"]) for one in (created, updated)] == [
        (201, empty, 'W/"1"'),
        (200, empty, 'W/"2"'),
    ]


async def test_prefer_minimal_leaves_reads_and_searches_whole(clinician: Client) -> None:
    """What was asked for is not left out."""
    made = await clinician.create(patient())
    prefer = {"prefer": "return=minimal"}
    read = await clinician.http.get(f"/fhir/Patient/{made['id']}", headers=prefer)
    search = await clinician.http.get(f"/fhir/Patient?_id={made['id']}", headers=prefer)

    assert read.json() == made
    assert ids(search.json()) == [made["id"]]


async def test_an_update_makes_a_new_version(clinician: Client) -> None:
    """200 with the next version in body, ETag and Location; a read shows it."""
    made = await clinician.create(patient())
    answer = await clinician.put(patient("Reed", id=made["id"]))

    assert answer.status_code == 200
    assert (answer.json()["meta"]["versionId"], answer.headers["etag"]) == ("2", 'W/"2"')
    assert answer.headers["location"].endswith(f"/fhir/Patient/{made['id']}/_history/2")
    assert (await clinician.get(f"Patient/{made['id']}")).json() == answer.json()


@pytest.mark.parametrize("tag", ['W/"2"', '"2"', ' W/"2" ', "*"])
async def test_if_match_with_the_current_version_is_stored(clinician: Client, tag: str) -> None:
    """The weak form that FHIR uses, the strong one that some clients make of it, and the asterisk of RFC 9110 13.1.1."""
    made = await clinician.create(patient())
    await clinician.put(patient(id=made["id"]))
    answer = await clinician.put(patient("Reed", id=made["id"]), **{"if-match": tag})

    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"3"')


@pytest.mark.parametrize(
    ("tag", "status"),
    [
        ('W/"1"', 412),
        ('W/"3"', 412),
        ('W/"0"', 412),
        ("2", 400),
        ('W/"2', 400),
        ("", 400),
        ('W/"two"', 400),
        ('w/"2"', 400),
        ('W/"2", W/"1"', 400),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_if_match_with_anything_else_is_refused(clinician: Client, method: str, tag: str, status: int) -> None:
    """412 for another version, 400 for what is no entity tag; nothing is stored either way."""
    made = await clinician.create(patient())
    changed = (await clinician.put(patient(id=made["id"]))).json()
    headers = {"if-match": tag}
    address = f"Patient/{made['id']}"
    answer = await (clinician.put(patient("Reed", id=made["id"]), **headers) if method == "PUT" else clinician.delete(address, **headers))

    assert answer.status_code == status
    assert (await clinician.get(address)).json() == changed
    assert await versions(clinician, address) == ["POST", "PUT"]


async def test_an_update_names_itself(clinician: Client, practice: Practice) -> None:
    """The id in the body is the one in the address, and the type too: otherwise 400, and nothing is stored."""
    one, other = [(await clinician.create(patient()))["id"] for _ in range(2)]
    before = await practice.stored()
    address = f"/fhir/Patient/{one}"
    bodies: list[dict[str, Any]] = [patient(id=other), patient(), patient(id=one.upper()), {**observation(one), "id": one}]
    answers = [await clinician.http.put(address, json=body, headers=JSON) for body in bodies]

    assert [answer.status_code for answer in answers] == [400] * 4
    assert answers[0].json()["issue"][0]["expression"] == ["Patient.id"]
    assert await practice.stored() == before


@pytest.mark.parametrize("identifier", ["chosen-by-the-client", "0b3f5c1e-1111-4222-8333-444455556666"])
async def test_an_update_of_nothing_creates_nothing(clinician: Client, identifier: str) -> None:
    """This server chooses identifiers itself, so it answers 405 (http.html#upsert)."""
    answer = await clinician.put(patient(id=identifier))

    assert (answer.status_code, answer.json()["resourceType"]) == (405, "OperationOutcome")
    assert (await clinician.get(f"Patient/{identifier}")).status_code == 404


async def test_of_updates_at_once_each_is_stored_or_refused(clinician: Client) -> None:
    """No update is lost: there are as many new versions as answers with 200, and the others are 409."""
    made = await clinician.create(patient())
    answers = await asyncio.gather(*(clinician.put(patient(f"Name {at}", id=made["id"])) for at in range(6)))
    stored = [answer for answer in answers if answer.status_code == 200]

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len(stored) >= 1
    assert await versions(clinician, f"Patient/{made['id']}") == ["POST"] + ["PUT"] * len(stored)
    newest = max(stored, key=lambda answer: int(answer.json()["meta"]["versionId"]))
    assert (await clinician.get(f"Patient/{made['id']}")).json() == newest.json()


async def test_a_deleted_resource_leaves_searches_and_keeps_its_history(clinician: Client) -> None:
    """204 without a body; a second delete changes nothing and says so with the same version."""
    made = await clinician.create(patient("Vanish"))
    first = await clinician.delete(f"Patient/{made['id']}")
    second = await clinician.delete(f"Patient/{made['id']}")

    assert [(one.status_code, one.content, one.headers["etag"]) for one in (first, second)] == [(204, b"", 'W/"2"')] * 2
    assert "content-length" not in first.headers
    assert await clinician.found("Patient", family="Vanish") == []
    assert await clinician.found("Patient", _id=made["id"]) == []
    assert await versions(clinician, f"Patient/{made['id']}") == ["POST", "DELETE"]


async def test_the_tokens_of_a_deleted_resource_are_dropped(clinician: Client, practice: Practice) -> None:
    """The blind index keeps nothing of it."""
    before = (await practice.stored())["token"]
    made = await clinician.create(patient("Vanish", birthDate="2001-01-01"))
    between = (await practice.stored())["token"]
    await clinician.delete(f"Patient/{made['id']}")

    assert between > before
    assert (await practice.stored())["token"] == before


async def test_an_update_brings_a_deleted_resource_back(clinician: Client) -> None:
    """Its versions go on counting, and searches find it again."""
    made = await clinician.create(patient("Phoenix"))
    await clinician.delete(f"Patient/{made['id']}")
    answer = await clinician.put(patient("Phoenix", id=made["id"]), **{"if-match": 'W/"2"'})

    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"3"')
    assert (await clinician.get(f"Patient/{made['id']}")).json() == answer.json()
    assert await clinician.found("Patient", family="Phoenix", _id=made["id"]) == [made["id"]]
    assert await versions(clinician, f"Patient/{made['id']}") == ["POST", "DELETE", "PUT"]


async def test_if_match_with_an_asterisk_wants_a_resource_that_is_there(clinician: Client) -> None:
    """A deleted one is not (RFC 9110 13.1.1): 412, and it stays deleted."""
    made = await clinician.create(patient())
    await clinician.delete(f"Patient/{made['id']}")
    answer = await clinician.put(patient(id=made["id"]), **{"if-match": "*"})

    assert answer.status_code == 412
    assert (await clinician.get(f"Patient/{made['id']}")).status_code == 410


async def test_a_delete_of_nothing_is_not_found(clinician: Client) -> None:
    """A mistyped identifier is told, not taken for success."""
    answer = await clinician.delete(f"Patient/{uuid4()}")

    assert answer.status_code == 404


async def test_a_search_finds_what_the_newest_version_says(clinician: Client) -> None:
    """After an update, the old values find nothing any more."""
    made = await clinician.create(patient("Oldname", birthDate="1990-01-01"))
    await clinician.put(patient("Newname", id=made["id"], birthDate="1991-01-01"))

    assert await clinician.found("Patient", family="Oldname") == []
    assert await clinician.found("Patient", birthdate="1990-01-01", _id=made["id"]) == []
    assert await clinician.found("Patient", family="Newname", birthdate="1991-01-01") == [made["id"]]


@pytest.mark.parametrize(
    "subject",
    ["Patient/0b3f5c1e-1111-4222-8333-444455556666", "Patient/x", "urn:uuid:0b3f5c1e-1111-4222-8333-444455556666", "Patient?identifier=1"],
)
async def test_a_record_about_a_patient_that_is_not_there_is_refused(clinician: Client, practice: Practice, subject: str) -> None:
    """It would be in nobody's compartment and under nobody's key: 422, and nothing is stored."""
    before = await practice.stored()
    answer = await clinician.post("Observation", {**observation(""), "subject": {"reference": subject}})

    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (422, "processing")
    assert await practice.stored() == before


async def test_a_record_about_a_deleted_patient_is_refused(clinician: Client) -> None:
    """A deleted Patient is none."""
    made = await clinician.create(patient())
    await clinician.delete(f"Patient/{made['id']}")

    assert (await clinician.post("Observation", observation(made["id"]))).status_code == 422


async def test_a_refused_body_is_not_stored_and_not_repeated(clinician: Client, practice: Practice) -> None:
    """The outcome says where the fault is, never what stood there."""
    before = await practice.stored()
    answer = await clinician.post("Patient", patient("Secretname", birthDate="31.12.1999"))

    assert answer.status_code == 400
    assert [one["expression"] for one in answer.json()["issue"]] == [["Patient.birthDate"]]
    assert b"Secretname" not in answer.content
    assert b"1999" not in answer.content
    assert await practice.stored() == before


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/fhir+xml", "", "application/fhir+json; charset=latin-1"])
async def test_a_body_that_is_not_fhir_json_is_refused(clinician: Client, kind: str) -> None:
    """415 before anything is read."""
    answer = await clinician.http.post("/fhir/Patient", content=b'{"resourceType":"Patient"}', headers={"content-type": kind})

    assert answer.status_code == 415


async def test_a_conditional_create_is_refused(clinician: Client, practice: Practice) -> None:
    """It is not offered yet, and a plain create in its place would make duplicates."""
    before = await practice.stored()
    answer = await clinician.post("Patient", patient(), **{"if-none-exist": "identifier=1"})

    assert answer.status_code == 400
    assert await practice.stored() == before


@pytest.mark.asyncio
async def test_a_body_may_be_as_large_as_the_setting_says(tmp_path: Path) -> None:
    """A body of the limit passes, one byte more is refused with 413, and bundles have a limit of their own."""
    async with open_practice(tmp_path, resource_bytes=2048, bundle_bytes=4096) as practice:
        clinician = await practice.sign_in(Role.CLINICIAN)
        body = b'{"resourceType":"Patient"}'
        sizes = [("Patient", 2048), ("Patient", 2049), ("", 4096), ("", 4097)]
        answers = [await clinician.http.post(f"/fhir/{path}", content=body.ljust(size), headers=JSON) for path, size in sizes]

    assert [answer.status_code for answer in answers] == [201, 413, 400, 413]
