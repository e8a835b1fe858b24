"""The search parameters of each type, with extractors that walk attributes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import UNSET

from confide.clinic.fhir.definitions.checks import attribute_steps, flat

PERSONS = frozenset(
    {"Patient", "Person", "RelatedPerson", "Practitioner", "PractitionerRole", "Organization", "Location", "HealthcareService"}
)
"""Types whose names, birth dates and codes are searched across the tenant: searching for someone is what they are for."""


@dataclass(frozen=True)
class Parameter:
    """One search parameter of one type."""

    number: int
    """Stands in the database; keeps its meaning for ever."""
    type: str
    code: str
    kind: str
    """FHIR search parameter type: string, token, reference or date."""
    paths: tuple[tuple[tuple[str, ...], ...], ...]

    @cached_property
    def across(self) -> bool:
        """Whether its tokens are equal across patients without a setting that says so."""
        return self.code == "identifier" or self.type in PERSONS

    @cached_property
    def salted(self) -> bool:
        """Whether no two persons have a token in common: of what is searched across patients and is no identifier."""
        return self.across and self.kind in {"string", "date"}

    def values(self, resource: Any) -> list[Any]:
        """Return what stands at the paths of the parameter."""
        found: list[Any] = []
        for path in self.paths:
            nodes = [value for attribute in path[0] if (value := getattr(resource, attribute)) is not UNSET]
            if not nodes:
                continue  # most elements are not there
            nodes = flat(nodes)
            for attributes in path[1:]:
                nodes = flat([getattr(node, attribute) for node in nodes for attribute in attributes])
            found += nodes
        return found


@cache
def _table() -> dict[str, list[list[Any]]]:
    content = msgspec.json.decode(files(__package__).joinpath("parameters.json").read_bytes())
    found: dict[str, list[list[Any]]] = {}
    for row in content["parameters"]:
        found.setdefault(row[1], []).append(row)
    return found


def _attributes(kind: str, steps: list[str]) -> tuple[tuple[str, ...], ...]:
    named = [step.partition(":") for step in steps]
    found = []
    for (step, _, chosen), attributes in zip(named, attribute_steps(kind, [step for step, _, _ in named]), strict=True):
        wanted = step + chosen[:1].upper() + chosen[1:]
        found.append(tuple(one for one in attributes if not one.startswith("x_") and (not chosen or one == wanted)))
    return tuple(found)


@cache
def parameters(type_name: str) -> dict[str, Parameter]:
    """Return the parameters of a type by their code."""
    found = {}
    for number, kind, code, search_type, paths in _table().get(type_name, []):
        found[code] = Parameter(number, kind, code, search_type, tuple(_attributes(kind, steps) for steps in paths))
    return found
