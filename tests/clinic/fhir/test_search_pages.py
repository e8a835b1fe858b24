"""Pages of a search: their links are authenticated and bound, and prove nothing."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from confide.clinic.fhir.validate import parse
from confide.values.principal import Role
from tests.clinic.practice import entry, ids, link, observation, open_practice, patient

if TYPE_CHECKING:
    from pathlib import Path

    from tests.clinic.practice import Client, Practice

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORM = {"content-type": "application/x-www-form-urlencoded"}


async def people(clinician: Client, family: str, number: int = 5) -> list[str]:
    """Make patients of one name."""
    return [(await clinician.create(patient(family)))["id"] for _ in range(number)]


async def first(clinician: Client, **parameters: str) -> tuple[dict[str, Any], str]:
    """Return the first page of a search and the token of the next."""
    bundle = (await clinician.get("Patient", **parameters)).json()
    return bundle, parse_qs(urlsplit(link(bundle, "next") or "").query)["_page"][0]


async def test_links_lead_from_page_to_page(clinician: Client) -> None:
    """Each page has its own address in `self`, which shows the same page again, and the last one has no next."""
    made = await people(clinician, "Leafing")
    answer = await clinician.get("Patient", family="Leafing", _count="2")
    seen: list[str] = []
    while True:
        bundle = answer.json()
        seen += ids(bundle)
        assert (await clinician.http.get(link(bundle, "self") or "")).content == answer.content
        following = link(bundle, "next")
        if following is None:
            break
        answer = await clinician.http.get(following)

    assert seen == made
    assert len(ids(bundle)) == 1


async def test_a_page_is_a_valid_bundle(clinician: Client) -> None:
    """A searchset that the server itself would take, with full URLs that can be read."""
    await people(clinician, "Valid", 3)
    answer = await clinician.get("Patient", family="Valid", _count="2", _total="accurate")
    one = answer.json()["entry"][0]

    parse(answer.content, type_name="Bundle")
    assert one["search"] == {"mode": "match"}
    assert (await clinician.http.get(one["fullUrl"])).json() == one["resource"]


async def test_a_full_last_page_has_no_next(clinician: Client) -> None:
    """Nobody is sent to an empty page."""
    made = await people(clinician, "Fullpage", 4)
    bundle, _ = await first(clinician, family="Fullpage", _count="2")
    last = (await clinician.http.get(link(bundle, "next") or "")).json()

    assert (ids(last), link(last, "next")) == (made[2:], None)


async def test_pages_do_not_shift_when_records_come_and_go(clinician: Client) -> None:
    """What was on a page is not shown again, what comes later is, and what is deleted meanwhile is not."""
    made = await people(clinician, "Shifting", 5)
    bundle, _ = await first(clinician, family="Shifting", _count="2")
    await clinician.delete(f"Patient/{made[0]}")
    await clinician.delete(f"Patient/{made[3]}")
    late = await people(clinician, "Shifting", 1)
    rest = (await clinician.http.get((link(bundle, "next") or "").replace("_count=2", "_count=2"))).json()

    assert ids(rest) == [made[2], made[4]]
    assert ids((await clinician.http.get(link(rest, "next") or "")).json()) == late


async def test_a_page_is_no_larger_than_the_limit(clinician: Client) -> None:
    """_count is cut to the limit of 200, and nought asks for the total alone."""
    await clinician.transact(*(entry(patient("Many")) for _ in range(205)))
    bundles = {size: (await clinician.get("Patient", family="Many", _count=str(size))).json() for size in (0, 1, 200, 999_999_999)}

    assert {size: len(ids(bundle)) for size, bundle in bundles.items()} == {0: 0, 1: 1, 200: 200, 999_999_999: 200}
    assert [bundle.get("total") for bundle in bundles.values()] == [205, None, None, None]


@pytest.mark.parametrize("count", ["", "-1", "x", "1.5", "1e3", "٣", "9999999999"])
async def test_a_count_that_is_none_is_refused(clinician: Client, count: str) -> None:
    """400, not a guess."""
    assert (await clinician.get("Patient", _count=count)).status_code == 400


async def test_a_token_belongs_to_its_account(practice: Practice, clinician: Client) -> None:
    """Another clinician who may see the same rows cannot use it, nor can a patient."""
    made = await people(clinician, "Accounts")
    bundle, _ = await first(clinician, family="Accounts", _count="2")
    others = [await practice.sign_in(Role.CLINICIAN), await practice.sign_in(Role.PATIENT, made[0])]
    answers = [await one.http.get(link(bundle, "next") or "") for one in others]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert (await clinician.http.get(link(bundle, "next") or "")).status_code == 200


async def test_a_token_belongs_to_its_query(clinician: Client) -> None:
    """Whatever is changed, left out, added, or put in another order, and for every other type: refused."""
    await people(clinician, "Queries")
    _, token = await first(clinician, family="Queries", _count="2")
    asked = [("family", "Queries"), ("_count", "2")]
    wrong = [
        ("Patient", [("family", "Querie"), ("_count", "2")]),
        ("Patient", [("family", "Queries"), ("_count", "3")]),
        ("Patient", [("family", "Queries")]),
        ("Patient", [("_count", "2")]),
        ("Patient", []),
        ("Patient", [*asked, ("_total", "accurate")]),
        ("Patient", [("name", "Queries"), ("_count", "2")]),
        ("Patient", asked[::-1]),
        ("Practitioner", asked),
    ]
    answers = [await clinician.http.get(f"/fhir/{kind}", params=[*pairs, ("_page", token)]) for kind, pairs in wrong]
    right = await clinician.http.get("/fhir/Patient", params=[*asked, ("_page", token)])

    assert (right.status_code, len(ids(right.json()))) == (200, 2)
    assert [answer.status_code for answer in answers] == [400] * len(wrong)


async def test_a_token_that_was_tampered_with_is_refused(clinician: Client) -> None:
    """Every single bit of it counts, and so does every letter of its text."""
    await people(clinician, "Tampered", 3)
    _, token = await first(clinician, family="Tampered", _count="1")
    raw = urlsafe_b64decode(token)
    forged = [raw[:at] + bytes([raw[at] ^ (1 << bit)]) + raw[at + 1 :] for at in range(len(raw)) for bit in (0, 7)]
    texts = [urlsafe_b64encode(one).decode() for one in (*forged, raw[:-1], raw + b"\0", raw[8:], b"", bytes(24))]
    texts += [token + "=", token + "!", f"!{token}", token[:5] + "." + token[5:], token.swapcase(), token + token, "x", "é", " " + token]
    asks = [clinician.http.get("/fhir/Patient", params={"family": "Tampered", "_count": "1", "_page": text}) for text in texts]
    answers = await asyncio.gather(*asks)

    assert {answer.status_code for answer in answers} == {400}
    assert len({answer.content for answer in answers}) == 1


async def test_a_token_is_no_proof_of_access(practice: Practice, clinician: Client) -> None:
    """The rows behind a link are authorised anew: a record that was moved away is not on the next page."""
    mine, other = await people(clinician, "Proofs", 2)
    made = [(await clinician.create(observation(mine)))["id"] for _ in range(4)]
    own = await practice.sign_in(Role.PATIENT, mine)
    bundle = (await own.get("Observation", _count="2")).json()
    await clinician.put({**observation(other), "id": made[2]})

    assert ids((await own.http.get(link(bundle, "next") or "")).json()) == [made[3]]


async def test_a_link_of_a_search_by_post_is_a_get(clinician: Client) -> None:
    """The same tokens for both, whichever way the parameters came."""
    made = await people(clinician, "Posted", 3)
    pairs = [("family", "Posted"), ("_count", "2")]
    got = await clinician.http.get(f"/fhir/Patient?{urlencode(pairs)}")
    posted = await clinician.http.post("/fhir/Patient/_search", content=urlencode(pairs), headers=FORM)
    split = await clinician.http.post("/fhir/Patient/_search?family=Posted", content="_count=2", headers=FORM)

    assert got.content == posted.content == split.content
    assert ids((await clinician.http.get(link(posted.json(), "next") or "")).json()) == made[2:]


@pytest.mark.asyncio
async def test_a_total_costs_no_more_than_the_setting_allows(tmp_path: Path) -> None:
    """Past the limit an exact total is refused; without one, the search is answered."""
    async with open_practice(tmp_path, search_total_cap=256) as practice:
        clinician = await practice.sign_in(Role.CLINICIAN)
        await clinician.transact(*(entry({"resourceType": "Organization", "name": "Ward"}) for _ in range(300)))
        refused = await clinician.get("Organization", name="Ward", _total="accurate")
        counts = [await clinician.get("Organization", name="Ward", _total=total) for total in ("none", "estimate")]
        few = await clinician.get("Organization", name="Nothing", _total="accurate")

    assert (refused.status_code, refused.json()["issue"][0]["code"]) == (422, "too-costly")
    assert [answer.status_code for answer in counts] == [200, 200]
    assert few.json()["total"] == 0
