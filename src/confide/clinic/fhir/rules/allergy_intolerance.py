"""ait-1 and ait-2 (https://hl7.org/fhir/R4/allergyintolerance.html#invs)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from confide.clinic.fhir.rules.coded import broken, has_code

if TYPE_CHECKING:
    from confide.clinic.fhir.errors import Issue

_VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"


def check(allergy: Any) -> list[Issue]:
    """There is a clinical status, but for what was entered in error."""
    mistaken = has_code(allergy.verificationStatus, _VERIFICATION, ("entered-in-error",))
    if mistaken == (allergy.clinicalStatus is UNSET):
        return []
    return [broken("ait-2" if mistaken else "ait-1", "AllergyIntolerance")]
