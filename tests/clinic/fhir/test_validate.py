"""What is valid FHIR R4 passes unchanged, and what is not is refused with every reason and its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.clinic.fhir.errors import InvalidResource, Issue
from confide.clinic.fhir.validate import encode, parse

VECTORS = Path(__file__).parents[2] / "vectors" / "fhir"
REFUSED = json.loads((VECTORS / "refused.json").read_text())
ACCEPTED = json.loads((VECTORS / "accepted.json").read_text())

TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=[chr(c) for c in range(32) if chr(c) not in "\t\n\r"]), min_size=1
)


def refused(data: bytes, **given_type: str) -> list[Issue]:
    with pytest.raises(InvalidResource) as caught:
        parse(data, **given_type)
    return list(caught.value.issues)


@pytest.mark.parametrize("vector", REFUSED, ids=[v["why"] for v in REFUSED])
def test_what_is_invalid_is_refused_with_its_place(vector: dict[str, Any]) -> None:
    """Code and location of every issue, in the order of the elements."""
    issues = refused(json.dumps(vector["body"]).encode())

    assert [[issue.code, issue.location] for issue in issues] == vector["issues"]


@pytest.mark.parametrize("vector", ACCEPTED, ids=[v["why"] for v in ACCEPTED])
def test_what_is_valid_comes_back_unchanged(vector: dict[str, Any]) -> None:
    """The same JSON value, whether its text was escaped or not."""
    for ascii_only in (True, False):
        resource = parse(json.dumps(vector["body"], ensure_ascii=ascii_only, indent=1).encode())

        assert json.loads(encode(resource)) == vector["body"]


@given(TEXTS)
def test_any_text_comes_back_code_point_by_code_point(text: str) -> None:
    """Nothing is cleaned, normalised or refused that FHIR allows."""
    body = {"resourceType": "Patient", "name": [{"family": text, "given": [text]}]}

    assert json.loads(encode(parse(json.dumps(body).encode()))) == body


@pytest.mark.parametrize("number", ["1.50", "0.000", "-0.0", "100", "1.0E+5", "0E-3", "12345678901234567890.123456789", "1e-20"])
def test_decimals_keep_their_precision(number: str) -> None:
    """As many digits as came in; only the way an exponent is written may change."""
    body = f'{{"resourceType":"Observation","status":"final","code":{{"text":"x"}},"valueQuantity":{{"value":{number}}}}}'
    resource: Any = parse(body.encode())

    assert parse(encode(resource)) == resource
    assert encode(resource).decode() == body.replace(number, str(resource.valueQuantity.value))


def test_ordinary_decimals_come_back_as_they_were_written() -> None:
    """1.50 mg is not 1.5 mg."""
    body = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.50}}'

    assert encode(parse(body)) == body


@pytest.mark.parametrize("number", ["1e999999", "1e-999999", "9" * 65, "0." + "1" * 65, "1e99999999999999999999"])
def test_absurd_decimals_are_refused(number: str) -> None:
    """Eleven bytes must not become a gigabyte of zeros."""
    body = f'{{"resourceType":"Observation","status":"final","code":{{"text":"x"}},"valueQuantity":{{"value":{number}}}}}'

    assert [(i.code, i.location) for i in refused(body.encode())] == [("value", "Observation.value.value")]


@pytest.mark.parametrize("vector", REFUSED, ids=[v["why"] for v in REFUSED])
def test_issues_never_repeat_what_the_client_sent(vector: dict[str, Any]) -> None:
    """A value or an unknown name could be a personal one: neither location nor diagnostics show it."""
    canary = json.loads(json.dumps(vector["body"]).replace("surname", "Canary7").replace('"x"', '"Canary7"').replace('"m"', '"Canary7"'))
    if "contained" in canary or canary.get("resourceType") == "AllergyIntolerance":
        return

    for issue in refused(json.dumps(canary).encode()):
        assert "Canary7" not in issue.location + issue.diagnostics


def test_another_type_than_the_address_says_is_refused() -> None:
    """POST /Patient takes a Patient."""
    issues = refused(b'{"resourceType":"Basic","code":{"text":"x"}}', type_name="Patient")

    assert [(i.code, i.location, i.diagnostics) for i in issues] == [("value", "Patient", "resourceType must be Patient.")]


def test_at_most_fifty_issues_are_reported() -> None:
    """A body full of errors costs a bounded answer."""
    issues = refused(json.dumps({"resourceType": "Patient", "name": [{"family": 1}] * 500}).encode())

    assert len(issues) == 50


def test_a_string_may_have_a_megabyte_and_not_one_character_more() -> None:
    """1,048,576 characters, whatever they weigh."""

    def body(size: int) -> bytes:
        return json.dumps({"resourceType": "Patient", "name": [{"family": "é" * size}]}, ensure_ascii=False).encode()

    assert len(encode(parse(body(1_048_576)))) > 2 * 1_048_576
    assert [(i.code, i.location) for i in refused(body(1_048_577))] == [("too-long", "Patient.name[0].family")]
