"""Transactions: all of it or none of it (https://hl7.org/fhir/R4/http.html#transaction)."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from confide.clinic.fhir.validate import parse
from confide.values.principal import Role
from tests.clinic.practice import entry, observation, patient, removal

if TYPE_CHECKING:
    import httpx

    from tests.clinic.practice import Client, Practice

pytestmark = pytest.mark.asyncio(loop_scope="module")

URN = "urn:uuid:0b3f5c1e-1111-4222-8333-44445555666"
FOREIGN = "https://elsewhere.example/fhir"


def made(answer: httpx.Response) -> list[str]:
    """Return the addresses that a transaction says it stored, without their versions."""
    assert answer.status_code == 200, answer.text
    return [one["response"]["location"].split("/fhir/")[1].split("/_history/")[0] for one in answer.json()["entry"]]


def about(reference: str, **more: Any) -> dict[str, Any]:
    """Return an Observation about what a reference says."""
    return {**observation(""), "subject": {"reference": reference}, **more}


async def subject(clinician: Client, address: str) -> str:
    """Return the reference to the subject as it was stored."""
    return str((await clinician.get(address)).json()["subject"]["reference"])


async def test_an_entry_refers_to_another_wherever_it_stands(clinician: Client) -> None:
    """References by urn:uuid lead to the new resources, forwards and backwards, and in every element."""
    encounter = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": f"{URN}1"},
        "participant": [{"individual": {"reference": f"{URN}4"}}],
    }
    answer = await clinician.transact(
        entry(about(f"{URN}1", encounter={"reference": f"{URN}2"}), f"{URN}3"),
        entry(encounter, f"{URN}2"),
        entry(patient(), f"{URN}1"),
        entry({"resourceType": "Practitioner", "name": [{"family": "Ward"}]}, f"{URN}4"),
    )
    seen, visit, person, carer = made(answer)
    stored, met = (await clinician.get(seen)).json(), (await clinician.get(visit)).json()

    assert (stored["subject"]["reference"], stored["encounter"]["reference"]) == (person, visit)
    assert (met["subject"]["reference"], met["participant"][0]["individual"]["reference"]) == (person, carer)


@pytest.mark.parametrize("own", [True, False])
async def test_an_entry_refers_by_absolute_and_by_relative_address(clinician: Client, own: bool) -> None:
    """Where fullUrl is an address, a relative reference in an entry beside it means the same (bundle.html#references)."""
    base = f"{clinician.http.base_url}/fhir" if own else FOREIGN
    answer = await clinician.transact(
        entry(patient(), f"{base}/Patient/p1"),
        entry(about(f"{base}/Patient/p1"), f"{base}/Observation/o1"),
        entry(about("Patient/p1"), f"{base}/Observation/o2"),
    )
    person, first, second = made(answer)

    assert await subject(clinician, first) == person
    assert await subject(clinician, second) == person


async def test_a_relative_reference_does_not_reach_into_another_server(clinician: Client) -> None:
    """Beside a urn, or beside the address of a third server, `Patient/p1` is a Patient of this server, which is not there."""
    for beside in (f"{URN}1", "https://third.example/fhir/Observation/o1"):
        answer = await clinician.transact(entry(patient(), f"{FOREIGN}/Patient/p1"), entry(about("Patient/p1"), beside))
        assert answer.status_code == 422


async def test_an_address_with_escaped_slashes_is_the_same_address(clinician: Client) -> None:
    r"""Some encoders write `\\/` in JSON strings."""
    body = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [entry(patient(), f"{FOREIGN}/Patient/p"), entry(about(f"{FOREIGN}/Patient/p"))],
    }
    text = json.dumps(body).replace("/", "\\/")
    answer = await clinician.http.post("/fhir", content=text, headers={"content-type": "application/fhir+json"})
    person, seen = made(answer)

    assert await subject(clinician, seen) == person


async def test_an_entry_may_refer_to_what_is_there_already(clinician: Client) -> None:
    """Relative or absolute, a Patient of this server is found, and the record is in their compartment."""
    known = await clinician.create(patient())
    base = f"{clinician.http.base_url}/fhir"
    answer = await clinician.transact(entry(about(f"Patient/{known['id']}")), entry(about(f"{base}/Patient/{known['id']}")))

    assert {f"Observation/{one}" for one in await clinician.found("Observation", patient=known["id"])} == set(made(answer))


NOBODY = "Patient/0b8a2a6c-8f3f-4d39-9d0a-6a4f0f3c2b17"
"""A good identifier that nobody has; the same in every process, since it names a test."""


