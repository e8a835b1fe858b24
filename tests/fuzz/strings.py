"""Valid strings come back code point by code point and do nothing: created, read, found, listed, changed, and in transactions."""

from __future__ import annotations

import json
import sys
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests.fuzz.explore import explore
from tests.fuzz.inputs import CREATED, FORM, OK, Expected, Input, request
from tests.fuzz.resources import post, same, wrapped

if TYPE_CHECKING:
    from tests.fuzz.places import Json
    from tests.fuzz.run import Run
    from tests.fuzz.wire import Answer

CONTROLS = "".join(chr(at) for at in range(32) if chr(at) not in "\t\n\r")
"""All that a FHIR string may not hold, besides halves of surrogate pairs."""
NO_XML = "\ufffe\uffff"
"""What a FHIR string may hold, and no XML."""
NASTY = (
    "'; DROP TABLE document; --",
    "' OR '1'='1",
    '" UNION SELECT body FROM audit_outbox --',
    "1; PRAGMA writable_schema=1",
    "\\'; SELECT pg_sleep(10); --",
    "$$; DELETE FROM token; $$",
    ":this %(id)s %s ? $1 {0} {id!r}",
    "{{7*7}}${7*7}#{7*7}<%= 7*7 %>",
    "${jndi:ldap://127.0.0.1/a}${env:PATH}",
    "%n%n%x%s%p",
    "__import__('os').system('true')",
    "!!python/object/apply:os.system ['true']",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>&y;",
    "javascript:alert(1)",
    "=cmd|'/c calc'!A1",
    "../../../etc/passwd\\..\\..",
    "\r\nX-Injected: yes\r\n\r\n",
    "\x1b[31m".replace("\x1b", "␛") + "\u009b31m",
    '"},{"resourceType":"Patient"',
    '"reference":"urn:uuid:00000000-0000-4000-8000-000000000000"',
    '\\"reference\\":\\"urn:uuid:00000000-0000-4000-8000-000000000000\\"',
    "\\u0000\\ud800\\n",
    "\\",
    '"',
    "null",
    "{}",
    "[null]",
    "\u202eright to left\u202c \u2066isolated\u2069 \u061c",
    "שלום עולם مرحبا بالعالم",
    "\u200bzero\u200cwidth\u200djoin\u2060er\ufeff",
    "e\u0301 \u00e9 \u212b \u00c5 \u1e9b\u0323 \ufb01 \u0958",
    "Z" + "\u0335\u0321\u0353\u034d\u0316" * 50,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f1ea\U0001f1fa \U0001f44d\U0001f3fd \u2764\ufe0f",
    "\U000e0041\U000e007f\U0010ffff\uffff\ufffe\ufdd0\ufffd",
    "\u2028line\u2029paragraph\u0085next",
    "\u00a0\u3000\u2003wide\u00ad",
    " leading and trailing \t\r\n",
    "\t",
    "\x7f\x80\x9f",
    "\u0130I\u0131i \u00df \u1e9e \ufb03 \u0391\u03a3 \u03c2",
)

LEGAL = st.characters(exclude_categories=["Cs"], exclude_characters=CONTROLS)
ONE = st.one_of(
    st.text(LEGAL, min_size=1, max_size=60), st.sampled_from(NASTY), st.tuples(st.sampled_from(NASTY), st.text(LEGAL)).map("".join)
)
TEXTS = st.lists(ONE, min_size=3, max_size=8)
SEARCHED = 200
"""Characters of a value that is searched for; a query takes 1,024."""
BLOCK = 100_000


def strings(run: Run, examples: int) -> None:
    """Send each nasty string, then many by chance, then every code point there is."""
    for at in range(0, len(NASTY), 3):
        _or_note(run, [*NASTY[at : at + 3], *NASTY[:2]])
    explore(run, round_trip, examples, texts=TEXTS)
    every_code_point(run)


def _or_note(run: Run, texts: list[str]) -> None:
    try:
        round_trip(run, texts)
    except AssertionError as error:
        run.note("nasty strings", str(error))


def vessel(run: Run, texts: list[str]) -> tuple[Json, str]:
    """Return a Patient full of strings, and the system under which its identifier is found."""
    system = "urn:confide:" + run.marks.new()
    first, second, third = texts[:3]
    patient: Json = {
        "resourceType": "Patient",
        "extension": [{"url": system, "valueString": one} for one in texts] + [{"url": system, "valueMarkdown": second}],
        "identifier": [{"system": system, "value": first, "assigner": {"display": third}}],
        "name": [{"family": second, "given": texts, "text": third}],
        "telecom": [{"system": "other", "value": third}],
        "address": [{"line": texts, "city": first, "text": second}],
        "contact": [{"name": {"text": first}, "relationship": [{"text": second}]}],
    }
    narrative = escape("".join(one for one in first if one not in NO_XML))
    if narrative.strip():
        patient["text"] = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p title="x">{narrative}</p></div>'}
    return patient, system


