"""org-2 and org-3 (https://hl7.org/fhir/R4/organization.html#invs)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from confide.clinic.fhir.rules.coded import broken

if TYPE_CHECKING:
    from confide.clinic.fhir.errors import Issue


def check(organization: Any) -> list[Issue]:
    """An organization has neither a home address nor a home telephone."""
    issues = []
    for key, name in (("org-2", "address"), ("org-3", "telecom")):
        values = getattr(organization, name)
        for number, value in enumerate([] if values is UNSET else values):
            if value.use == "home":
                issues.append(broken(key, f"Organization.{name}[{number}]"))
    return issues
