"""Questions that invariants ask of coded elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from confide.clinic.fhir.errors import Issue

if TYPE_CHECKING:
    from collections.abc import Collection


def has_code(concept: Any, system: str, codes: Collection[str]) -> bool:
    """Whether a CodeableConcept, which may be absent, has one of the codes of a system."""
    if concept is UNSET or concept.coding is UNSET:
        return False
    return any(coding.system == system and coding.code in codes for coding in concept.coding)


def broken(key: str, where: str) -> Issue:
    """The issue for an invariant that does not hold, worded as for the compiled ones."""
    return Issue("error", "invariant", where, f"The invariant {key} of FHIR R4 does not hold.")