def round_trip(run: Run, texts: list[str]) -> None:
    """Take strings through every way in and out.

    Raises:
        FoundError: one came back changed, or was not found.
    """
    patient, system = vessel(run, texts)
    body = json.dumps(patient, ensure_ascii=run.rng.random() < 0.5).encode()
    made = _demand(run, "a create", "POST", b"/fhir/Patient", CREATED, body)
    _must_equal(run, "a create", body, made.body)
    address = f"/fhir/Patient/{json.loads(made.body)['id']}"
    read = _demand(run, "a read", "GET", address.encode(), OK)
    run.insist(read.body == made.body, "a read differs from what was created")
    for query in _queries(texts, system, address):
        found = _demand(run, f"a search by {query.partition('=')[0]}", "GET", b"/fhir/Patient?" + query.encode(), OK)
        _must_hold(run, f"a search by {query.partition('=')[0]}", found, made)
    form = _demand(run, "a search by POST", "POST", b"/fhir/Patient/_search", OK, _queries(texts, system, address)[0].encode(), FORM)
    _must_hold(run, "a search by POST", form, made)
    changed = json.loads(made.body) | {"name": [{"family": texts[-1], "given": texts[::-1]}]}
    text = json.dumps(changed).encode()
    _must_equal(run, "an update", text, _demand(run, "an update", "PUT", address.encode(), OK, text).body)
    history = _demand(run, "a history", "GET", f"{address}/_history".encode(), OK)
    run.insist(made.body in history.body, "a history holds another first version")
    _in_a_transaction(run, body, texts)
    run.tally.returned += len(texts)


def _demand(run: Run, what: str, method: str, target: bytes, status: int, body: bytes | None = None, kind: bytes | None = None) -> Answer:
    raw = post(run, target, body, method)
    if kind is not None:
        raw = request(method, target, ((b"authorization", f"Bearer {run.place.token}".encode()), (b"content-type", kind)), body)
    return run.demand(Input(what, raw, method, Expected(frozenset({status}))))


def _must_equal(run: Run, what: str, sent: bytes, returned: bytes) -> None:
    run.insist(same(sent, returned), f"{what} changed {sent[:300]!r} to {returned[:300]!r}")


def _must_hold(run: Run, what: str, answer: Answer, made: Answer) -> None:
    """The bundle holds the resource, byte by byte, and no other."""
    entries: list[Any] = json.loads(answer.body).get("entry", [])
    run.insist(
        len(entries) == 1 and made.body in answer.body, f"{what} finds {len(entries)} resources in place of the one: {made.body[:300]!r}"
    )


def _queries(texts: list[str], system: str, address: str) -> list[str]:
    """Return searches that must find the Patient alone."""
    first, second = (text for text in texts[:2])
    identifier = address.rpartition("/")[2]
    found = [f"identifier={_value(system + '|')}{_value(_escape(first))}"] if len(first) <= SEARCHED else [f"_id={identifier}"]
    if len(second) <= SEARCHED:
        found.append(f"_id={identifier}&family:exact={_value(_escape(second))}")
    return found


def _escape(text: str) -> str:
    r"""Escape what separates values in a search (https://hl7.org/fhir/R4/search.html#escaping)."""
    return "".join("\\" + letter if letter in "\\,|$" else letter for letter in text)


def _value(text: str) -> str:
    return quote(text, safe="")


def _in_a_transaction(run: Run, body: bytes, texts: list[str]) -> None:
    """Send the Patient twice in one transaction, and the strings outside of it as well."""
    outside = json.dumps({"value": texts[0], "type": {"text": texts[1]}}).encode()
    bundle = wrapped("Patient", body, body).replace(b'"entry":', b'"identifier":' + outside + b',"entry":', 1)
    answer = _demand(run, "a transaction", "POST", b"/fhir", OK, bundle)
    for entry in json.loads(answer.body)["entry"]:
        address = "/" + entry["response"]["location"].split("/", 3)[3]
        _must_equal(run, "a transaction", body, _demand(run, "a read", "GET", address.encode(), OK).body)


def every_code_point(run: Run) -> None:
    """Every character that FHIR allows, in long strings."""
    legal = "".join(chr(at) for at in range(sys.maxunicode + 1) if chr(at) not in CONTROLS and not 0xD800 <= at <= 0xDFFF)
    for at in range(0, len(legal), BLOCK):
        text = legal[at : at + BLOCK]
        body = json.dumps({"resourceType": "Basic", "code": {"text": text}}, ensure_ascii=False).encode()
        made = run.send("code points in order", "POST", b"/fhir/Basic", Expected(frozenset({CREATED})), body=body)
        if made.status == CREATED and not same(body, made.body):
            run.note("code points in order", f"those from {ord(text[0]):#x} came back changed")
        run.tally.returned += 1
