"""The SMART client `fhirclient`, as its documentation says it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import requests
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRNotFoundException, FHIRUnauthorizedException

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ground import Ground

SYSTEM = "https://example.org/numbers"
LOINC = "http://loinc.org"


def connect(served: Ground, token: str) -> FHIRClient:
    """A client with a token, that trusts the instance's authority and nothing else of this machine."""
    auth = {"auth_type": "oauth2", "auth": {"access_token": token}, "base_uri": f"{served.settings.public_url}/fhir/"}
    client = FHIRClient(state={"app_id": "tests", "server": auth})
    client.server.session.trust_env = False
    client.server.session.verify = str(served.settings.ca_certificate)
    return client


@pytest.fixture
def server(served: Ground) -> Iterator[Any]:
    client = connect(served, served.token)
    yield client.server
    client.server.session.close()


def patient(family: str, number: str) -> Patient:
    return Patient(
        {
            "name": [{"family": family, "given": ["Ines"]}],
            "identifier": [{"system": SYSTEM, "value": number}],
            "birthDate": "1984-02-29",
            "gender": "female",
        }
    )


def observation(about: str, code: str) -> Observation:
    return Observation(
        {
            "status": "final",
            "code": {"coding": [{"system": LOINC, "code": code}]},
            "subject": {"reference": f"Patient/{about}"},
            "effectiveDateTime": "2026-02-01T08:30:00+01:00",
            "valueQuantity": {"value": 72.5, "unit": "1/min"},
        }
    )


def test_create_read_search_update_delete(server: Any) -> None:
    """A Patient's whole life: what was stored comes back, is found, changes, and is gone."""
    family, number = f"F{uuid4().hex}", uuid4().hex
    stored = Patient(patient(family, number).create(server))
    read = Patient.read(stored.id, server)
    searches = ({"name": family}, {"family": family[:8]}, {"identifier": f"{SYSTEM}|{number}"}, {"birthdate": "1984-02-29", "name": family})
    found = [[one.id for one in Patient.where(asked).perform_resources_iter(server)] for asked in searches]
    read.name[0].given = ["Iris"]
    changed = Patient(read.update(server))
    history = Bundle.read_from(f"Patient/{stored.id}/_history", server)
    gone = read.delete(server)

    assert (read.name[0].family, read.birthDate.isostring, read.meta.versionId) == (family, "1984-02-29", "1")
    assert found == [[stored.id]] * len(searches)
    assert (changed.name[0].given, changed.meta.versionId) == (["Iris"], "2")
    assert [entry.resource.name[0].given for entry in history.entry] == [["Iris"], ["Ines"]]
    assert gone is None
    with pytest.raises(requests.HTTPError, match="410"):
        Patient.read(stored.id, server)
    assert list(Patient.where({"name": family}).perform_resources_iter(server)) == []


def test_search_follows_pages(server: Any) -> None:
    """The client walks our next links to the end, and sees each Observation once."""
    stored = Patient(patient("Pages", uuid4().hex).create(server))
    made = {Observation(observation(stored.id, "8867-4").create(server)).id for _ in range(7)}
    observation(stored.id, "9279-1").create(server)
    search = Observation.where({"patient": stored.id, "code": f"{LOINC}|8867-4", "date": "2026-02-01", "_count": "3"})
    pages = [len(page.entry) for page in search.perform_iter(server)]
    found = [one.id for one in search.perform_resources_iter(server)]

    assert pages == [3, 3, 1]
    assert sorted(found) == sorted(made)


def test_a_transaction_stores_patient_and_observation_together(server: Any) -> None:
    """References between entries are resolved to what the server chose."""
    entries = [
        {"fullUrl": "urn:uuid:1", "resource": patient("Both", uuid4().hex).as_json(), "request": {"method": "POST", "url": "Patient"}},
        {"resource": observation("1", "8867-4").as_json(), "request": {"method": "POST", "url": "Observation"}},
    ]
    entries[1]["resource"]["subject"]["reference"] = "urn:uuid:1"
    answer = Bundle(Bundle({"type": "transaction", "entry": entries}).create(server))
    [about, measured] = [entry.response.location.split("/")[-3] for entry in answer.entry]

    assert Observation.read(measured, server).subject.reference == f"Patient/{about}"


def test_the_capability_statement_is_one(served: Ground) -> None:
    """The client reads it into its own classes before anyone signs in, and finds what the server offers."""
    client = connect(served, "")
    statement = client.server.capabilityStatement
    [rest] = statement.rest
    [patients] = [one for one in rest.resource if one.type == "Patient"]
    client.server.session.close()

    assert statement.fhirVersion == "4.0.1"
    assert {"read", "create", "update", "delete", "search-type"} <= {one.code for one in patients.interaction}


def test_a_refusal_is_told_in_the_words_of_fhir(server: Any) -> None:
    """What is not valid R4 is refused with 422 or 400 and an OperationOutcome that names the place."""
    broken = patient("Broken", uuid4().hex).as_json() | {"gender": "quill"}
    with pytest.raises(requests.HTTPError) as refused:
        server.post_json("Patient", broken)
    answer = refused.value.response
    assert answer is not None
    outcome = answer.json()

    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["expression"] == ["Patient.gender"]
    assert "quill" not in answer.text


def test_no_token_no_answer(served: Ground) -> None:
    """A wrong token is refused, as the client understands it; what does not exist is not there."""
    client = connect(served, "x" * 43)
    with pytest.raises(FHIRUnauthorizedException):
        Patient.read(str(uuid4()), client.server)
    client.server.session.close()


def test_what_is_not_there_is_not_found(server: Any) -> None:
    """A read of nothing is 404."""
    with pytest.raises(FHIRNotFoundException):
        Patient.read(str(uuid4()), server)


def test_the_certificate_is_verified(served: Ground) -> None:
    """Without the instance's authority the client does not connect: the test is over real TLS."""
    client = connect(served, served.token)
    client.server.session.verify = True
    with pytest.raises(requests.exceptions.SSLError):
        Patient.read(str(uuid4()), client.server)
    client.server.session.close()
