"""What a resource costs to be indexed and found again is bounded, whatever its texts are."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from confide.clinic.fhir.errors import TooCostly
from confide.clinic.fhir.search.index import MOST_ENTRIES, Entries, entries
from confide.clinic.fhir.validate import parse
from confide.sealed.blind import SEARCHED, normalise

LIGATURE = "\ufdfa"
"""One character that stands for eighteen."""


def indexed(**elements: Any) -> Entries:
    resource = parse(json.dumps({"resourceType": "Patient", **elements}).encode())
    return entries(resource, base="https://localhost/fhir", across_patients=frozenset())


def test_a_resource_with_hundreds_of_names_is_indexed() -> None:
    """Each by each of its beginnings."""
    assert len(indexed(name=[{"given": [f"name{at}" for at in range(500)]}]).salted) > 2_000


@pytest.mark.parametrize(
    "elements",
    [
        {"name": [{"given": [f"name{at}" for at in range(MOST_ENTRIES)]}]},
        {"identifier": [{"value": str(at)} for at in range(MOST_ENTRIES)]},
    ],
)
def test_a_resource_that_would_be_found_by_too_much_is_refused(elements: dict[str, Any]) -> None:
    """A hundred thousand names took the server half a minute, in which it served nobody."""
    with pytest.raises(TooCostly):
        indexed(**elements)


def test_the_beginning_of_a_text_is_searched() -> None:
    """Whatever it holds, its normal form is short, and the same as that of its beginning."""
    assert normalise("Łé" + "x" * SEARCHED) == normalise(("Łé" + "x" * SEARCHED)[:SEARCHED])
    assert len(normalise(LIGATURE * 1_000_000)) <= 18 * SEARCHED


def test_a_long_text_of_ligatures_takes_no_time() -> None:
    """It took ten seconds."""
    began = time.monotonic()
    indexed(name=[{"family": LIGATURE * 300_000}])

    assert time.monotonic() - began < 3
