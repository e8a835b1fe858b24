"""Binary as it is (https://hl7.org/fhir/R4/binary.html): content of any kind comes back as it was sent, to those who may have it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode, encodebytes
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from confide.audit.store import OUTBOX
from confide.clinic.app import TENANT
from confide.clinic.records.file_rows import FILE
from confide.clinic.records.framed import INLINE_BYTES
from confide.clinic.records.store import DOCUMENT
from confide.values.ids import SubjectId, uuid_bytes
from confide.values.principal import Role
from tests.clinic.asgi import Exchange
from tests.clinic.practice import entry, observation, open_practice, patient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from tests.clinic.practice import Client, Practice

MIB = 1024 * 1024
PDF = "application/pdf"
FHIR = {"accept": "application/fhir+json"}
NAMED = {"content-type": "application/fhir+json"}
SIZES = [0, 1, 2, 3, 16 * 1024, MIB, 2 * MIB + 17]

pytestmark = pytest.mark.asyncio(loop_scope="module")


def content(size: int) -> bytes:
    """Bytes in which a moved block shows."""
    return b"".join(at.to_bytes(8, "big") for at in range(size // 8 + 1))[:size]


async def post(client: Client, body: bytes, kind: str = PDF, context: str | None = None) -> httpx.Response:
    """Send content."""
    headers = {"content-type": kind} | ({"x-security-context": context} if context else {})
    return await client.http.post("/fhir/Binary", content=body, headers=headers)


async def stored(client: Client, body: bytes, kind: str = PDF, context: str | None = None) -> str:
    """Send content and return its address, without the version."""
    answer = await post(client, body, kind, context)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].split("/_history/")[0]


async def put(client: Client, address: str, body: bytes, kind: str = PDF, **headers: str) -> httpx.Response:
    """Send the next version of content."""
    return await client.http.put(address, content=body, headers={"content-type": kind, **headers})


def objects(practice: Practice) -> list[Path]:
    """The files of the object store."""
    return sorted(path for path in (practice.house.settings.folder / "objects").rglob("*") if path.is_file())


async def rows(practice: Practice, address: str) -> list[Any]:
    """What the database says of the files of a resource."""
    chosen = sa.select(FILE).join(DOCUMENT, DOCUMENT.c.key == FILE.c.document)
    return await practice.sql(chosen.where(DOCUMENT.c.id == uuid_bytes(address.rpartition("/")[2])).order_by(FILE.c.number))


@pytest.mark.parametrize("size", SIZES)
async def test_content_comes_back_as_it_was_sent(clinician: Client, size: int) -> None:
    """Of any size, with its type and its length."""
    address = await stored(clinician, content(size), "image/png")
    answer = await clinician.http.get(address)

    assert answer.content == content(size)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-length"] == str(size)


async def test_empty_content_leaves_no_object(practice: Practice, clinician: Client) -> None:
    """There is nothing to keep."""
    before = objects(practice)
    await stored(clinician, b"")

    assert objects(practice) == before


@pytest.mark.parametrize("size", SIZES)
async def test_the_same_content_is_a_resource(clinician: Client, size: int) -> None:
    """In FHIR JSON: type, context, base64, and the length that was promised."""
    person = await clinician.create(patient())
    address = await stored(clinician, content(size), "image/png", f"Patient/{person['id']}")
    answer = await clinician.http.get(address, headers=FHIR)
    binary = answer.json()

    assert answer.headers["content-type"] == "application/fhir+json; charset=utf-8"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert (binary["resourceType"], binary["contentType"]) == ("Binary", "image/png")
    assert binary["securityContext"] == {"reference": f"Patient/{person['id']}"}
    assert b64decode(binary.get("data", "")) == content(size)
    assert ("data" in binary) == (size > 0)


async def test_content_is_served_so_that_no_browser_runs_it(clinician: Client) -> None:
    """It is whatever somebody sent, on the address of this server."""
    answer = await clinician.http.get(await stored(clinician, b"<script>alert(1)</script>", "text/html"))

    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("accept", "path", "kind"),
    [
        (None, "", PDF),
        ("*/*", "", PDF),
        (PDF, "", PDF),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "", PDF),
        ("application/fhir+json", "", "application/fhir+json; charset=utf-8"),
        ("application/json", "", "application/fhir+json; charset=utf-8"),
        (None, "?_format=json", "application/fhir+json; charset=utf-8"),
    ],
)
async def test_fhir_json_is_given_where_it_is_named(clinician: Client, accept: str | None, path: str, kind: str) -> None:
    """Whatever else is accepted, content comes as it is."""
    address = await stored(clinician, b"%PDF")
    request = clinician.http.build_request("GET", address + path)
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept

    assert (await clinician.http.send(request)).headers["content-type"] == kind


async def test_head_tells_the_length_and_sends_nothing(clinician: Client) -> None:
    """Both of the content and of the resource; the file is let go of."""
    address = await stored(clinician, content(3 * MIB))
    opened = descriptors()
    native, resource = await clinician.http.head(address), await clinician.http.head(address, headers=FHIR)

    assert descriptors() == opened
    assert (native.content, native.headers["content-length"]) == (b"", str(3 * MIB))
    assert (resource.content, int(resource.headers["content-length"])) == (
        b"",
        len((await clinician.http.get(address, headers=FHIR)).content),
    )


async def test_every_version_keeps_its_content(practice: Practice, clinician: Client) -> None:
    """A new version has a file of its own; the older ones stay as they were."""
    address = await stored(clinician, content(MIB), "image/png")
    answer = await put(clinician, address, content(5000), "image/jpeg", **{"if-match": 'W/"1"'})
    newest = await clinician.http.get(address)
    older = await clinician.http.get(address + "/_history/1")

    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    assert (newest.content, newest.headers["content-type"], newest.headers["etag"]) == (content(5000), "image/jpeg", 'W/"2"')
    assert (older.content, older.headers["content-type"], older.headers["etag"]) == (content(MIB), "image/png", 'W/"1"')
    assert len({row[5] for row in await rows(practice, address)}) == 2


async def test_a_version_that_was_superseded_is_refused_before_the_content_is_stored(practice: Practice, clinician: Client) -> None:
    """If-Match is looked at first: nothing is left behind."""
    address = await stored(clinician, b"one")
    before = objects(practice)

    assert (await put(clinician, address, b"two", **{"if-match": 'W/"7"'})).status_code == 412
    assert objects(practice) == before
    assert (await clinician.http.get(address)).content == b"one"


async def test_content_for_no_resource_is_refused(clinician: Client) -> None:
    """This server chooses identifiers itself."""
    assert (await put(clinician, "/fhir/Binary/00000000-0000-4000-8000-000000000000", b"x")).status_code == 405


async def test_deleted_content_is_gone_and_its_history_stays(clinician: Client) -> None:
    """As with every resource."""
    address = await stored(clinician, content(MIB))
    await clinician.http.delete(address)

    assert (await clinician.http.get(address)).status_code == 410
    assert (await clinician.http.get(address + "/_history/1")).content == content(MIB)
    assert (await clinician.http.get(address + "/_history/2")).status_code == 410


@pytest.mark.parametrize("size", [10, INLINE_BYTES])
@pytest.mark.parametrize("encode", [b64encode, encodebytes], ids=["canonical", "with line breaks"])
async def test_a_binary_sent_as_a_resource_is_content_too(clinician: Client, size: int, encode: Any) -> None:
    """Small or large, written in whatever way: the resource comes back as it was, and its content as it is."""
    data = encode(content(size)).decode().strip()
    made = await clinician.create({"resourceType": "Binary", "contentType": "image/png", "data": data})
    read = await clinician.http.get(f"/fhir/Binary/{made['id']}", headers=FHIR)
    native = await clinician.http.get(f"/fhir/Binary/{made['id']}")

    assert made["data"] == read.json()["data"] == data
    assert (native.content, native.headers["content-type"]) == (content(size), "image/png")


async def test_a_binary_updated_as_a_resource_changes_its_content(clinician: Client) -> None:
    """Either form is good for either version."""
    address = await stored(clinician, content(MIB))
    binary = (await clinician.http.get(address, headers=FHIR)).json()
    answer = await clinician.put(binary | {"data": b64encode(b"changed").decode()})

    assert answer.status_code == 200
    assert (await clinician.http.get(address)).content == b"changed"
    assert (await clinician.http.get(address + "/_history/1")).content == content(MIB)


@pytest.mark.parametrize("kind", ["application/fhir+json", "application/json"])
async def test_a_resource_of_another_type_is_content(clinician: Client, kind: str) -> None:
    """A Binary may hold a FHIR resource: it is not stored as that resource."""
    body = json.dumps(patient("Held")).encode()
    address = await stored(clinician, body, kind)

    assert (await clinician.http.get(address)).content == body
    assert (await clinician.http.get(address, headers=FHIR)).json()["contentType"] == kind


async def test_what_calls_itself_fhir_and_is_not_is_told_why(clinician: Client) -> None:
    """A mistake in a Binary resource must not become content."""
    answer = await clinician.http.post("/fhir/Binary", content=b'{"resourceType":"Binary","contentType":"x/y",}', headers=NAMED)

    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("body", [b"[1, 2]", b'{"a": 1}', b"{not json", b""])
async def test_json_that_is_no_resource_is_content(clinician: Client, body: bytes) -> None:
    """`application/json` promises nothing more."""
    address = await stored(clinician, body, "application/json")

    assert (await clinician.http.get(address)).content == body


async def test_large_json_is_content_and_a_large_resource_is_refused(clinician: Client) -> None:
    """A resource has the limit of every resource; larger content is sent by itself, and the answer says so."""
    large = json.dumps({"rows": ["x" * 1000] * 3000}).encode()
    binary = json.dumps({"resourceType": "Binary", "contentType": PDF, "data": b64encode(bytes(3 * MIB)).decode()}).encode()
    address = await stored(clinician, large, "application/json")
    refused = [await post(clinician, binary, kind) for kind in ("application/json", "application/fhir+json")]

    assert (await clinician.http.get(address)).content == large
    assert [answer.status_code for answer in refused] == [413, 413]
    assert "by itself" in refused[0].text


@pytest.mark.parametrize("kind", ["", "pdf", "a b/c", "image/png; x", "text/plain;charset=", "text/ü", "a/b\tc"])
async def test_content_without_a_type_is_refused(practice: Practice, clinician: Client, kind: str) -> None:
    """Before anything is stored."""
    before = objects(practice)
    answer = await clinician.http.post("/fhir/Binary", content=b"x", headers=[(b"content-type", kind.encode())])

    assert answer.status_code == 415
    assert objects(practice) == before


@pytest.mark.parametrize(
    "kind", ["text/plain; charset=utf-8", 'a/b; c="d e"', "application/vnd.x+json;v=1", "x-a/y.z", "application/dicom"]
)
async def test_a_type_may_have_parameters(clinician: Client, kind: str) -> None:
    """They come back as they were sent."""
    assert (await clinician.http.get(await stored(clinician, b"x", kind))).headers["content-type"] == kind


async def test_a_type_that_is_none_is_served_as_octets(clinician: Client) -> None:
    """A resource may call its content whatever a FHIR code allows; no header is made of it."""
    made = await clinician.create({"resourceType": "Binary", "contentType": "no type", "data": "AAAA"})
    answer = await clinician.http.get(f"/fhir/Binary/{made['id']}")

    assert (answer.headers["content-type"], answer.content) == ("application/octet-stream", bytes(3))


async def test_a_context_that_is_no_address_makes_no_header(clinician: Client) -> None:
    """A reference is text of the client: line breaks in it must not end a header."""
    made = await clinician.create(
        {"resourceType": "Binary", "contentType": PDF, "securityContext": {"reference": "http://a.b/Patient/1 x\u00e9"}, "data": "AAAA"}
    )

    assert "x-security-context" not in (await clinician.http.get(f"/fhir/Binary/{made['id']}")).headers


# ---------------------------------------------------------------------------------------------------------- whose it is


async def test_content_is_seen_by_the_patient_whose_it_is(practice: Practice, clinician: Client) -> None:
    """And by no other patient; X-Security-Context says so on the way in and on the way out."""
    own, other = await clinician.create(patient()), await clinician.create(patient())
    address = await stored(clinician, b"mine", PDF, f"Patient/{own['id']}")
    mine = await (await practice.sign_in(Role.PATIENT, own["id"])).http.get(address)
    theirs = await (await practice.sign_in(Role.PATIENT, other["id"])).http.get(address)

    assert (mine.status_code, mine.content) == (200, b"mine")
    assert mine.headers["x-security-context"] == f"Patient/{own['id']}"
    assert theirs.status_code == 404


async def test_content_without_a_context_is_seen_by_staff_only(practice: Practice, clinician: Client) -> None:
    """It may hold anything about anyone, so it is nobody's and under a key of its own."""
    someone = await clinician.create(patient())
    address = await stored(clinician, b"anything")
    [row] = await rows(practice, address)
    identifier = SubjectId(uuid_bytes(address.rpartition("/")[2]) or b"")
    keys = await practice.house.keyring.references(TENANT, identifier)

    assert (await (await practice.sign_in(Role.PATIENT, someone["id"])).http.get(address)).status_code == 404
    assert (await (await practice.sign_in(Role.CLINICIAN)).http.get(address)).content == b"anything"
    assert row[6] in keys


