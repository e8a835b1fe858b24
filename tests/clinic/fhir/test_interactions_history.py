"""The versions of one resource, newest first, a page at a time (https://hl7.org/fhir/R4/http.html#history)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from confide.clinic.fhir.validate import parse
from tests.clinic.practice import link, patient

if TYPE_CHECKING:
    from tests.clinic.practice import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def lived(clinician: Client, updates: int) -> str:
    """Return the id of a Patient that was created, updated, deleted, and brought back."""
    made = await clinician.create(patient("v1"))
    for number in range(updates):
        await clinician.put(patient(f"v{number + 2}", id=made["id"]))
    await clinician.delete(f"Patient/{made['id']}")
    await clinician.put(patient("back", id=made["id"]))
    return str(made["id"])


async def pages(clinician: Client, address: str, **parameters: str) -> list[dict[str, Any]]:
    """Return the bundles of a history."""
    answer = await clinician.get(f"{address}/_history", **parameters)
    found = [answer.json()]
    while (following := link(found[-1], "next")) is not None:
        answer = await clinician.http.get(following)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
    return found


async def test_each_entry_tells_how_its_version_came_to_be(clinician: Client) -> None:
    """Request, response and resource of a create, an update, a delete without a resource, and an update that brings back."""
    identifier = await lived(clinician, 1)
    address = f"Patient/{identifier}"
    answer = await clinician.get(f"{address}/_history")
    entries = answer.json()["entry"]

    assert (answer.status_code, answer.json()["type"]) == (200, "history")
    assert [(one["request"]["method"], one["request"]["url"], one["response"]["status"]) for one in entries] == [
        ("PUT", address, "200"),
        ("DELETE", address, "204"),
        ("PUT", address, "200"),
        ("POST", "Patient", "201"),
    ]
    assert [one["response"]["etag"] for one in entries] == ['W/"4"', 'W/"3"', 'W/"2"', 'W/"1"']
    assert [one.get("resource", {}).get("name", [{}])[0].get("family") for one in entries] == ["back", None, "v2", "v1"]
    assert {one["fullUrl"] for one in entries} == {f"{clinician.http.base_url}/fhir/{address}"}
    assert entries[0]["response"]["lastModified"] == entries[0]["resource"]["meta"]["lastUpdated"]


async def test_each_entry_is_the_version_that_vread_shows(clinician: Client) -> None:
    """History and vread agree."""
    identifier = await lived(clinician, 2)
    [bundle] = await pages(clinician, f"Patient/{identifier}")

    for entry in bundle["entry"]:
        number = entry["response"]["etag"][3:-1]
        version = await clinician.get(f"Patient/{identifier}/_history/{number}")
        assert (version.status_code, version.json()) == ((200, entry["resource"]) if "resource" in entry else (410, version.json()))


async def test_a_history_is_a_valid_bundle(clinician: Client) -> None:
    """The server would take it itself: bdl-1 to bdl-12 hold."""
    identifier = await lived(clinician, 1)
    answer = await clinician.get(f"Patient/{identifier}/_history")

    parse(answer.content, type_name="Bundle")


@pytest.mark.parametrize("size", range(1, 8))
async def test_pages_of_any_size_hold_every_version_once(clinician: Client, size: int) -> None:
    """Each page is full but the last, no page is empty, and every one has its own address."""
    identifier = await lived(clinician, 3)
    bundles = await pages(clinician, f"Patient/{identifier}", _count=str(size))
    counts = [len(bundle["entry"]) for bundle in bundles]
    tags = [entry["response"]["etag"] for bundle in bundles for entry in bundle["entry"]]

    assert tags == [f'W/"{number}"' for number in (6, 5, 4, 3, 2, 1)]
    assert counts == [size] * (6 // size) + ([6 % size] if 6 % size else [])
    assert len({link(bundle, "self") for bundle in bundles}) == len(bundles)


async def test_a_version_made_between_two_pages_does_not_shift_them(clinician: Client) -> None:
    """The next page goes on below what was shown."""
    identifier = await lived(clinician, 2)
    first = (await clinician.get(f"Patient/{identifier}/_history", _count="2")).json()
    await clinician.put(patient("late", id=identifier))
    second = (await clinician.http.get(link(first, "next") or "")).json()

    assert [entry["response"]["etag"] for entry in second["entry"]] == ['W/"3"', 'W/"2"']


async def test_a_page_link_belongs_to_one_resource(clinician: Client) -> None:
    """It opens no other history, and no other page size."""
    one, other = [await lived(clinician, 2) for _ in range(2)]
    bundle = (await clinician.get(f"Patient/{one}/_history", _count="1")).json()
    following = link(bundle, "next") or ""
    borrowed = [following.replace(one, other), following.replace("_count=1", "_count=2")]
    answers = [await clinician.http.get(address) for address in borrowed]

    assert [answer.status_code for answer in answers] == [400, 400]


@pytest.mark.parametrize("parameter", ["_since", "_at", "_sort", "_count:exact", "name"])
async def test_history_refuses_what_it_does_not_do(clinician: Client, parameter: str) -> None:
    """An unknown parameter would otherwise look as if it had been obeyed."""
    made = await clinician.create(patient())

    assert (await clinician.get(f"Patient/{made['id']}/_history", **{parameter: "1"})).status_code == 400


@pytest.mark.parametrize("count", ["x", "-1", "1.5", "", "999999999999"])
async def test_history_refuses_a_count_that_is_none(clinician: Client, count: str) -> None:
    """_count is a number."""
    made = await clinician.create(patient())

    assert (await clinician.get(f"Patient/{made['id']}/_history", _count=count)).status_code == 400


async def test_there_is_no_history_of_nothing(clinician: Client) -> None:
    """404 with an outcome, as for a read."""
    answer = await clinician.get(f"Patient/{uuid4()}/_history")

    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (404, "not-found")
