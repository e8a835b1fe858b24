"""Refusals that come late: the body is good, and yet it cannot be stored; nothing of what was good about it stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tests.fuzz.inputs import BAD, MISSING, NO_METHOD, STALE, UNPROCESSABLE, Expected, refused
from tests.journeys import charts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fuzz.places import Json
    from tests.fuzz.run import Run

REFERENCES = ("Patient/{}", "Patient/{}/_history/1", "urn:uuid:{}", "urn:{}", "../Patient/{}", "Patient/{}?a=b", "Patient/{} ")


def late(run: Run, _size: int) -> None:
    """Send resources about nobody, and transactions of which one entry is not possible."""
    nobody = str(UUID(int=run.rng.getrandbits(128), version=4))
    for form in REFERENCES:
        for name in (nobody, run.marks.new(), nobody.upper()):
            expected = refused(UNPROCESSABLE, BAD)
            body = json.dumps(observation(run, form.format(name))).encode()
            run.send(f"an Observation about {form}", "POST", b"/fhir/Observation", expected, body=body)
    updates(run, nobody)
    for what, entry, expected in impossible(run, nobody):
        good = post(charts.patient(run.marks.new(), run.marks.new(), run.marks.new()))
        for entries in ([good, entry], [entry, good], [good] * 40 + [entry]):
            body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()
            run.send(f"a transaction with {what}", "POST", b"/fhir", expected, body=body)
    run.settle()
    whole(run)


def observation(run: Run, about: str) -> Json:
    """Return an Observation about somebody, full of marks."""
    return charts.observation(about, run.marks.new(), run.marks.new())


def post(resource: Json) -> Json:
    """Return the entry that creates a resource."""
    return {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}


def updates(run: Run, nobody: str) -> None:
    """Changes of what is not there, is another, or has another version."""
    good = charts.patient(run.marks.new(), run.marks.new(), run.marks.new())
    here = f"/fhir/Patient/{run.patient}".encode()
    for what, target, resource, expected in (
        ("of nobody", f"/fhir/Patient/{nobody}".encode(), good | {"id": nobody}, refused(NO_METHOD)),
        ("of no identifier", f"/fhir/Patient/{run.marks.new()}".encode(), good, refused(BAD, where="Patient.id")),
        ("with another id", here, good | {"id": nobody}, refused(BAD, issue="invalid", where="Patient.id")),
        ("without an id", here, good, refused(BAD, issue="invalid", where="Patient.id")),
        ("of another type", here.replace(b"Patient", b"Person"), {"resourceType": "Person", "id": run.patient}, refused(NO_METHOD)),
        ("of another type in the body", here, {"resourceType": "Person", "id": run.patient}, refused(BAD, issue="value", where="Patient")),
    ):
        run.send(f"an update {what}", "PUT", target, expected, body=json.dumps(resource).encode())
    stale = ((b"if-match", b'W/"9"'),)
    body = json.dumps(good | {"id": run.patient}).encode()
    run.send("an update of another version", "PUT", here, refused(STALE, issue="conflict"), body=body, headers=stale)
    run.send("a delete of another version", "DELETE", here, refused(STALE, issue="conflict"), headers=stale)
    run.send("a delete of another type", "DELETE", here.replace(b"Patient", b"Person"), refused(MISSING))


def impossible(run: Run, nobody: str) -> Iterator[tuple[str, Json, Expected]]:
    """Yield entries that cannot be carried out."""
    mark, patient = run.marks.new(), charts.patient(run.marks.new(), run.marks.new(), run.marks.new())
    here = f"Patient/{run.patient}"
    for about in (f"Patient/{nobody}", f"urn:uuid:{nobody}", f"Patient/{mark}"):
        yield "an entry about nobody", post(observation(run, about)), refused(UNPROCESSABLE, BAD)
    requests: tuple[tuple[str, Json, Expected], ...] = (
        ("another version", {"method": "PUT", "url": here, "ifMatch": 'W/"9"'}, refused(STALE)),
        ("a tag that is none", {"method": "PUT", "url": here, "ifMatch": mark}, refused(BAD)),
        ("a change of nobody", {"method": "PUT", "url": f"Patient/{nobody}"}, refused(NO_METHOD, BAD)),
        ("a condition", {"method": "POST", "url": "Patient", "ifNoneExist": f"identifier={mark}"}, refused(BAD)),
        ("a conditional address", {"method": "PUT", "url": f"Patient?identifier={mark}"}, refused(BAD)),
        ("an address of two types", {"method": "POST", "url": f"Patient/{mark}"}, refused(BAD)),
        ("an address elsewhere", {"method": "POST", "url": f"https://{mark}.example/fhir/Patient"}, refused(BAD)),
        ("an address above", {"method": "PUT", "url": f"../{here}"}, refused(BAD)),
        ("no type", {"method": "POST", "url": mark}, refused(BAD)),
        ("a PATCH", {"method": "PATCH", "url": here}, refused(BAD)),
        ("a method that is none", {"method": mark, "url": "Patient"}, refused(BAD, issue="code-invalid")),
        ("no address", {"method": "POST"}, refused(BAD, issue="required")),
    )
    for what, asked, expected in requests:
        resource: Any = patient | ({"id": asked["url"].rpartition("/")[2]} if asked["method"] == "PUT" and "?" not in asked["url"] else {})
        yield what, {"resource": resource, "request": asked}, expected
    yield "a GET", {"request": {"method": "GET", "url": here}}, refused(BAD)
    yield "a delete of another version", {"request": {"method": "DELETE", "url": here, "ifMatch": 'W/"9"'}}, refused(STALE)
    yield "an entry without a resource", {"request": {"method": "POST", "url": "Patient"}}, refused(BAD, issue="required")
    yield "an entry without a request", {"resource": patient}, refused(BAD, issue="required")
    yield "an entry of an answer", post(patient) | {"response": {"status": mark}}, refused(BAD)
    yield "a resource of another type", post(patient) | {"request": {"method": "POST", "url": "Person"}}, refused(BAD)


def whole(run: Run) -> None:
    """Bundles that are no transactions, or name one thing twice."""
    entry = post(charts.patient(run.marks.new(), run.marks.new(), run.marks.new()))
    for kind in ("batch", "document", "collection", "searchset", "history", "transaction-response", run.marks.new()):
        body = json.dumps({"resourceType": "Bundle", "type": kind, "entry": [entry]}).encode()
        run.send(f"a bundle that is a {kind[:12]}", "POST", b"/fhir", refused(BAD), body=body)
    twice = [entry | {"fullUrl": "urn:" + run.marks.core}] * 2
    body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": twice}).encode()
    run.send("one fullUrl twice", "POST", b"/fhir", refused(BAD, issue="invariant", where="Bundle.entry[1].fullUrl"), body=body)
    change = {"request": {"method": "DELETE", "url": f"Patient/{run.patient}"}}
    body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [change, change]}).encode()
    run.send("one resource twice", "POST", b"/fhir", refused(BAD, issue="duplicate", where="Bundle.entry"), body=body)
