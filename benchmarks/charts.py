"""Synthetic Patients and Observations of the size and shape that real ones have; equal numbers give equal charts."""

from __future__ import annotations

from typing import Any

FAMILY = ("Amsel", "Birke", "Distel", "Eiche", "Falke", "Ginster", "Hasel", "Iltis", "Jasmin", "Kiebitz", "Linde", "Marder", "Otter")
GIVEN = ("Ada", "Bela", "Cara", "Dario", "Elin", "Finn", "Greta", "Henri", "Ida", "Joris", "Kira", "Levi", "Mona", "Nils", "Oda", "Pia")
CODES = (
    ("8867-4", "Heart rate", "/min", 48, 60),
    ("8310-5", "Body temperature", "Cel", 35, 4),
    ("2339-0", "Glucose [Mass/volume] in Blood", "mg/dL", 70, 60),
    ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 4, 5),
)
"""LOINC code, its name, unit, lowest value, span of values."""

DIVISION = "https://hl7.org/fhir/us/core/StructureDefinition"


def family(number: int) -> str:
    """Return the family name of a patient, one of forty, so that a search by name finds a page of them."""
    return FAMILY[number % 8] + FAMILY[8 + number // 8 % 5].lower()


def patient(number: int) -> dict[str, Any]:
    """Return a Patient of about 2 KB: narrative, extensions, identifiers, names, contacts, address."""
    given, name, birth = GIVEN[number % len(GIVEN)], family(number), _day(1940 + number * 7 % 80, number)
    return {
        "resourceType": "Patient",
        "meta": {"profile": [f"{DIVISION}/us-core-patient"]},
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p><b>{given} {name}</b>, born {birth}</p></div>',
        },
        "extension": [_coded("race", "2106-3", "White"), _coded("ethnicity", "2186-5", "Not Hispanic or Latino")],
        "identifier": [
            {
                "use": "usual",
                "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": kind, "display": shown}]},
                "system": f"urn:oid:1.2.36.146.595.217.0.{at}",
                "value": f"{kind}{number:09d}",
            }
            for at, (kind, shown) in enumerate((("MR", "Medical Record Number"), ("SS", "Social Security Number")))
        ],
        "active": True,
        "name": [{"use": "official", "family": name, "given": [given, GIVEN[number // 16 % len(GIVEN)]], "prefix": ["Dr."]}],
        "telecom": [
            {"system": "phone", "value": f"+49 30 555 {number:06d}", "use": "home"},
            {"system": "email", "value": f"{given}.{name}.{number}@example.org".lower(), "use": "home"},
        ],
        "gender": ("female", "male")[number % 2],
        "birthDate": birth,
        "address": [
            {
                "use": "home",
                "line": [f"{number % 190 + 1} {name} Lane"],
                "city": "Weiden",
                "postalCode": f"{number % 89999 + 10000}",
                "country": "DE",
            }
        ],
        "maritalStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "code": "M", "display": "Married"}],
            "text": "Married",
        },
        "communication": [
            {"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "de-DE", "display": "German"}]}, "preferred": True}
        ],
    }


def _coded(name: str, code: str, text: str) -> dict[str, Any]:
    coding = {"system": "urn:oid:2.16.840.1.113883.6.238", "code": code, "display": text}
    inner = [{"url": "ombCategory", "valueCoding": coding}, {"url": "text", "valueString": text}]
    return {"url": f"{DIVISION}/us-core-{name}", "extension": inner}


def observation(patient_id: str, number: int) -> dict[str, Any]:
    """Return an Observation of about 1 KB of a patient who has a stored identifier, or a `urn:uuid:` within a bundle."""
    code, shown, unit, low, span = CODES[number % len(CODES)]
    when = f"{_day(2005 + number * 3 % 20, number)}T{number % 24:02d}:{number % 60:02d}:00.000+01:00"
    return {
        "resourceType": "Observation",
        "meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/vitalsigns"]},
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "vital-signs",
                        "display": "Vital Signs",
                    }
                ]
            }
        ],
        "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": shown}], "text": shown},
        "subject": {"reference": patient_id if patient_id.startswith("urn:") else f"Patient/{patient_id}"},
        "effectiveDateTime": when,
        "issued": when,
        "valueQuantity": {
            "value": low + number * 13 % (span * 10) / 10,
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
        "interpretation": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "code": "N", "display": "Normal"}]}
        ],
        "note": [{"text": f"Measured at rest, reading {number}, without complaints since the last visit."}],
    }


def _day(year: int, number: int) -> str:
    return f"{year}-{number * 5 % 12 + 1:02d}-{number * 11 % 28 + 1:02d}"


def bundle(first: int, patients: int, observations: int) -> dict[str, Any]:
    """Return a transaction that creates patients, numbered from `first`, with their observations."""
    entries = []
    for number in range(first, first + patients):
        address = f"urn:uuid:00000000-0000-4000-8000-{number:012d}"
        made = [patient(number), *(observation(address, number * observations + at) for at in range(observations))]
        for at, resource in enumerate(made):
            url = address if at == 0 else f"urn:uuid:00000000-0000-4001-{at:04d}-{number:012d}"
            entries.append({"fullUrl": url, "resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}})
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}
