"""Every path on which a personal value enters or leaves the server, each with a canary of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from confide.cli.demonstration.server import trusting
from tests.journeys import charts

if TYPE_CHECKING:
    from tests.ground import Ground
    from tests.journeys.canaries import Canaries

OK, CREATED, NO_CONTENT = 200, 201, 204
BAD, UNSIGNED, FORBIDDEN, MISSING, NO_METHOD, GONE, STALE = 400, 401, 403, 404, 405, 410, 412
TOO_LARGE, NOT_FHIR, UNPROCESSABLE = 413, 415, 422
FHIR = "application/fhir+json"


class UnexpectedAnswerError(AssertionError):
    """A path answered other than it must, so it was not exercised."""


@dataclass
class Walk:
    """A client of one role, which counts what it sends."""

    http: httpx.Client
    canaries: Canaries
    sent: int = 0

    def send(self, expected: int, method: str, address: str, **given: Any) -> httpx.Response:
        """Send a request that must be answered with a status."""
        self.sent += 1
        answer = self.http.request(method, address, **given)
        if answer.status_code != expected:
            message = (
                f"{method} {urlsplit(address).path} was answered with {answer.status_code} in place of {expected}: {answer.text[:300]}"
            )
            raise UnexpectedAnswerError(message)
        return answer

    def put(self, expected: int, method: str, address: str, resource: Any, **headers: str) -> httpx.Response:
        """Send a resource."""
        return self.send(expected, method, address, content=json.dumps(resource), headers={"content-type": FHIR, **headers})


def client(ground: Ground, token: str) -> httpx.Client:
    """Return a client that is signed in and trusts the instance's authority."""
    trusted = trusting(ground.settings.ca_certificate) if ground.settings.tls else True
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=ground.settings.public_url, verify=trusted, headers=headers, timeout=60, trust_env=False)


def walk_records(walk: Walk) -> str:
    """Write, change, read, find and delete records; return the id of the Patient."""
    new = walk.canaries.new
    chart = charts.patient(new("family name"), new("given name"), new("identifier"), birth="1903-07-21")
    chart["text"] = charts.narrative(new("narrative"))
    chart["contact"] = [{"name": {"text": new("name of a contact")}, "telecom": [{"system": "phone", "value": new("phone")}]}]
    chart["address"] = [{"line": [new("address line")], "city": new("city"), "postalCode": new("postal code")}]
    chart["extension"] = [{"url": "https://example.org/" + new("extension address"), "valueString": new("extension value")}]
    chart["contained"] = [{"resourceType": "Organization", "id": "o", "name": new("contained name")}]
    chart["managingOrganization"] = {"reference": "#o", "display": new("display of a reference")}
    made = walk.put(CREATED, "POST", "/fhir/Patient", chart).json()
    address = f"/fhir/Patient/{made['id']}"
    one = charts.observation(f"Patient/{made['id']}", new("code"), new("free text value"))
    one["note"] = [{"text": new("note")}]
    one["code"]["text"] = new("text of a code")
    seen = walk.put(CREATED, "POST", "/fhir/Observation", one).json()
    made["name"][0]["prefix"] = [new("prefix of a second version")]
    walk.put(OK, "PUT", address, made, **{"if-match": 'W/"1"'})
    made["name"][0]["suffix"] = [new("suffix of a stale update")]
    walk.put(STALE, "PUT", address, made, **{"if-match": 'W/"1"'})
    walk.put(BAD, "PUT", address, made, **{"if-match": new("entity tag")})
    for place in (address, address + "/_history/1", address + "/_history/2", address + "/_history", f"/fhir/Observation/{seen['id']}"):
        walk.send(OK, "GET", place)
    walk.send(OK, "HEAD", address)
    _find(walk, made["id"], seen["id"])
    inside = charts.patient(new("family name in a bundle"), new("given name in a bundle"), new("identifier in a bundle"))
    about = charts.observation(charts.FIRST, new("code in a bundle"), new("value in a bundle"))
    walk.put(OK, "POST", "/fhir", charts.transaction(inside, about))
    gone = walk.put(
        CREATED, "POST", "/fhir/Patient", charts.patient(new("deleted name"), new("deleted given"), new("deleted identifier"))
    ).json()
    walk.send(NO_CONTENT, "DELETE", f"/fhir/Patient/{gone['id']}")
    walk.send(GONE, "GET", f"/fhir/Patient/{gone['id']}")
    return str(made["id"])