@pytest.mark.parametrize("through", ["Patient", "Observation"])
async def test_content_is_sealed_under_the_key_of_its_patient(practice: Practice, clinician: Client, through: str) -> None:
    """Named itself, or as the one that the named resource is about: whoever is erased takes it along."""
    person = await clinician.create(patient())
    about = person if through == "Patient" else await clinician.create(observation(person["id"]))
    address = await stored(clinician, content(MIB), PDF, f"{through}/{about['id']}")
    [row] = await rows(practice, address)

    assert row[6] in await practice.house.keyring.references(TENANT, SubjectId(uuid_bytes(person["id"]) or b""))
    assert (await (await practice.sign_in(Role.PATIENT, person["id"])).http.get(address)).content == content(MIB)


async def test_a_new_version_without_a_context_stays_whose_it_was(practice: Practice, clinician: Client) -> None:
    """A client that sends only the content must not take it away from its patient."""
    person = await clinician.create(patient())
    address = await stored(clinician, b"one", PDF, f"Patient/{person['id']}")
    await put(clinician, address, b"two")

    assert (await (await practice.sign_in(Role.PATIENT, person["id"])).http.get(address)).content == b"two"


async def test_a_new_version_may_go_to_another_patient(practice: Practice, clinician: Client) -> None:
    """As when it was filed wrongly: the former patient sees the former version only."""
    wrong, right = await clinician.create(patient()), await clinician.create(patient())
    address = await stored(clinician, b"filed wrongly", PDF, f"Patient/{wrong['id']}")
    await put(clinician, address, b"right", **{"x-security-context": f"Patient/{right['id']}"})
    former = await practice.sign_in(Role.PATIENT, wrong["id"])

    assert (await (await practice.sign_in(Role.PATIENT, right["id"])).http.get(address)).content == b"right"
    assert (await former.http.get(address)).status_code == 404
    assert (await former.http.get(address + "/_history/1")).content == b"filed wrongly"