@pytest.mark.parametrize("reference", [f"{URN}9", NOBODY, "Patient/x"])
async def test_a_reference_to_a_patient_that_leads_nowhere_refuses_all(clinician: Client, practice: Practice, reference: str) -> None:
    """422, and nothing of the bundle is stored."""
    before = await practice.stored()
    answer = await clinician.transact(entry(patient(), f"{URN}1"), entry(about(reference)), entry(about(f"{URN}1")))

    assert answer.status_code == 422
    assert await practice.stored() == before


async def test_each_entry_is_answered_in_its_place(clinician: Client) -> None:
    """Status, location, entity tag and time of every entry; the bundle is a valid transaction-response."""
    old = await clinician.create(patient())
    gone = await clinician.create(patient())
    answer = await clinician.transact(
        removal(f"Patient/{gone['id']}"),
        entry(patient()),
        entry(patient("Reed", id=old["id"]), method="PUT", url=f"Patient/{old['id']}"),
    )
    bundle = answer.json()
    responses = [one["response"] for one in bundle["entry"]]

    assert (answer.status_code, bundle["type"]) == (200, "transaction-response")
    parse(answer.content, type_name="Bundle")
    assert [(one["status"], one["etag"]) for one in responses] == [("204", 'W/"2"'), ("201", 'W/"1"'), ("200", 'W/"2"')]
    assert responses[2]["location"] == f"{clinician.http.base_url}/fhir/Patient/{old['id']}/_history/2"
    assert (await clinician.http.get(responses[1]["location"])).json()["meta"]["lastUpdated"] == responses[1]["lastModified"]
    assert (await clinician.get(f"Patient/{gone['id']}")).status_code == 410


async def test_deleting_what_is_deleted_changes_nothing(clinician: Client) -> None:
    """The answer names the version that is there."""
    known = await clinician.create(patient())
    await clinician.delete(f"Patient/{known['id']}")
    answer = await clinician.transact(removal(f"Patient/{known['id']}"))

    assert answer.json()["entry"][0]["response"]["etag"] == 'W/"2"'
    assert (await clinician.get(f"Patient/{known['id']}/_history/3")).status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(("tag", "status"), [('W/"2"', 200), ('W/"1"', 412), ('W/"3"', 412), ("2", 400)])
async def test_if_match_inside_is_obeyed(clinician: Client, practice: Practice, method: str, tag: str, status: int) -> None:
    """One entry that is stale refuses the whole bundle."""
    known = await clinician.create(patient())
    await clinician.put(patient(id=known["id"]))
    before = await practice.stored()
    address = f"Patient/{known['id']}"
    change = removal(address, ifMatch=tag) if method == "DELETE" else entry(patient(id=known["id"]), method="PUT", url=address, ifMatch=tag)
    answer = await clinician.transact(entry(patient()), change, entry(patient()))

    assert answer.status_code == status
    assert (await practice.stored() == before) is (status != 200)


async def test_of_transactions_that_meet_in_the_middle_one_is_stored_whole(clinician: Client, practice: Practice) -> None:
    """Each creates two resources around an update of one: one wins with all of its entries, the others leave none."""
    known = await clinician.create(patient("Meeting"))
    before = (await practice.stored())["document"]
    bundles = [
        [
            entry(patient("Before", birthDate=f"200{side}-01-01")),
            entry(patient(f"Meeting {side}", id=known["id"]), method="PUT", url=f"Patient/{known['id']}", ifMatch='W/"1"'),
            entry(about(f"Patient/{known['id']}")),
        ]
        for side in range(8)
    ]
    answers = await asyncio.gather(*(clinician.transact(*one) for one in bundles))
    [won] = [side for side, answer in enumerate(answers) if answer.status_code == 200]

    assert {answer.status_code for answer in answers} <= {200, 409, 412}
    assert (await practice.stored())["document"] == before + 2
    assert len(await clinician.found("Patient", family="Before", birthdate=f"200{won}-01-01")) == 1
    assert (await clinician.get(f"Patient/{known['id']}")).json()["name"][0]["family"] == f"Meeting {won}"


async def test_a_transaction_and_a_lone_update_do_not_lose_one_another(clinician: Client) -> None:
    """Ten of each at once: every answer with 200 is a version, and no version is anything else."""
    known = await clinician.create(patient())
    address = f"Patient/{known['id']}"
    work = [clinician.put(patient(id=known["id"])) for _ in range(10)]
    work += [clinician.transact(entry(patient(id=known["id"]), method="PUT", url=address)) for _ in range(10)]
    answers = await asyncio.gather(*work)
    stored = sum(answer.status_code == 200 for answer in answers)

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert (await clinician.get(address)).headers["etag"] == f'W/"{1 + stored}"'


async def test_a_delete_of_nothing_refuses_all(clinician: Client, practice: Practice) -> None:
    """404, nothing stored, and the trail tells of it."""
    before = await practice.stored()
    answer = await clinician.transact(entry(patient()), removal(f"Patient/{uuid4()}"))

    assert answer.status_code == 404
    assert await practice.stored() == before
    assert [(one["action"], one["outcome"]) for one in await practice.events(answer)] == [("delete", "not-found")]


