"""The asynchronous client `fhirpy`, as its documentation says it is used."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import aiohttp
import pytest
from fhirpy import AsyncFHIRClient
from fhirpy.base.exceptions import AuthorizationError, OperationOutcome, ResourceNotFound

from confide.cli.demonstration.server import trusting

if TYPE_CHECKING:
    from tests.ground import Ground

SYSTEM = "https://example.org/numbers"
LOINC = "http://loinc.org"


def connect(served: Ground, token: str, trusted: ssl.SSLContext | None = None) -> AsyncFHIRClient:
    """A client with a token, that trusts the instance's authority and nothing else of this machine."""
    context = trusted or trusting(served.settings.ca_certificate)
    return AsyncFHIRClient(f"{served.settings.public_url}/fhir", authorization=f"Bearer {token}", aiohttp_config={"ssl": context})


@pytest.fixture
def client(served: Ground) -> AsyncFHIRClient:
    return connect(served, served.token)


def patient(client: Any, family: str, **more: Any) -> Any:
    return client.resource("Patient", name=[{"family": family, "given": ["Ines"]}], **more)


async def test_create_read_search_update_delete(client: Any) -> None:
    """A Patient's whole life: what was stored comes back, is found, changes, and is gone."""
    family, number = f"F{uuid4().hex}", uuid4().hex
    stored = patient(client, family, identifier=[{"system": SYSTEM, "value": number}], birthDate="1984-02-29")
    await stored.save()
    identifier = stored.id
    read = await client.reference("Patient", identifier).to_resource()
    everyone = client.resources("Patient")
    searches = ({"name": family}, {"identifier": f"{SYSTEM}|{number}"}, {"birthdate": "1984-02-29", "name": family}, {"_id": identifier})
    found = [[one.id for one in await everyone.search(**asked).fetch()] for asked in searches]
    read["name"][0]["given"] = ["Iris"]
    await read.save()
    again = await everyone.search(_id=identifier).get()
    await again.delete()

    assert read.get_by_path(["meta", "versionId"]) == "2"
    assert again.get_by_path(["name", 0, "given", 0]) == "Iris"
    assert found == [[identifier]] * len(searches)
    with pytest.raises(ResourceNotFound):
        await client.reference("Patient", identifier).to_resource()
    assert await everyone.search(name=family).fetch_all() == []


async def test_search_follows_pages(client: Any) -> None:
    """The client walks our next links to the end, and sees each Observation once; the total is exact."""
    about = patient(client, "Pages")
    await about.save()
    made = set()
    for at in range(7):
        one = client.resource(
            "Observation",
            status="final",
            code={"coding": [{"system": LOINC, "code": "8867-4"}]},
            subject=about.to_reference(),
            effectiveDateTime=f"2026-02-0{at + 1}",
        )
        await one.save()
        made.add(one.id)
    search = client.resources("Observation").search(patient=about.id, code=f"{LOINC}|8867-4")
    found = [one.id async for one in search.limit(3)]
    counted = await search.search(_total="accurate").limit(1).fetch_raw()
    some = await search.search(date__ge="2026-02-03", date__lt="2026-02-06").fetch_all()

    assert sorted(found) == sorted(made)
    assert counted["total"] == 7
    assert sorted(one["effectiveDateTime"] for one in some) == ["2026-02-03", "2026-02-04", "2026-02-05"]


async def test_text_comes_back_as_it_was(client: Any) -> None:
    """Right-to-left text, marks and markup are stored as they are, and are found by name."""
    family = "O'Łukasiewicz\u200f عائشة <b>{{7*7}}</b> \U0001f33f" + uuid4().hex
    stored = patient(client, family)
    await stored.save()
    found = await client.resources("Patient").search(family__exact=family).fetch()

    assert [one["name"][0]["family"] for one in found] == [family]


async def test_a_refusal_is_told_in_the_words_of_fhir(client: Any) -> None:
    """What is not valid R4 comes back as an OperationOutcome that names the place."""
    with pytest.raises(OperationOutcome) as refused:
        await patient(client, "Broken", gender="quill").save()

    assert refused.value.resource["issue"][0]["expression"] == ["Patient.gender"]
    assert "quill" not in str(refused.value)


async def test_a_stale_tab_does_not_overwrite(client: Any) -> None:
    """With If-Match, of two changes from one version the second is refused."""
    stored = patient(client, "Twice")
    await stored.save()
    first, second = [await client.reference("Patient", stored.id).to_resource() for _ in range(2)]
    first.__client__.extra_headers = {"If-Match": 'W/"1"'}
    await first.save()
    with pytest.raises(Exception, match="another version"):
        await second.save()


async def test_no_token_no_answer(served: Ground) -> None:
    """A wrong token is refused, as the client understands it."""
    with pytest.raises(AuthorizationError):
        await connect(served, "x" * 43).resources("Patient").fetch()


async def test_the_certificate_is_verified(served: Ground) -> None:
    """Without the instance's authority the client does not connect: the test is over real TLS."""
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await connect(served, served.token, ssl.create_default_context()).resources("Patient").fetch()
