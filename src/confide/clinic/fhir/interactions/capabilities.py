"""`GET [base]/metadata` (https://hl7.org/fhir/R4/http.html#capabilities): what this server does, derived from what it has."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version

import msgspec

from confide.clinic.fhir.definitions.structs import RESOURCE_TYPES
from confide.clinic.fhir.search.parameters import parameters

_INTERACTIONS = ("read", "vread", "update", "delete", "history-instance", "create", "search-type")


@lru_cache(maxsize=4)
def capabilities(base: str, started: str) -> bytes:
    """Return the CapabilityStatement; `started` is a FHIR dateTime."""
    statement = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": started,
        "kind": "instance",
        "software": {"name": "Confide", "version": version("confide")},
        "implementation": {"description": "Confide health-record server", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "security": {"cors": False, "description": "Bearer tokens from POST /auth/sign-in."},
                "resource": [_resource(name) for name in sorted(RESOURCE_TYPES)],
                "interaction": [{"code": "transaction"}],
            }
        ],
    }
    return msgspec.json.encode(statement)


def _resource(name: str) -> dict[str, object]:
    return {
        "type": name,
        "interaction": [{"code": code} for code in _INTERACTIONS],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": False,
        "conditionalCreate": False,
        "conditionalDelete": "not-supported",
        "searchParam": [{"name": one.code, "type": one.kind} for one in parameters(name).values()],
    }