def _find(walk: Walk, patient: str, observation: str) -> None:
    planted, new = walk.canaries.planted, walk.canaries.new
    for query in (
        {"_id": patient},
        {"identifier": f"{charts.IDENTIFIERS}|{planted['identifier']}"},
        {"name": planted["family name"][:8]},
        {"family:exact": planted["family name"]},
        {"given": planted["given name"], "_total": "accurate"},
        {"birthdate": "1903-07-21"},
    ):
        found = walk.send(OK, "GET", "/fhir/Patient", params=query).json()
        if [one["resource"]["id"] for one in found["entry"]] != [patient]:
            message = f"The search by {sorted(query)} did not find the Patient."
            raise UnexpectedAnswerError(message)
    for query in ({"code": f"{charts.CODES}|{planted['code']}"}, {"date": "ge2024-05-06"}):
        found = walk.send(OK, "GET", "/fhir/Observation", params={"patient": patient, **query}).json()
        if [one["resource"]["id"] for one in found["entry"]] != [observation]:
            message = f"The search by {sorted(query)} did not find the Observation."
            raise UnexpectedAnswerError(message)
    walk.send(OK, "GET", "/fhir/Patient", params={"name": new("name that is searched for")})
    walk.send(OK, "POST", "/fhir/Patient/_search", data={"family": new("name in a form")})
    walk.send(BAD, "GET", "/fhir/Patient", params={new("name of a parameter"): new("value of an unknown parameter")})
    walk.send(BAD, "GET", "/fhir/Patient", params={"birthdate": new("date that is none")})
    walk.send(BAD, "GET", "/fhir/Patient", params={"_page": new("page that is none")})
    page = walk.send(OK, "GET", "/fhir/Patient", params={"_count": "1", "birthdate": "ge1800"}).json()
    for link in page["link"]:
        walk.send(OK, "GET", link["url"])


def walk_refusals(walk: Walk) -> None:
    """Send what is refused, in every part of a request."""
    new = walk.canaries.new
    fhir = {"content-type": FHIR}
    walk.send(BAD, "POST", "/fhir/Patient", content='{"resourceType":"Patient","' + new("broken JSON"), headers=fhir)
    walk.send(NOT_FHIR, "POST", "/fhir/Patient", content=new("body of another type"), headers={"content-type": f"text/{new('media type')}"})
    walk.send(BAD, "POST", "/fhir/Patient", content=b'{"id":"' + new("invalid UTF-8").encode() + b'\xff"}', headers=fhir)
    bad = charts.patient(new("family of a refused Patient"), new("given of a refused Patient"), new("identifier of a refused Patient"))
    walk.put(BAD, "POST", "/fhir/Patient", {**bad, "birthDate": new("bad date")})
    walk.put(BAD, "POST", "/fhir/Patient", {**bad, "gender": new("bad code")})
    walk.put(BAD, "POST", "/fhir/Patient", {**bad, new("unknown element"): new("value of an unknown element")})
    walk.put(BAD, "POST", "/fhir/Patient", {**bad, "resourceType": new("unknown type")})
    walk.put(BAD, "POST", "/fhir", charts.transaction(bad, {**bad, "birthDate": new("bad date in a bundle")}))
    walk.put(UNPROCESSABLE, "POST", "/fhir/Observation", charts.observation("Patient/" + new("patient that is none"), "c", new("orphan")))
    walk.send(TOO_LARGE, "POST", "/fhir/Patient", content=json.dumps({**bad, "id": new("too large") * 500_000}), headers=fhir)
    walk.send(MISSING, "GET", f"/fhir/Patient/{new('identifier in an address')}")
    walk.send(MISSING, "GET", f"/fhir/{new('type in an address')}/1")
    walk.send(MISSING, "GET", f"/{new('address')}?{new('query')}={new('value of a query')}")
    walk.send(NO_METHOD, "PATCH", f"/fhir/Patient/{new('patched')}", content=new("patch"))
    named = {name: new(name) for name in ("user-agent", "x-forwarded-for", "cookie")}
    walk.send(OK, "GET", "/fhir/metadata", headers=named)
    walk.send(UNSIGNED, "GET", "/fhir/Patient", headers={"authorization": f"Bearer {new('token that is none')}"})
    walk.send(MISSING, "GET", f"/bootstrap/{new('link that is none')}")


def walk_sign_in(walk: Walk) -> None:
    """Sign in wrongly."""
    new = walk.canaries.new
    body = {"username": new("unknown username"), "password": new("wrong password"), "code": "000000"}
    walk.send(UNSIGNED, "POST", "/auth/sign-in", json=body)
    walk.send(BAD, "POST", "/auth/sign-in", content='{"username":"' + new("broken sign-in"), headers={"content-type": "application/json"})
    walk.send(BAD, "POST", "/auth/sign-in", json={"username": 7, new("unknown member"): new("value of an unknown member")})
