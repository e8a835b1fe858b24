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
    told: ClassVar[bool] = False
    """Whether the interaction that raises it has told the audit trail already; the door tells of all others."""
    location: str = ""
    """The place in the body that is at fault, as in `Issue`."""


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


class InvalidResource(FhirError):
    """The body is no valid FHIR R4 resource; ``issues`` lists why, at most 50 findings."""

    code: ClassVar[str] = "fhir.invalid"
    status: ClassVar[int] = 400  # http.html: "failed basic FHIR validation rules"; 422 is for profiles and business rules

    def __init__(self, issues: tuple[Issue, ...]) -> None:
        super().__init__("The resource is not valid FHIR R4.")
        self.issues = issues


class NotFound(FhirError):
    """There is no such resource, or not for this principal: both look alike."""

    code: ClassVar[str] = "fhir.not-found"
    status: ClassVar[int] = 404
    issue: ClassVar[str] = "not-found"
    told: ClassVar[bool] = True


class UnknownAddress(FhirError):
    """No interaction and no resource type has this address."""

    code: ClassVar[str] = "fhir.unknown-address"
    status: ClassVar[int] = 404
    issue: ClassVar[str] = "not-found"


class Gone(FhirError):
    """The resource was deleted."""

    code: ClassVar[str] = "fhir.gone"
    status: ClassVar[int] = 410
    issue: ClassVar[str] = "deleted"
    told: ClassVar[bool] = True


class MethodNotAllowed(FhirError):
    """The interaction is not offered at this address."""

    code: ClassVar[str] = "fhir.method-not-allowed"
    status: ClassVar[int] = 405
    issue: ClassVar[str] = "not-supported"


class NothingToUpdate(MethodNotAllowed):
    """An update names a resource that is not there, and the server chooses identifiers itself."""

    code: ClassVar[str] = "fhir.nothing-to-update"
    told: ClassVar[bool] = True


class NotSupported(FhirError):
    """The request asks for something that this server does not do."""

    code: ClassVar[str] = "fhir.not-supported"
    status: ClassVar[int] = 400
    issue: ClassVar[str] = "not-supported"


class VersionConflict(FhirError):
    """If-Match names another version than the current one."""

    code: ClassVar[str] = "fhir.version-conflict"
    status: ClassVar[int] = 412
    issue: ClassVar[str] = "conflict"


class UnresolvedReference(FhirError):
    """A reference that decides whose record this is leads nowhere."""

    code: ClassVar[str] = "fhir.unresolved-reference"
    status: ClassVar[int] = 422
    issue: ClassVar[str] = "processing"


class AmbiguousContext(FhirError):
    """The security context of a Binary is about several patients."""

    code: ClassVar[str] = "fhir.ambiguous-context"
    status: ClassVar[int] = 422
    issue: ClassVar[str] = "business-rule"


class TooLarge(FhirError):
    """The body is larger than this interaction takes."""

    code: ClassVar[str] = "fhir.too-large"
    status: ClassVar[int] = 413
    issue: ClassVar[str] = "too-long"


class UnsupportedMediaType(FhirError):
    """The body is not FHIR JSON."""

    code: ClassVar[str] = "fhir.media-type"
    status: ClassVar[int] = 415
    issue: ClassVar[str] = "not-supported"


class NotAcceptable(FhirError):
    """The caller accepts no form that this server can give."""

    code: ClassVar[str] = "fhir.not-acceptable"
    status: ClassVar[int] = 406
    issue: ClassVar[str] = "not-supported"


class TooCostly(FhirError):
    """The answer would need more work than one request may ask for."""

    code: ClassVar[str] = "fhir.too-costly"
    status: ClassVar[int] = 422
    issue: ClassVar[str] = "too-costly"