@pytest.mark.parametrize("context", ["Patient/00000000-0000-4000-8000-000000000000", "Observation/nothing", "Nonsense/1", "urn:uuid:1"])
async def test_a_context_that_does_not_exist_is_refused(practice: Practice, clinician: Client, context: str) -> None:
    """Nothing is stored: nobody could tell whose it is."""
    before = objects(practice)

    assert (await post(clinician, b"x", PDF, context)).status_code == 422
    assert objects(practice) == before


async def test_a_context_about_several_patients_is_refused(clinician: Client) -> None:
    """Content cannot be divided among them, nor one of them be erased from it."""
    people = [await clinician.create(patient()) for _ in range(2)]
    participants = [{"actor": {"reference": f"Patient/{one['id']}"}, "status": "accepted"} for one in people]
    shared = await clinician.create({"resourceType": "Appointment", "status": "proposed", "participant": participants})
    answer = await post(clinician, b"x", PDF, f"Appointment/{shared['id']}")

    assert answer.status_code == 422
    assert "name one Patient" in answer.text


async def test_a_context_may_be_stored_in_the_same_transaction(practice: Practice, clinician: Client) -> None:
    """A DocumentReference, its Binary and the Patient of both: the Binary is the patient's."""
    urn = {name: f"urn:uuid:00000000-0000-4000-8000-00000000000{at}" for at, name in enumerate(("patient", "reference", "binary"))}
    attachment = {"contentType": PDF, "url": urn["binary"]}
    reference = {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"reference": urn["patient"]},
        "content": [{"attachment": attachment}],
    }
    binary = {
        "resourceType": "Binary",
        "contentType": PDF,
        "securityContext": {"reference": urn["reference"]},
        "data": b64encode(content(INLINE_BYTES)).decode(),
    }
    answer = await clinician.transact(entry(binary, urn["binary"]), entry(reference, urn["reference"]), entry(patient(), urn["patient"]))
    assert answer.status_code == 200, answer.text
    where = [one["response"]["location"].split("/_history/")[0] for one in answer.json()["entry"]]
    own = await practice.sign_in(Role.PATIENT, where[2].rpartition("/")[2])

    assert (await own.http.get(where[0])).content == content(INLINE_BYTES)


