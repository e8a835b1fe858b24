"""Reads: what comes back, with which headers, and what looks alike (https://hl7.org/fhir/R4/http.html#read)."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from confide.values.principal import Role
from tests.clinic.practice import JSON, observation, patient

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    import httpx

    from tests.clinic.practice import Client, Practice

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR = 3_600_000_000
"""Microseconds."""


def told(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """Return all that a caller can tell answers apart by, but the request id."""
    return answer.status_code, answer.content, {name: value for name, value in answer.headers.items() if name != "x-request-id"}


async def test_a_read_shows_the_resource_with_its_version(clinician: Client) -> None:
    """The body is what was stored; ETag, Last-Modified and Content-Location say which version of it."""
    made = await clinician.create(patient(birthDate="1980-02-29"))
    answer = await clinician.get(f"Patient/{made['id']}")

    assert answer.status_code == 200
    assert answer.json() == made
    assert answer.headers["content-type"] == "application/fhir+json; charset=utf-8"
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["content-location"].endswith(f"/fhir/Patient/{made['id']}/_history/1")
    modified = parsedate_to_datetime(answer.headers["last-modified"])
    assert modified.strftime("%Y-%m-%dT%H:%M:%S") == made["meta"]["lastUpdated"][:19]


async def test_nothing_may_be_kept_by_a_cache(clinician: Client) -> None:
    """Health data stay out of caches, and are never taken for another media type."""
    answer = await clinician.get("Patient")

    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")


async def test_a_version_stays_what_it_was(clinician: Client) -> None:
    """A vread shows each version as it was stored, under its own entity tag."""
    versions = [await clinician.create(patient("Quill"))]
    for family in ("Reed", "Sedge"):
        versions.append((await clinician.put(patient(family, id=versions[0]["id"]))).json())

    for number, version in enumerate(versions, 1):
        answer = await clinician.get(f"Patient/{versions[0]['id']}/_history/{number}")
        assert (answer.status_code, answer.json(), answer.headers["etag"]) == (200, version, f'W/"{number}"')
    assert (await clinician.get(f"Patient/{versions[0]['id']}")).json() == versions[2]


@pytest.mark.parametrize("number", ["0", "2", "-1", "99", "01x", "1.0", "4294967297", "2147483648", "9" * 30, "%D9%A1", "%20"])
async def test_a_version_that_is_none_is_not_found(clinician: Client, number: str) -> None:
    """No number but that of a version finds one, and none is too large to be asked for."""
    made = await clinician.create(patient())
    answer = await clinician.get(f"Patient/{made['id']}/_history/{number}")

    assert answer.status_code == 404


async def test_a_resource_is_found_under_its_own_type_only(clinician: Client) -> None:
    """The identifier of a Patient names no Observation."""
    made = await clinician.create(patient())

    assert (await clinician.get(f"Observation/{made['id']}")).status_code == 404


async def test_an_identifier_has_one_spelling(clinician: Client) -> None:
    """Upper case and a text without hyphens are other identifiers, which are not there."""
    made = await clinician.create(patient())
    answers = [await clinician.get(f"Patient/{text}") for text in (made["id"].upper(), made["id"].replace("-", ""))]

    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize("suffix", ["", "/_history/1", "/_history/2", "/_history"])
async def test_absent_and_not_yours_look_alike(practice: Practice, clinician: Client, suffix: str) -> None:
    """To a patient, another one's records are the same to the byte as none, whether they are there, deleted, or never were."""
    mine, theirs = [(await clinician.create(patient()))["id"] for _ in range(2)]
    caller = await practice.sign_in(Role.PATIENT, mine)
    about_them = (await clinician.create(observation(theirs)))["id"]
    gone = (await clinician.create(observation(theirs)))["id"]
    await clinician.delete(f"Observation/{gone}")
    absent = told(await caller.get(f"Observation/{uuid4()}{suffix}"))

    assert absent[0] == 404
    for identifier in (about_them, gone, mine, "no-uuid", "x" * 64):
        assert told(await caller.get(f"Observation/{identifier}{suffix}")) == absent
    assert told(await caller.get(f"Patient/{theirs}{suffix}"))[:2] == absent[:2]


async def test_a_deleted_resource_is_gone(practice: Practice, clinician: Client) -> None:
    """410 for those who could have read it, its patient among them; 404 for everyone else."""
    mine, theirs = [(await clinician.create(patient()))["id"] for _ in range(2)]
    about = (await clinician.create(observation(mine)))["id"]
    await clinician.delete(f"Observation/{about}")
    callers = [clinician, await practice.sign_in(Role.PATIENT, mine), await practice.sign_in(Role.PATIENT, theirs)]
    answers = [await one.get(f"Observation/{about}") for one in callers]

    assert [answer.status_code for answer in answers] == [410, 410, 404]
    assert answers[0].json()["issue"][0]["code"] == "deleted"
    assert (await clinician.get(f"Observation/{about}/_history/2")).status_code == 410
    assert (await clinician.get(f"Observation/{about}/_history/1")).status_code == 200


