"""The errors of the FHIR surface. Messages and issues never contain a value or a name that a client sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from confide.values.errors import ConfideError


class FhirError(ConfideError):
    """Something about a FHIR request that has an OperationOutcome: HTTP status and FHIR IssueType."""

    code: ClassVar[str] = "fhir.error"
    status: ClassVar[int] = 400
    issue: ClassVar[str] = "invalid"


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding of the validation, as OperationOutcome.issue wants it.

    ``code`` is a FHIR IssueType. ``location`` is a FHIRPath made of element names out of the definitions only:
    an unknown element is shown as its parent. ``diagnostics`` is a fixed sentence that may name the type expected.
    """

    severity: str
    code: str
    location: str
    diagnostics: str


class InvalidResource(FhirError):  # noqa: N818 - the house names errors by what is wrong
    """The body is no valid FHIR R4 resource; ``issues`` lists why, at most 50 findings."""

    code: ClassVar[str] = "fhir.invalid"
    status: ClassVar[int] = 422

    def __init__(self, issues: tuple[Issue, ...]) -> None:
        super().__init__("The resource is not valid FHIR R4.")
        self.issues = issues