async def test_who_may_not_write_may_not_send_content(practice: Practice, clinician: Client) -> None:
    """Refused before a byte of it is read."""
    person = await clinician.create(patient())
    own = await practice.sign_in(Role.PATIENT, person["id"])
    before = objects(practice)

    assert (await post(own, b"x", PDF, f"Patient/{person['id']}")).status_code == 403
    assert objects(practice) == before


# ------------------------------------------------------------------------------------------------------ in bundles


async def test_a_bundle_holds_no_content_that_no_request_could_have_held(clinician: Client) -> None:
    """It is left out, and the resource is tagged as shown in part; read it by itself."""
    address = await stored(clinician, content(2 * MIB))
    name = address.rpartition("/")[2]
    history = (await clinician.get(f"Binary/{name}/_history")).json()
    search = (await clinician.get("Binary", _id=name)).json()
    for bundle in (history, search):
        [shown] = [one["resource"] for one in bundle["entry"]]

        assert "data" not in shown
        assert [tag["code"] for tag in shown["meta"]["tag"]] == ["SUBSETTED"]
        assert shown["contentType"] == PDF


async def test_a_bundle_holds_smaller_content_as_it_is(clinician: Client) -> None:
    """In a file or not."""
    for size in (10, 100_000):
        name = (await stored(clinician, content(size))).rpartition("/")[2]
        [shown] = [one["resource"] for one in (await clinician.get("Binary", _id=name)).json()["entry"]]

        assert b64decode(shown["data"]) == content(size)


