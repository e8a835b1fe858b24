"""Refused searches; the message names parameters of the definitions, never what the client sent."""

from __future__ import annotations

from typing import ClassVar

from confide.clinic.fhir.errors import FhirError


class InvalidSearch(FhirError):
    """A parameter has a value that FHIR does not allow."""

    code: ClassVar[str] = "search.invalid"


class UnsupportedSearch(FhirError):
    """The blind index cannot answer this, so it is refused: an answer that may be wrong is not given."""

    code: ClassVar[str] = "search.not-supported"
    issue: ClassVar[str] = "not-supported"