async def test_head_answers_as_get_without_the_body(clinician: Client) -> None:
    """Status and headers are the same, Content-Length too (RFC 9110 9.3.2)."""
    made = await clinician.create(patient("Headley"))
    one = f"/fhir/Patient/{made['id']}"
    paths = [
        one,
        f"{one}/_history/1",
        f"{one}/_history",
        "/fhir/Patient?name=headley&_total=accurate",
        "/fhir/Patient?x=1",
        "/fhir/metadata",
    ]

    for path in [*paths, f"/fhir/Patient/{uuid4()}"]:
        full, head = await clinician.http.get(path), await clinician.http.head(path)
        assert head.content == b""
        assert (head.status_code, told(head)[2]) == (full.status_code, told(full)[2])
        assert int(head.headers["content-length"]) == len(full.content)


async def test_head_sends_no_body(practice: Practice, clinician: Client) -> None:
    """Not a byte of it, seen from below the client, which would hide one."""
    made = await clinician.create(patient())
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(dict(message))

    headers = [(b"authorization", clinician.http.headers["authorization"].encode())]
    path = f"/fhir/Patient/{made['id']}"
    scope = {"type": "http", "method": "HEAD", "path": path, "query_string": b"", "headers": headers, "client": ("127.0.0.1", 1)}
    await practice.application(scope, receive, send)

    assert [one["type"] for one in sent] == ["http.response.start", "http.response.body"]
    assert (sent[0]["status"], sent[1]["body"]) == (200, b"")


@pytest.mark.parametrize(
    "path", ["", "Patient/", "Patient/1/2", "NoType", "NoType/1", "Patient/_history", "_history", "$export", "Patient/x/$everything"]
)
async def test_an_address_that_is_not_offered_has_an_outcome(clinician: Client, path: str) -> None:
    """Whatever is below /fhir answers with an OperationOutcome and never with 5xx."""
    answer = await clinician.http.get(f"/fhir/{path}")

    assert answer.status_code in {404, 405}
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_a_method_that_is_not_offered_names_those_that_are(clinician: Client) -> None:
    """405 carries Allow (RFC 9110 15.5.6)."""
    answer = await clinician.http.patch(f"/fhir/Patient/{uuid4()}", content="[]", headers=JSON)

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PUT, DELETE")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/fhir+json", 200),
        ("*/*", 200),
        ("application/json;q=0.5, text/html", 200),
        ("application/fhir+xml", 406),
        ("text/html", 406),
    ],
)
async def test_a_caller_gets_json_or_406(clinician: Client, accept: str, status: int) -> None:
    """There is one format, and who does not take it is told so."""
    answer = await clinician.http.get("/fhir/Patient", headers={"accept": accept})

    assert answer.status_code == status


async def test_without_a_valid_token_there_is_nothing(practice: Practice, clinician: Client) -> None:
    """No token, an unknown one, another scheme and an expired one all get 401 with WWW-Authenticate, and the same body."""
    made = await clinician.create(patient())
    old = await practice.token(Role.CLINICIAN)
    credentials: list[dict[str, Any]] = [{}, {"authorization": "Bearer cfd_" + "x" * 43}, {"authorization": f"Basic {old}"}]
    stranger = practice.client(None).http
    answers = [await stranger.get(f"/fhir/Patient/{made['id']}", headers=one) for one in credentials]
    valid = await stranger.get(f"/fhir/Patient/{made['id']}", headers={"authorization": f"bearer {old}"})
    practice.now[0] += HOUR
    answers.append(await stranger.get(f"/fhir/Patient/{made['id']}", headers={"authorization": f"Bearer {old}"}))
    practice.now[0] -= HOUR

    assert valid.status_code == 200
    assert [answer.status_code for answer in answers] == [401] * 4
    assert {answer.headers["www-authenticate"] for answer in answers} == {"Bearer"}
    assert len({answer.content for answer in answers}) == 1


async def test_capabilities_are_for_everyone(practice: Practice) -> None:
    """The CapabilityStatement needs no token, and names what is offered."""
    answer = await practice.client(None).http.get("/fhir/metadata")
    statement = answer.json()
    one = next(resource for resource in statement["rest"][0]["resource"] if resource["type"] == "Patient")

    assert (answer.status_code, statement["fhirVersion"], statement["format"]) == (200, "4.0.1", ["application/fhir+json"])
    assert {"birthdate", "family", "given", "identifier", "name"} <= {parameter["name"] for parameter in one["searchParam"]}
    assert [interaction["code"] for interaction in one["interaction"]].count("vread") == 1
