"""The facts of FHIR R4 as compiled by ``tools/compile_fhir.py``: types, elements, required codes, invariants, compartment."""

from __future__ import annotations

import keyword
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from confide.clinic.fhir.definitions.primitives import PRIMITIVES, WITHOUT_SIBLING

Tree = list[Any]
Codes = dict[str, list[str]]


class Element(msgspec.Struct, frozen=True, array_like=True):
    """One element of a type. A type name with a dot is the path of a nested element, one with ``@`` a System type."""

    name: str
    types: list[str]
    min: int
    many: bool
    codes: int | None = None
    targets: list[str] = []


class Invariant(msgspec.Struct, frozen=True, array_like=True):
    """One invariant of FHIR with the tree of ``tools/fhir_invariants.py``."""

    key: str
    tree: Tree


class TypeFacts(msgspec.Struct, frozen=True):
    """Elements and invariants of one type, by the path of their owner."""

    kind: str
    elements: dict[str, list[Element]]
    rules: dict[str, list[Invariant]]


class Facts(msgspec.Struct, frozen=True):
    """The whole data file."""

    source: dict[str, Any]
    types: dict[str, TypeFacts]
    codes: list[Codes]
    compartment: dict[str, list[list[str]]]


class Property(NamedTuple):
    """One JSON property: its element, its single type, and whether it is the ``_`` sibling of a primitive."""

    name: str
    element: Element
    type: str
    sibling: bool

    @property
    def attribute(self) -> str:
        """The attribute of the Struct: keywords get an underscore behind, siblings ``x`` before theirs."""
        name = "x" + self.name if self.sibling else self.name
        return name + "_" if keyword.iskeyword(name) else name

    @property
    def path_name(self) -> str:
        """The name in FHIRPath: a choice without its type."""
        return self.element.name.removesuffix("[x]")


@cache
def facts() -> Facts:
    """The compiled definitions, read once."""
    data = files("confide.clinic.fhir.definitions").joinpath("r4.json").read_bytes()
    # "kind" 0/1 flags are small integers in the file: lax mode reads them as truth values
    return msgspec.convert(msgspec.json.decode(data), Facts, strict=False)


@cache
def resource_types() -> frozenset[str]:
    """The names of the concrete resource types."""
    return frozenset(name for name, type_ in facts().types.items() if type_.kind == "resource")


def is_primitive(type_name: str) -> bool:
    """Whether a type of an element is primitive, System types included."""
    return type_name.removeprefix("@") in PRIMITIVES


@cache
def owner_elements(path: str) -> tuple[Element, ...]:
    """The elements of a type or of a nested element such as ``Patient.contact``."""
    return tuple(facts().types[path.split(".", maxsplit=1)[0]].elements[path])


@cache
def properties(path: str) -> dict[str, Property]:
    """The JSON properties of a type or nested element, siblings right after their primitive."""
    found: dict[str, Property] = {}
    for element in owner_elements(path):
        for kind in element.types:
            name = element.name
            if name.endswith("[x]"):
                name = name[:-3] + kind[0].upper() + kind[1:]
            found[name] = Property(name, element, kind, sibling=False)
            if kind in PRIMITIVES and kind not in WITHOUT_SIBLING:
                found["_" + name] = Property("_" + name, element, kind, sibling=True)
    return found


@cache
def invariants(path: str) -> tuple[Invariant, ...]:
    """The compiled invariants of a type or nested element."""
    return tuple(facts().types[path.split(".", maxsplit=1)[0]].rules.get(path, ()))
