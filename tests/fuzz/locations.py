"""Whether a FHIRPath leads to an element of FHIR R4, found out from the definitions alone."""

from __future__ import annotations

import re

from confide.clinic.fhir.definitions.facts import facts, is_primitive, owner_elements, resource_types

_STEP = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9]*)(?:\[(?P<index>[0-9]+)\])?\Z")


def leads_somewhere(path: str) -> bool:
    """Tell whether a path begins with a resource type, takes known elements only, and counts only what repeats."""
    first, *steps = path.split(".")
    owners = {first} & (resource_types() | {"Resource"})
    for step in steps:
        match = _STEP.match(step)
        owners = _below(owners, match["name"], counted=match["index"] is not None) if match else set()
    return bool(owners)


def _below(owners: set[str], name: str, *, counted: bool) -> set[str]:
    """Return the types of an element of some types."""
    found: set[str] = set()
    for owner in set().union(*map(_meant, owners)):
        for element in owner_elements(owner):
            if element.name.removesuffix("[x]") == name and (element.many or not counted):
                found.update(element.types)
    return found


def _meant(owner: str) -> frozenset[str]:
    """Return what an element of a type may be: any resource, a primitive with its extensions, or just itself."""
    if owner == "Resource":
        return resource_types()
    if is_primitive(owner):
        return frozenset({"Element"})
    return frozenset({owner} if owner in _owners() else ())


def _owners() -> set[str]:
    return {path for type_ in facts().types.values() for path in type_.elements}
