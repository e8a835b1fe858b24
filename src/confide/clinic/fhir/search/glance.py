"""Read of a stored resource only what a query looks at.

It was validated when it was stored and authenticated when it was opened, so nothing is checked again and everything else is skipped:
a re-check of a Patient costs a sixth of reading it whole.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Union

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from confide.clinic.fhir.definitions.facts import Property, is_primitive, properties
from confide.clinic.fhir.definitions.structs import class_name
from confide.clinic.fhir.search.values import NAME_PARTS

if TYPE_CHECKING:
    from confide.clinic.fhir.search.parameters import Parameter

Tree = dict[str, "Tree"]
"""Attributes, and below each what is looked at of its value."""

_CODING: Tree = {"system": {}, "code": {}}
_PERIOD: Tree = {"start": {}, "end": {}}
_SEEN: dict[str, Tree] = {
    "HumanName": {part: {} for part in NAME_PARTS},
    "CodeableConcept": {"coding": _CODING},
    "Coding": _CODING,
    "Identifier": {"system": {}, "value": {}},
    "Reference": {"reference": {}},
    "Period": _PERIOD,
    "Timing": {"event": {}, "repeat": {"boundsPeriod": _PERIOD}},
}
"""What `values` looks at in each type at the end of a path; of other types, nothing."""


@lru_cache(maxsize=256)
def glance(type_name: str, parameters: frozenset[Parameter]) -> msgspec.json.Decoder[Struct]:
    """Return the decoder of a type that gives `Parameter.values` what it needs for these parameters."""
    tree: Tree = {}
    for parameter in parameters:
        for path in parameter.paths:
            _plant(tree, path)
    return msgspec.json.Decoder(_struct(type_name, tree))


def _plant(tree: Tree, path: tuple[tuple[str, ...], ...]) -> None:
    if path:
        for attribute in path[0]:
            _plant(tree.setdefault(attribute, {}), path[1:])


def _struct(path: str, tree: Tree) -> type[Struct]:
    chosen = [prop for prop in properties(path).values() if prop.attribute in tree]
    return msgspec.defstruct(
        class_name(path),
        [(prop.attribute, Union[_kind(prop, tree[prop.attribute]), UnsetType], UNSET) for prop in chosen],  # noqa: UP007 - made at run time
        rename={prop.attribute: prop.name for prop in chosen},
        gc=False,
    )


def _kind(prop: Property, below: Tree) -> Any:
    if is_primitive(prop.type):
        return Any
    tree = {**_SEEN.get(prop.type, {}), **below}
    kind: Any = _struct(prop.type, tree) if tree else Raw
    return list[kind] if prop.element.many else kind
