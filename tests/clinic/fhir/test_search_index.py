"""Where searches look, by the definitions alone."""

from __future__ import annotations

import pytest

from confide.clinic.fhir.definitions.compartment import compartment_paths
from confide.clinic.fhir.definitions.structs import RESOURCE_TYPES
from confide.clinic.fhir.search.parameters import parameters


@pytest.mark.parametrize("kind", sorted(name for name in RESOURCE_TYPES if not name.startswith("MedicinalProduct")))
def test_a_search_by_patient_looks_where_compartments_look(kind: str) -> None:
    """`patient` and `subject` are answered from the compartment, so an element outside of it would never be found.

    The subject of a MedicinalProduct… is a product.
    """
    asked = [parameters(kind)[code] for code in ("patient", "subject") if code in parameters(kind)]
    paths = {".".join([kind, *(step[0].rstrip("_") for step in path)]) for one in asked for path in one.paths}

    assert paths <= set(compartment_paths(kind))
