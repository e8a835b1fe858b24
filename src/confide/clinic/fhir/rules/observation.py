"""obs-7 (https://hl7.org/fhir/R4/observation.html#invs)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from confide.clinic.fhir.rules.coded import broken

if TYPE_CHECKING:
    from confide.clinic.fhir.errors import Issue


def check(observation: Any) -> list[Issue]:
    """Where the observation has a value, no component has the code of the observation."""
    if observation.component is UNSET or observation.code.coding is UNSET or not _has_value(observation):
        return []
    for component in observation.component:
        # Struct equality: "intersect" of FHIRPath compares codings as a whole
        if component.code.coding is not UNSET and any(coding in observation.code.coding for coding in component.code.coding):
            return [broken("obs-7", "Observation")]
    return []


def _has_value(observation: Any) -> bool:
    names = [name for name in observation.__struct_fields__ if name.removeprefix("x_").startswith("value")]
    return any(getattr(observation, name) is not UNSET for name in names)
