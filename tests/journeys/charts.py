"""Small valid resources."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

IDENTIFIERS = "https://registry.example/patients"
CODES = "http://loinc.org"


def patient(family: str, given: str, identifier: str, birth: str = "1980-02-29") -> Json:
    """Return a Patient."""
    return {
        "resourceType": "Patient",
        "identifier": [{"system": IDENTIFIERS, "value": identifier}],
        "name": [{"family": family, "given": [given]}],
        "birthDate": birth,
    }


def observation(subject: str, code: str, value: str, when: str = "2024-05-06") -> Json:
    """Return an Observation about a Patient (`Patient/…`)."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": CODES, "code": code}]},
        "subject": {"reference": subject},
        "effectiveDateTime": when,
        "valueString": value,
    }


def narrative(text: str) -> Json:
    """Return a generated narrative."""
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'}


def transaction(*resources: Json) -> Json:
    """Return a transaction that creates resources; the first is `urn:uuid:…0`."""
    entries = [
        {
            "fullUrl": f"urn:uuid:00000000-0000-4000-8000-{at:012d}",
            "resource": one,
            "request": {"method": "POST", "url": one["resourceType"]},
        }
        for at, one in enumerate(resources)
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


FIRST = "urn:uuid:00000000-0000-4000-8000-000000000000"
