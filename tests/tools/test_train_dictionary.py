"""The dictionary of documents: trained on the form of charts, and on nothing that a person could have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from confide.sealed import documents
from tools.train_dictionary import FOLDER, form, main

if TYPE_CHECKING:
    import pytest

RESOURCE: Any = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}], "text": "Heart rate"},
    "valueQuantity": {"value": 71, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
}


def test_what_a_standard_says_stays() -> None:
    """Elements, code systems, and the codes of open ones; a measured value does not."""
    assert form(RESOURCE) == RESOURCE | {"valueQuantity": RESOURCE["valueQuantity"] | {"value": 0}}


@given(st.text(), st.sampled_from(["id", "family", "text", "display", "value", "reference", "div", "birthDate", "code", "system"]))
def test_what_charts_say_goes(text: str, key: str) -> None:
    """Wherever it stands, outside of a coding of an open system."""
    assert form({"resourceType": "Patient", key: text, "inner": [{key: text}]}) == {
        "resourceType": "Patient",
        key: "",
        "inner": [{key: ""}],
    }


def test_the_synthetic_people_are_not_in_it() -> None:
    """Nobody's identifiers, times, numbers or references: after those elements there is nothing in the file."""
    content = Path(documents.__file__).with_name("dictionaries").joinpath("1.zdict").read_bytes().decode("ascii", "replace")

    for element in ("id", "family", "birthDate", "city", "reference", "effectiveDateTime", "valueString"):
        after = content.split(json.dumps(element) + ":")[1:]
        assert {one[:2] for one in after} <= {'""', "", '"'}, element


def test_a_dictionary_is_not_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    """What was sealed with it needs it."""
    before = (FOLDER / "1.zdict").read_bytes()

    assert main(1) == 1
    assert "take another number" in capsys.readouterr().err
    assert (FOLDER / "1.zdict").read_bytes() == before
