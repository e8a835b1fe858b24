"""Which patients a resource is about: the R4 CompartmentDefinition for Patient, and what it forgot, as paths of references."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from msgspec import UNSET, Struct

from confide.clinic.fhir.definitions.checks import attribute_steps, flat
from confide.clinic.fhir.definitions.facts import facts

_BESIDES: dict[str, list[list[str]]] = {"Contract": [["subject"]], "Device": [["patient"]], "GuidanceResponse": [["subject"]]}
"""Elements that name the patient a resource is about and that the R4 CompartmentDefinition leaves out. Without them the resource would
be sealed under no one's key, and a search by patient would not find it."""

_PATIENT = re.compile(r"(?:^|/)Patient[/?]")


@cache
def _paths(type_name: str) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """The attributes to follow, step by step, for each path that places a resource of this type."""
    return tuple(tuple(map(tuple, attribute_steps(type_name, steps))) for steps in _steps(type_name))


def _steps(type_name: str) -> list[list[str]]:
    return [*facts().compartment.get(type_name, []), *_BESIDES.get(type_name, [])]


def compartment_references(resource: Struct) -> set[str]:
    """The references, as written, that place a resource in the compartment of a patient.

    Returned are ``Patient/<id>`` (with a version where one was written), absolute addresses of a Patient, conditional
    references (``Patient?…``) and ``urn:…``, whose type is unknown until it is resolved. What the text says of the type
    wins; ``Reference.type`` is believed for ``urn:`` only, so that it cannot hide a resource from a compartment.
    Left out are references to other types, to contained resources (``#…``) and those by identifier alone: nothing can
    be placed by them. A Patient is its own compartment too, which the caller knows; here it has the patients it links to.
    """
    found: set[str] = set()
    for path in _paths(type(resource).__name__):
        nodes: list[Any] = [resource]
        for attributes in path:
            nodes = flat(getattr(node, attribute) for node in nodes for attribute in attributes)
        found.update(node.reference for node in nodes if _is_patient(node))
    return found


def _is_patient(reference: Any) -> bool:
    text = reference.reference
    if text is UNSET:
        return False
    if text.startswith("urn:"):
        return reference.type is UNSET or reference.type == "Patient"
    return _PATIENT.search(text) is not None


def compartment_paths(type_name: str) -> tuple[str, ...]:
    """The FHIRPaths that ``compartment_references`` follows for a type, for the documentation and the data map."""
    return tuple(".".join([type_name, *steps]) for steps in _steps(type_name))