# ------------------------------------------------------------------------------------------------- trail and store


async def test_the_event_is_there_before_the_first_byte(practice: Practice, clinician: Client) -> None:
    """Looked at from inside the sending of the answer's first message."""
    person = await clinician.create(patient())
    address = await stored(clinician, content(MIB), PDF, f"Patient/{person['id']}")
    seen: list[int] = []

    async def look() -> None:
        seen.append((await practice.sql(sa.select(sa.func.count()).select_from(OUTBOX)))[0][0])

    token = await practice.token(Role.CLINICIAN)
    before = (await practice.sql(sa.select(sa.func.count()).select_from(OUTBOX)))[0][0]
    exchange = Exchange(practice.application, token, at_start=look)
    await exchange.ask("GET", address.partition("8443")[2])

    assert (exchange.status, exchange.body, exchange.ended) == (200, content(MIB), True)
    assert seen == [before + 1]


async def test_reading_and_writing_content_are_told(practice: Practice, clinician: Client) -> None:
    """Who, whose chart, which resource: as for every other resource, and the same whichever form is read."""
    person = await clinician.create(patient())
    made = await post(clinician, content(MIB), PDF, f"Patient/{person['id']}")
    address = made.headers["location"].split("/_history/")[0]
    answers = [
        made,
        await clinician.http.get(address),
        await clinician.http.get(address, headers=FHIR),
        await put(clinician, address, b"x"),
    ]
    events = [event for answer in answers for event in await practice.events(answer)]

    assert [event["action"] for event in events] == ["create", "read", "read", "update"]
    assert len({(tuple(event["patients"]), tuple(event["resources"])) for event in events}) == 1
    assert len(events[0]["patients"]) == len(events[0]["resources"]) == 1


