"""What the index cannot answer is refused with the reason, never answered wrongly."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from tests.clinic.practice import ids, link, observation, patient

if TYPE_CHECKING:
    from tests.clinic.practice import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORM = {"content-type": "application/x-www-form-urlencoded"}
LENIENT = {"prefer": "handling=lenient"}

UNKNOWN = [
    "unknown=1",
    "_lastUpdated=gt2000",
    "_sort=family",
    "_include=Patient:link",
    "_summary=count",
    "code=1",
    "Name=x",
    "=1",
    "_has:x=1",
]
REFUSED = [
    ("Patient", "name:contains=ab"),
    ("Patient", "name:missing=true"),
    ("Patient", "identifier:of-type=a|b|c"),
    ("Patient", "identifier:not=1"),
    ("Patient", "birthdate:missing=false"),
    ("Patient", "_id:exact=1"),
    ("Patient", "_id="),
    ("Patient", "_id=a b"),
    ("Patient", "_total=exact"),
    ("Patient", "_total:x=none"),
    ("Patient", "birthdate=today"),
    ("Patient", "birthdate=ap2020"),
    ("Patient", "birthdate="),
    ("Patient", "name="),
    ("Patient", "name=,"),
    ("Patient", "identifier="),
    ("Patient", "name=%00%00"),
    ("Patient", "name=" + "a" * 1025),
    ("Patient", "name=" + ",".join(["ab"] * 51)),
    ("Patient", "_id=" + ",".join(["a"] * 51)),
    ("Patient", "&".join(["name=ab"] * 65)),
    ("Patient", "name=%ff%fe"),
    ("Observation", "code=1"),
    ("Observation", "date=2020"),
    ("Observation", "encounter=1"),
    ("Observation", "patient=1&patient=2"),
    ("Observation", "patient=1&subject=1"),
    ("Observation", "patient=1,2"),
    ("Observation", "patient="),
    ("Observation", "subject=Group/1"),
    ("Observation", "subject:Group=1"),
    ("Observation", "patient:identifier=1"),
    ("Observation", "patient=https://elsewhere.example/fhir/Patient/1"),
    ("Observation", "patient=1&code:text=ab"),
    ("Observation", "patient=1&code:in=ab"),
    ("Observation", "patient=1&encounter=Patient/1"),
]


async def both(clinician: Client, kind: str, query: str, **headers: str) -> tuple[int, int]:
    """Return the status of a search by GET and by POST, whose bodies must be the same."""
    got = await clinician.http.get(f"/fhir/{kind}?{query}", headers=headers)
    posted = await clinician.http.post(f"/fhir/{kind}/_search", content=query, headers={**FORM, **headers})
    assert got.content == posted.content
    return got.status_code, posted.status_code


@pytest.mark.parametrize("query", UNKNOWN)
async def test_an_unknown_parameter_is_refused(clinician: Client, query: str) -> None:
    """By default: a filter that is passed over would show too much."""
    assert await both(clinician, "Patient", query) == (400, 400)


@pytest.mark.parametrize("query", UNKNOWN)
async def test_a_lenient_caller_has_unknown_parameters_passed_over(clinician: Client, query: str) -> None:
    """`Prefer: handling=lenient` (search.html#errors); the link to the page itself holds what was obeyed, and nothing else."""
    made = await clinician.create(patient("Lenient"))
    answer = await clinician.http.get(f"/fhir/Patient?{query}&_id={made['id']}", headers=LENIENT)

    assert (answer.status_code, ids(answer.json())) == (200, [made["id"]])
    assert (link(answer.json(), "self") or "").endswith(f"/fhir/Patient?_id={made['id']}")


async def test_a_lenient_search_goes_on_over_pages(clinician: Client) -> None:
    """The next link asks for what was obeyed, so it needs no leniency."""
    made = [(await clinician.create(patient("Lenientpages")))["id"] for _ in range(3)]
    answer = await clinician.http.get("/fhir/Patient?unknown=1&family=Lenientpages&_count=2", headers=LENIENT)
    following = await clinician.http.get(link(answer.json(), "next") or "")

    assert ids(answer.json()) + ids(following.json()) == made


@pytest.mark.parametrize(("kind", "query"), REFUSED)
@pytest.mark.parametrize("headers", [{}, LENIENT], ids=["strict", "lenient"])
async def test_what_cannot_be_answered_is_refused(clinician: Client, kind: str, query: str, headers: dict[str, str]) -> None:
    """Modifiers, values and combinations: 400 with an outcome, leniency or not, that does not repeat what was sent."""
    answer = await clinician.http.get(f"/fhir/{kind}?{query}", headers=headers)

    assert await both(clinician, kind, query, **headers) == (400, 400)
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert "today" not in answer.text
    assert "elsewhere" not in answer.text


async def test_a_refusal_names_what_is_known(clinician: Client) -> None:
    """The parameters of the type, so that the caller need not look them up; never the one that was sent."""
    answer = await clinician.get("Patient", Secretparameter="Secretvalue")

    assert "birthdate" in answer.text
    assert "Secret" not in answer.text


async def test_a_search_by_post_is_a_search_by_get(clinician: Client) -> None:
    """The same answer to the byte, however the parameters are sent (search.html#Introduction)."""
    made = await clinician.create(patient("Pöst & Söns", birthDate="2001-02-03", identifier=[{"system": "urn:a|b", "value": "1+1"}]))
    about = await clinician.create(observation(made["id"], effectiveDateTime="2020-01-01T10:00:00+01:00"))
    asked = [
        ("Patient", [("family", "pöst & s"), ("birthdate", "le2001-02-03"), ("_total", "accurate")], made),
        ("Patient", [("identifier", "urn:a\\|b|1+1")], made),
        ("Observation", [("subject", f"Patient/{made['id']}"), ("date", "2020-01-01T10:00:00+01:00"), ("code", "8867-4")], about),
    ]

    for kind, pairs, expected in asked:
        got = await clinician.http.get(f"/fhir/{kind}?{urlencode(pairs)}")
        posted = await clinician.http.post(f"/fhir/{kind}/_search", content=urlencode(pairs), headers=FORM)
        assert ids(got.json()) == [expected["id"]]
        assert posted.content == got.content
        assert posted.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize("kind", ["application/fhir+json", "text/plain", "multipart/form-data"])
async def test_a_search_by_post_is_a_form(clinician: Client, kind: str) -> None:
    """415 for anything else."""
    answer = await clinician.http.post("/fhir/Patient/_search", content="name=ab", headers={"content-type": kind})

    assert answer.status_code == 415


async def test_a_form_has_a_limit(clinician: Client) -> None:
    """413 above 64 KiB."""
    answer = await clinician.http.post("/fhir/Patient/_search", content="name=" + "a" * 70_000, headers=FORM)

    assert answer.status_code == 413


async def test_a_search_is_not_a_get_of_search(clinician: Client) -> None:
    """`_search` takes POST only."""
    answer = await clinician.http.get("/fhir/Patient/_search?name=ab")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
