"""con-4 and con-5 (https://hl7.org/fhir/R4/condition.html#invs)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from confide.clinic.fhir.rules.coded import broken, has_code

if TYPE_CHECKING:
    from confide.clinic.fhir.errors import Issue

_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_ABATED = ("resolved", "remission", "inactive")
_ABATEMENTS = ("DateTime", "Age", "Period", "Range", "String")


def check(condition: Any) -> list[Issue]:
    """What abated is no longer active; what was entered in error has no clinical status."""
    issues = []
    abated = any(getattr(condition, f"abatement{kind}") is not UNSET for kind in _ABATEMENTS)
    if abated and not has_code(condition.clinicalStatus, _CLINICAL, _ABATED):
        issues.append(broken("con-4", "Condition"))
    if condition.clinicalStatus is not UNSET and has_code(condition.verificationStatus, _VERIFICATION, ("entered-in-error",)):
        issues.append(broken("con-5", "Condition"))
    return issues