async def test_no_event_no_content(tmp_path: Path) -> None:
    """Where the trail cannot be written, not a byte leaves."""
    async with open_practice(tmp_path) as practice:
        clinician = await practice.sign_in(Role.CLINICIAN)
        address = await stored(clinician, b"the very content")
        await practice.sql(sa.text("DROP TABLE audit_outbox"))
        open_before = descriptors()
        answers = [await clinician.http.get(address, headers=headers) for headers in ({}, FHIR)]
        still_open = descriptors()

    assert [answer.status_code for answer in answers] == [503, 503]
    assert not any(b"the very content" in answer.content for answer in answers)
    assert still_open == open_before


async def test_nothing_about_content_is_in_the_clear(practice: Practice, clinician: Client) -> None:
    """Neither in the object, nor in its name, nor in the database beside it."""
    person = await clinician.create(patient("Zwetschgenmark"))
    marker = b"zwetschgenmark " * 10_000
    before = set(objects(practice))
    address = await stored(clinician, marker, "image/x-zwetschgenmark", f"Patient/{person['id']}")
    [made] = set(objects(practice)) - before
    names = {address.rpartition("/")[2], person["id"], "zwetschgenmark"}

    assert b"zwetschgenmark" not in made.read_bytes().lower()
    assert not any(name.replace("-", "") in str(made).lower() for name in names)
    assert made.stat().st_mode & 0o777 == 0o600
    assert all(b"zwetschgenmark" not in value.lower() for row in await rows(practice, address) for value in row if isinstance(value, bytes))


@pytest.mark.parametrize("change", [-1, 1])
async def test_content_that_lost_or_gained_a_byte_does_not_leave(practice: Practice, clinician: Client, change: int) -> None:
    """The length tells before the first byte: an error takes the place of the answer."""
    before = set(objects(practice))
    address = await stored(clinician, content(2 * MIB))
    [made] = set(objects(practice)) - before
    with made.open("r+b") as file:
        file.truncate(made.stat().st_size + change)
    for headers in ({}, FHIR):
        answer = await clinician.http.get(address, headers=headers)

        assert (answer.status_code, answer.json()["resourceType"]) == (500, "OperationOutcome")


async def test_content_of_another_file_does_not_leave(practice: Practice, clinician: Client) -> None:
    """Two files of one patient, exchanged: each opens in its own place only."""
    person = await clinician.create(patient())
    before = set(objects(practice))
    address = await stored(clinician, content(MIB), PDF, f"Patient/{person['id']}")
    [one] = set(objects(practice)) - before
    await stored(clinician, content(MIB)[::-1], PDF, f"Patient/{person['id']}")
    [other] = set(objects(practice)) - before - {one}
    one.write_bytes(other.read_bytes())

    assert (await clinician.http.get(address)).status_code == 500


async def test_content_that_is_lost_is_told(practice: Practice, clinician: Client) -> None:
    """As an error of ours, with no address in it."""
    before = set(objects(practice))
    address = await stored(clinician, content(MIB))
    [made] = set(objects(practice)) - before
    made.unlink()
    answer = await clinician.http.get(address)

    assert answer.status_code == 500
    assert made.name not in answer.text


async def test_damage_in_the_middle_breaks_the_answer_off(practice: Practice, clinician: Client) -> None:
    """What was sent is right, the end never comes, and it is reported."""
    before = set(objects(practice))
    address = await stored(clinician, content(5 * MIB))
    [made] = set(objects(practice)) - before
    with made.open("r+b") as file:
        file.seek(3 * MIB)
        file.write(b"damage")
    reported = len(practice.reported)
    exchange = Exchange(practice.application, await practice.token(Role.CLINICIAN))
    await exchange.ask("GET", address.partition("8443")[2])

    assert (exchange.status, exchange.ended) == (200, False)
    assert content(5 * MIB).startswith(exchange.body)
    assert MIB <= len(exchange.body) < 3 * MIB
    assert [type(error).__name__ for error in practice.reported[reported:]] == ["DoesNotOpen"]


async def test_a_client_that_hangs_up_while_reading_stops_the_work(practice: Practice, clinician: Client) -> None:
    """The rest is neither read nor opened, and the file is let go of."""
    address = await stored(clinician, content(20 * MIB))
    opened = descriptors()
    exchange = Exchange(practice.application, await practice.token(Role.CLINICIAN), hang_up_after=2)
    await exchange.ask("GET", address.partition("8443")[2])

    assert exchange.pieces <= 3
    assert descriptors() == opened