async def test_an_update_of_nothing_refuses_all(clinician: Client, practice: Practice) -> None:
    """405, as for a lone update."""
    before = await practice.stored()
    absent = str(uuid4())
    answer = await clinician.transact(entry(patient()), entry(patient(id=absent), method="PUT", url=f"Patient/{absent}"))

    assert answer.status_code == 405
    assert await practice.stored() == before


async def test_an_empty_transaction_is_answered_by_an_empty_one(clinician: Client, practice: Practice) -> None:
    """Nothing to do is no error, and is told."""
    answer = await clinician.transact()

    assert answer.json() == {"resourceType": "Bundle", "type": "transaction-response"}
    assert [one["outcome"] for one in await practice.events(answer)] == ["empty"]


async def test_a_resource_is_named_once(clinician: Client, practice: Practice) -> None:
    """Two entries for one resource, or with one fullUrl, are refused: their order would decide."""
    known = await clinician.create(patient())
    address = f"Patient/{known['id']}"
    put = entry(patient(id=known["id"]), method="PUT", url=address)
    before = await practice.stored()
    answers = [
        await clinician.transact(put, put),
        await clinician.transact(put, removal(address)),
        await clinician.transact(removal(address), removal(address)),
        await clinician.transact(entry(patient(), f"{URN}1"), entry(patient(), f"{URN}1")),
    ]

    assert [answer.status_code for answer in answers] == [400] * 4
    assert await practice.stored() == before


async def test_a_fault_inside_names_its_entry(clinician: Client, practice: Practice) -> None:
    """The location leads to the element, and nothing before or after it is stored."""
    before = await practice.stored()
    answer = await clinician.transact(entry(patient()), entry(patient(birthDate="31.12.1999")), entry(patient()))

    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.birthDate"]
    assert await practice.stored() == before


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "GET", "url": "Patient"},
        {"method": "PATCH", "url": "Patient/1"},
        {"method": "POST", "url": "Patient/1"},
        {"method": "PUT", "url": "Patient"},
        {"method": "PUT", "url": "Patient?identifier=1"},
        {"method": "DELETE", "url": "Patient?identifier=1"},
        {"method": "POST", "url": "NoType"},
        {"method": "POST", "url": "Observation"},
        {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=1"},
        {"method": "DELETE", "url": "https://elsewhere.example/Patient/1"},
        {"method": "POST", "url": "../fhir/Patient"},
    ],
)
async def test_a_request_that_is_not_offered_refuses_all(clinician: Client, practice: Practice, request_: dict[str, str]) -> None:
    """400 with the place of the entry; no entry is taken for another one."""
    before = await practice.stored()
    answer = await clinician.transact(entry(patient()), {"resource": patient(), "request": request_})

    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"][0].startswith("Bundle.entry[1].")
    assert await practice.stored() == before


@pytest.mark.parametrize("kind", ["batch", "collection", "history", "transaction-response", "searchset"])
async def test_only_a_transaction_is_a_transaction(clinician: Client, practice: Practice, kind: str) -> None:
    """A batch has entries that fail alone, so it is not carried out as if it were a transaction."""
    before = await practice.stored()
    answer = await clinician.post("", {"resourceType": "Bundle", "type": kind, "entry": [entry(patient())]})

    assert answer.status_code == 400
    assert await practice.stored() == before


@pytest.mark.parametrize("role", [Role.PATIENT, Role.ADMINISTRATOR, Role.AUDITOR])
async def test_an_entry_that_is_denied_denies_all(clinician: Client, practice: Practice, role: Role) -> None:
    """403 for every kind of entry and for none at all; nothing is stored, and the trail tells of it."""
    known = await clinician.create(patient())
    caller = await practice.sign_in(role, known["id"] if role is Role.PATIENT else None)
    address = f"Patient/{known['id']}"
    before = await practice.stored()
    kinds = [[entry(patient())], [entry(patient(id=known["id"]), method="PUT", url=address)], [removal(address)], []]
    answers = [await caller.transact(*one) for one in kinds]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert await practice.stored() == before
    assert [[one["outcome"] for one in await practice.events(answer)] for answer in answers] == [["denied"]] * 4


async def test_many_entries_are_stored_together(clinician: Client) -> None:
    """Three hundred records about one new patient, each found by a search across pages."""
    entries = [entry(about(f"{URN}1", valueInteger=at)) for at in range(300)]
    person, *seen = made(await clinician.transact(entry(patient(), f"{URN}1"), *entries))

    assert [f"Observation/{one}" for one in await clinician.found("Observation", patient=person, _count="70")] == seen
