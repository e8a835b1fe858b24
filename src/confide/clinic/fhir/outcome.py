"""The one table from errors to HTTP status and OperationOutcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confide.access.errors import Denied, Unauthenticated
from confide.audit.errors import EventTooLarge
from confide.clinic.fhir.errors import FhirError, InvalidResource, Issue
from confide.crypto.errors import CryptoError
from confide.keys.errors import KeyFileRefused, KeysError, ProviderRefused, ProviderUnavailable, ShreddingPending, SlotMissing
from confide.sealed.errors import DocumentTooLarge
from confide.store.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from confide.values.errors import ConfideError

_TABLE: tuple[tuple[type[ConfideError], int, str], ...] = (
    (Unauthenticated, 401, "login"),
    (Denied, 403, "forbidden"),
    (Conflict, 409, "conflict"),
    (DocumentTooLarge, 413, "too-long"),
    (EventTooLarge, 422, "too-costly"),
    (Unavailable, 503, "transient"),
    (ShreddingPending, 503, "transient"),
    (ProviderUnavailable, 503, "transient"),
    (ProviderRefused, 503, "transient"),
    (KeyFileRefused, 503, "transient"),
    (SlotMissing, 503, "transient"),
    (KeysError, 500, "exception"),
    (CryptoError, 500, "exception"),
)
_ENCODE = msgspec.json.Encoder().encode


def status_of(error: ConfideError) -> tuple[int, str]:
    """Return the HTTP status and FHIR issue code of an error."""
    if isinstance(error, FhirError):
        return error.status, error.issue
    return next(((status, code) for kind, status, code in _TABLE if isinstance(error, kind)), (500, "exception"))


def outcome(issues: tuple[Issue, ...]) -> bytes:
    """Return the JSON of an OperationOutcome."""
    entries = []
    for issue in issues:
        entry: dict[str, object] = {"severity": issue.severity, "code": issue.code, "diagnostics": issue.diagnostics}
        if issue.location:
            entry["expression"] = [issue.location]
        entries.append(entry)
    return _ENCODE({"resourceType": "OperationOutcome", "issue": entries})


def answer(error: ConfideError) -> tuple[int, bytes]:
    """Return the status and body for an error."""
    status, code = status_of(error)
    location = error.location if isinstance(error, FhirError) else ""
    issues = error.issues if isinstance(error, InvalidResource) else (Issue("error", code, location, str(error)),)
    return status, outcome(issues)