def descriptors() -> int:
    """How many regular files this process has open for reading objects."""
    return sum("objects" in str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink())


async def test_a_client_that_hangs_up_while_sending_leaves_nothing(practice: Practice) -> None:
    """Neither an object nor its beginning, nor a version."""
    before = objects(practice), await practice.stored()

    async def breaking() -> AsyncIterator[bytes | None]:
        for _ in range(40):
            yield content(64 * 1024)
        yield None

    exchange = Exchange(practice.application, await practice.token(Role.CLINICIAN))
    await exchange.ask("POST", "/fhir/Binary", breaking(), content_type=PDF)

    assert exchange.status == 0
    assert (objects(practice), await practice.stored()) == before


@pytest.mark.parametrize("declared", [True, False])
async def test_content_beyond_the_limit_is_refused(tmp_path: Path, declared: bool) -> None:
    """Whether its length is declared or shows on the way: 413, and nothing stays."""

    async def large() -> AsyncIterator[bytes | None]:
        for _ in range(50):
            yield bytes(64 * 1024)

    async with open_practice(tmp_path, binary_bytes=MIB) as practice:
        token = await practice.token(Role.CLINICIAN)
        exchange = Exchange(practice.application, token)
        headers = {"content_length": str(50 * 64 * 1024)} if declared else {}
        await exchange.ask("POST", "/fhir/Binary", large(), content_type=PDF, **headers)
        within = Exchange(practice.application, token)
        await within.ask("POST", "/fhir/Binary", _one(bytes(MIB)), content_type=PDF)

        assert (exchange.status, within.status) == (413, 201)
        assert len(objects(practice)) == 1


async def _one(body: bytes) -> AsyncIterator[bytes | None]:
    yield body


async def test_a_store_that_is_down_is_unavailable_and_comes_back(tmp_path: Path) -> None:
    """503 and nothing stored; once it is back, everything works without a restart."""
    async with open_practice(tmp_path) as practice:
        clinician = await practice.sign_in(Role.CLINICIAN)
        address = await stored(clinician, b"before")
        folder = practice.house.settings.folder / "objects"
        aside = folder.rename(folder.with_name("aside"))
        folder.write_text("in the way", encoding="utf-8")
        counted = await practice.stored()
        down = [await post(clinician, b"x"), await clinician.http.get(address)]
        resource = await clinician.create(patient())
        after = await practice.stored()
        folder.unlink()
        aside.rename(folder)

        assert [answer.status_code for answer in down] == [503, 503]
        assert after["document"] == counted["document"] + 1
        assert resource["resourceType"] == "Patient"
        assert (await clinician.http.get(address)).content == b"before"
        assert (await post(clinician, b"x")).status_code == 201


async def test_a_patient_that_is_erased_while_content_is_sent_gets_none_of_it(practice: Practice, clinician: Client) -> None:
    """The patient is gone when the last byte comes: nothing is stored about them."""
    person = await clinician.create(patient())
    token = await practice.token(Role.CLINICIAN)

    async def slowly() -> AsyncIterator[bytes | None]:
        yield content(2 * MIB)
        await clinician.delete(f"Patient/{person['id']}")
        yield content(10)

    exchange = Exchange(practice.application, token)
    await exchange.ask("POST", "/fhir/Binary", slowly(), content_type=PDF, x_security_context=f"Patient/{person['id']}")

    assert exchange.status == 422


async def test_content_whose_context_moves_while_it_is_sent_is_refused(clinician: Client, practice: Practice) -> None:
    """It is sealed under the key of whom it was about at first: it must not be filed under the other."""
    first, second = await clinician.create(patient()), await clinician.create(patient())
    seen = await clinician.create(observation(first["id"]))

    async def slowly() -> AsyncIterator[bytes | None]:
        yield content(2 * MIB)
        await clinician.put(seen | {"subject": {"reference": f"Patient/{second['id']}"}})
        yield content(10)

    exchange = Exchange(practice.application, await practice.token(Role.CLINICIAN))
    await exchange.ask("POST", "/fhir/Binary", slowly(), content_type=PDF, x_security_context=f"Observation/{seen['id']}")

    assert exchange.status == 422
    assert b"send it again" in exchange.body
