"""Resources of every type: made invalid at one place that must be told, or spoilt blindly and held against our own validator."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from confide.clinic.fhir.errors import InvalidResource
from confide.clinic.fhir.validate import parse
from tests.clinic.fhir.generated import TYPES, resource, spoil
from tests.fuzz.elements import SPOILS
from tests.fuzz.explore import explore
from tests.fuzz.inputs import BAD, CREATED, FHIR, OK, UNPROCESSABLE, Expected, Input, refused, request
from tests.fuzz.places import places

if TYPE_CHECKING:
    from random import Random  # noqa: TID251 - the type only; Hypothesis makes the value

    from tests.fuzz.marks import Marks
    from tests.fuzz.places import Json
    from tests.fuzz.run import Run

ATTEMPTS = 20
"""Generated resources of which one is surely valid, or the type is left."""
INSIDE = "Bundle.entry[0].resource"
LEAF = 8
"""Characters of a value of which an answer may hold none."""
BOUNDS = frozenset({"2147483647", "-2147483648"})
"""Of FHIR's integers: our own sentences name them, so one that was sent is not told from them."""


def invalid_elements(run: Run, examples: int) -> None:
    """Send resources with one fault, and look for the issue at its place."""
    explore(run, _one_fault, examples, random=st.randoms(use_true_random=True), name=st.sampled_from(TYPES), spoil=st.sampled_from(SPOILS))


def _one_fault(run: Run, random: Random, name: str, spoil: Any) -> None:
    node = valid(random, name, run.marks)
    told = None if node is None else spoil(random, node, run.marks)
    if node is None or told is None:
        return
    body = json.dumps(node).encode()
    # Sent to Binary, a resource of another type is content like any other; only within a transaction it is out of place.
    way = "transaction" if name == "Binary" and node["resourceType"] == "Patient" else random.choice(["create", "update", "transaction"])
    what = f"{way} of {name}: {told.what}"
    if way == "transaction":
        expected = refused(BAD, issue=told.issue, where=INSIDE + told.path.removeprefix(name))
        if not writable(node):  # half of a surrogate pair is met before the bundle is taken apart
            expected = refused(BAD, issue="structure", where="Bundle")
        run.demand(Input(what, post(run, b"/fhir", wrapped(name, body)), "POST", expected))
        return
    method, address = ("POST", f"/fhir/{name}") if way == "create" else ("PUT", f"/fhir/{name}/{run.patient}")
    raw = post(run, address.encode(), body, method)
    run.demand(Input(what, raw, method, refused(BAD, issue=told.issue, where=told.path)))


def blind_mutations(run: Run, examples: int) -> None:
    """Send resources that were changed without knowing what for; our validator says which must be refused, and why."""
    explore(run, _blind, examples, random=st.randoms(use_true_random=True), name=st.sampled_from(TYPES), times=st.integers(0, 3))


def _blind(run: Run, random: Random, name: str, times: int) -> None:
    node = resource(random, name)
    text = json.dumps(node)
    for _ in range(times):
        text = spoil(random, node)
    body = text.encode("utf-8", "surrogatepass")
    issues = wrong(body, name)
    allowed = {BAD} if issues else {CREATED, UNPROCESSABLE}
    answer = run.demand(
        Input(f"{name}, changed {times} times", post(run, f"/fhir/{name}".encode(), body), "POST", Expected(frozenset(allowed)))
    )
    if answer.status == CREATED:
        run.insist(same(body, answer.body), f"{name} came back changed: {body[:300]!r} as {answer.body[:300]!r}")
        address = "/" + answer.header("location").split("/", 3)[3]
        again = run.demand(Input("what was created", post(run, address.encode(), None, "GET"), "GET", Expected(frozenset({OK}))))
        run.insist(again.body == answer.body, f"{name} is read otherwise than it was created")
    elif issues:
        told = [(one["code"], one.get("expression", [""])[0]) for one in json.loads(answer.body)["issue"]]
        run.insist(told == issues, f"the server tells {told[:3]} of {body[:300]!r}, the validator {issues[:3]}")
        echoed = _echoed(answer.body, body)
        run.insist(not echoed, f"an answer holds {echoed!r} of {body[:300]!r}")


def valid(random: Random, name: str, marks: Marks) -> Json | None:
    """Return a valid resource of a type, with a mark in every free text, or None where chance has made none."""
    for _ in range(ATTEMPTS):
        node = resource(random, name)
        for place in places(node):
            if place.primitive and place.kind in {"string", "markdown"} and random.random() < 0.5:
                place.holder[place.key] = marks.new()
        if not wrong(json.dumps(node).encode(), name):
            return node
    return None


def writable(node: Json) -> bool:
    """Tell whether every text can be written in UTF-8."""
    try:
        json.dumps(node, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def wrong(body: bytes, name: str) -> list[tuple[str, str]]:
    """Return code and place of each issue that our validator finds."""
    try:
        parse(body, type_name=name)
    except InvalidResource as error:
        return [(issue.code, issue.location) for issue in error.issues]
    return []


def post(run: Run, target: bytes, body: bytes | None, method: str = "POST") -> bytes:
    """Return a request of the clinician."""
    signed = (b"authorization", f"Bearer {run.place.token}".encode())
    kind = ((b"content-type", FHIR),) if body is not None else ()
    return request(method, target, (signed, (b"accept", FHIR), *kind), body)


def wrapped(name: str, *bodies: bytes) -> bytes:
    """Return a transaction that creates resources of a type."""
    head = b'{"request":{"method":"POST","url":"' + name.encode() + b'"},"resource":'
    return b'{"resourceType":"Bundle","type":"transaction","entry":[' + b",".join(head + body + b"}" for body in bodies) + b"]}"


def same(sent: bytes, returned: bytes) -> bool:
    """Tell whether two resources are equal but for what the server sets: strings by code point, numbers by every digit."""
    before, after = _read(sent), _read(returned)
    identity = {"id": after["id"], "meta": before.get("meta", {}) | {name: after["meta"][name] for name in ("versionId", "lastUpdated")}}
    return bool(before | identity == after)


def _read(body: bytes) -> Json:
    def number(text: str) -> Any:
        return ("number", Decimal(text).as_tuple())

    found: Json = json.loads(body, parse_float=number, parse_int=number)
    return found


def _echoed(answer: bytes, body: bytes) -> list[str]:
    """Return longer values of the body, other than words of FHIR, that the words of an outcome hold."""
    words = " ".join(one["diagnostics"] for one in json.loads(answer)["issue"])
    return [text for text in _leaves(json.loads(body)) if len(text) >= LEAF and not text.isalpha() and text not in BOUNDS and text in words]


def _leaves(node: Any) -> list[str]:
    if isinstance(node, dict | list):
        values = [*node, *node.values()] if isinstance(node, dict) else node
        return [text for one in values for text in _leaves(one)]
    return [str(node)]
