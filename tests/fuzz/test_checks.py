"""The checks find what is wrong with an answer, one thing at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random  # noqa: TID251 - a seed, so that the test can be repeated
from typing import Any

import pytest

from tests.fuzz import resources
from tests.fuzz.checks import FHIR_TYPE, faults
from tests.fuzz.inputs import Expected, Input, Surface, refused
from tests.fuzz.locations import leads_somewhere
from tests.fuzz.marks import Marks
from tests.fuzz.wire import Answer

MARKS = Marks(Random(1))  # noqa: S311 - no secret comes of it
ISSUE = {"severity": "error", "code": "value", "diagnostics": "The value is not a valid FHIR date.", "expression": ["Patient.birthDate"]}
HEADERS = (("content-type", FHIR_TYPE), ("x-content-type-options", "nosniff"))
INPUT = Input("a bad date", b"", "POST", refused(400, issue="value", where="Patient.birthDate"))


def outcome(issue: dict[str, Any]) -> bytes:
    return json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()


GOOD = Answer(400, HEADERS, outcome(ISSUE))


def test_a_good_refusal_has_no_fault() -> None:
    """The status, the type, the issue and its place are those expected."""
    assert faults(GOOD, INPUT, MARKS) == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (replace(GOOD, status=500), "500"),
        (replace(GOOD, status=422), "in place of 400"),
        (replace(GOOD, status=0), "without an answer"),
        (replace(GOOD, headers=HEADERS[1:]), "not of type"),
        (replace(GOOD, headers=HEADERS[:1]), "may guess"),
        (replace(GOOD, headers=(*HEADERS, ("x-injected", "yes"))), "a header that the input made"),
        (replace(GOOD, headers=(*HEADERS, ("location", MARKS.new()))), "repeats a part"),
        (replace(GOOD, body=outcome(ISSUE | {"diagnostics": MARKS.new().upper() + "."})), "repeats a part"),
        (replace(GOOD, body=b"bad request"), "not a valid OperationOutcome"),
        (replace(GOOD, body=b'{"resourceType":"OperationOutcome"}'), "not a valid OperationOutcome"),
        (replace(GOOD, body=outcome(ISSUE | {"code": "invalid"})), "no issue is value"),
        (replace(GOOD, body=outcome(ISSUE | {"expression": ["Patient.gender"]})), "no issue is value"),
        (replace(GOOD, body=outcome(ISSUE | {"expression": ["Patient.surname"]})), "leads nowhere"),
        (replace(GOOD, body=outcome(ISSUE | {"diagnostics": "no"})), "no sentence"),
        (replace(GOOD, body=outcome({**ISSUE, "details": {"text": "more"}})), "more than it needs"),
    ],
)
def test_each_fault_is_found(answer: Answer, said: str) -> None:
    """A sentence says which."""
    assert any(said in one for one in faults(answer, INPUT, MARKS))


def test_a_portal_refuses_with_a_code_and_a_message() -> None:
    """And with nothing else."""
    one = Input("", b"", "POST", Expected(frozenset({400})), Surface.PORTAL)

    assert faults(Answer(400, (), b'{"code":"a","message":"b"}'), one, MARKS) == []
    assert faults(Answer(400, (), b'{"code":"a","message":"b","input":"c"}'), one, MARKS)
    assert faults(Answer(400, (), b"<html>"), one, MARKS)


@pytest.mark.parametrize(
    ("path", "leads"),
    [
        ("Patient", True),
        ("Patient.name[0].given[1]", True),
        ("Patient.contact[0].name.family", True),
        ("Patient.contained[0].code.coding[1].display", True),
        ("Patient.birthDate.extension[0].url", True),
        ("Observation.value.unit", True),
        ("Bundle.entry[3].resource.name[0].family", True),
        ("Bundle.entry[3].resource/Patient.name[0].family", False),
        ("Patient.surname", False),
        ("Patient.birthDate[0]", False),
        ("Patient.name[x]", False),
        ("Person.name[0].", False),
        ("Surname", False),
        ("", False),
    ],
)
def test_a_location_is_a_path_of_known_elements(path: str, leads: bool) -> None:
    """Numbers stand behind what repeats only."""
    assert leads_somewhere(path) == leads


@pytest.mark.parametrize(
    ("changed", "equal"),
    [
        ({}, True),
        ({"meta": {"versionId": "2", "lastUpdated": "2024-01-01T00:00:00Z", "tag": [{"code": "a"}]}}, False),
        ({"code": {"text": "\u00e9"}}, False),
        ({"code": {"text": "e\u0301 "}}, False),
    ],
)
def test_a_resource_that_comes_back_is_compared_by_code_point(changed: dict[str, Any], equal: bool) -> None:
    """What the server sets does not count, everything else does."""
    sent = {"resourceType": "Basic", "code": {"text": "e\u0301"}}
    returned = sent | {"id": "x", "meta": {"versionId": "1", "lastUpdated": "2024-01-01T00:00:00Z"}} | changed

    assert resources.same(json.dumps(sent).encode(), json.dumps(returned).encode()) == equal


def test_numbers_are_compared_by_their_digits() -> None:
    """A zero at the end of a decimal says how exact it is."""
    meta = b'"id":"x","meta":{"versionId":"1","lastUpdated":"2024-01-01T00:00:00Z"}'

    assert resources.same(b'{"a":1.50}', b'{"a":1.50,' + meta + b"}")
    assert not resources.same(b'{"a":1.50}', b'{"a":1.5,' + meta + b"}")
