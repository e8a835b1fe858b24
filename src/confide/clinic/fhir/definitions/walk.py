"""Look at plain JSON and find every issue of a resource, each with its location. Slow; runs on refusals only.

It uses the same facts as the Structs and must refuse exactly what they refuse.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from confide.clinic.fhir.definitions.checks import flat
from confide.clinic.fhir.definitions.facts import Element, Property, facts, invariants, is_primitive, owner_elements, properties
from confide.clinic.fhir.definitions.logic import Holds, Reach, compile_tree
from confide.clinic.fhir.definitions.nesting import MAX_DEPTH, deeper_than, depth
from confide.clinic.fhir.definitions.references import may_point
from confide.clinic.fhir.definitions.scalar import fault
from confide.clinic.fhir.definitions.structs import RESOURCE_TYPES
from confide.clinic.fhir.definitions.tree import Object, read
from confide.clinic.fhir.definitions.volume import MAX_VALUES, more_than
from confide.clinic.fhir.errors import Issue

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_ISSUES = 50
"""More would help nobody, and cost the server."""

TOO_DEEP = f"The JSON is nested deeper than {MAX_DEPTH} levels."
NOT_JSON = "The body is not JSON in UTF-8."
TOO_MANY = f"A resource may hold {MAX_VALUES} values."
UNREAD = Object([])
"""Stands for a resource inside another that is not to be looked into."""

_ROOT = "Resource"


class _EnoughError(Exception):
    """As many issues as are reported have been found."""


def examine(data: bytes, type_name: str | None = None) -> list[Issue]:
    """All issues of a body that should be one resource, at most ``MAX_ISSUES``; none when it is valid."""
    walk = _Walk()
    where = type_name or _ROOT
    try:
        if deeper_than(data, MAX_DEPTH) and depth(data) > MAX_DEPTH:
            walk.add("structure", where, TOO_DEEP)
            return walk.issues
        if more_than(data, MAX_VALUES):
            walk.add("too-costly", where, TOO_MANY)
            return walk.issues
        walk.resource(read(data), where, expected=type_name)
    except _EnoughError:
        pass
    except ValueError:
        walk.add("structure", where, NOT_JSON)
    return walk.issues


def examine_tree(tree: Any, type_name: str) -> list[Issue]:
    """All issues of a resource that was read already, but for those inside of ``UNREAD``."""
    walk = _Walk()
    with suppress(_EnoughError):
        walk.resource(tree, type_name, expected=type_name)
    return walk.issues


class _Walk:
    """One look at one body."""

    def __init__(self) -> None:
        self.issues: list[Issue] = []

    def add(self, code: str, where: str, sentence: str) -> None:
        """Note an issue."""
        self.issues.append(Issue("error", code, where, sentence))
        if len(self.issues) >= MAX_ISSUES:
            raise _EnoughError

    def resource(self, node: Any, where: str, *, expected: str | None = None, contained: bool = False) -> None:
        """A resource, at the top or inside another."""
        if node is UNREAD:
            return
        if not isinstance(node, Object):
            self.add("structure", where, "A resource must be a JSON object.")
            return
        name = node.get("resourceType")
        if type(name) is not str or name not in RESOURCE_TYPES:
            self.add("required" if name is None else "value", where, "resourceType must name a resource type of FHIR R4.")
            return
        if expected not in {None, name}:
            self.add("value", where, f"resourceType must be {expected}.")
            return
        if contained and "contained" in node:
            self.add("invariant", where, "A contained resource must not contain resources (dom-2).")
        self.object(node, name, name if where == _ROOT else where, is_resource=True)

    def object(self, node: Any, owner: str, where: str, *, is_resource: bool = False, has_value: bool = False) -> None:
        """An object of a type or nested element; ``has_value`` for the sibling of a primitive that is present."""
        if not isinstance(node, Object):
            self.add("structure", where, "The element must be a JSON object." if type(node) is not list else "The element must not repeat.")
            return
        before = len(self.issues)
        if node.repeated:
            self.add("structure", where, "A property appears more than once.")
        present = _present(node, owner)
        if sum(map(len, present.values())) + is_resource < len(node):
            self.add("structure", where, "An element is unknown here.")
        if not node:
            self.add("structure", where, "An object must not be empty.")
        elif not is_resource and not has_value and node.keys() == {"id"}:
            self.add("invariant", where, "An element must have a value or parts, not an id alone (ele-1).")
        for number in sorted(present.keys() | _required(owner)):
            self._element(node, owner_elements(owner)[number], present.get(number, []), where)
        if len(self.issues) == before:
            for key, holds in _rules(owner):
                if not holds(node):
                    self.add("invariant", where, f"The invariant {key} of FHIR R4 does not hold.")

    def _element(self, node: Object, element: Element, present: list[Property], where: str) -> None:
        """One element of an object: its number, then its values."""
        below = f"{where}.{element.name.removesuffix('[x]')}"
        stems = list(dict.fromkeys(p.name.removeprefix("_") for p in present))
        if not stems and element.min > 0:
            self.add("required", below, "The element is required.")
        if len(stems) > 1:
            self.add("structure", below, "The element may be of one type only.")
        for stem in stems:
            kind = next(p.type for p in present if p.name.removeprefix("_") == stem)
            sibling = "_" + stem if any(p.sibling for p in present if p.name == "_" + stem) else ""
            if element.many:
                self._list(element, kind, (node.get(stem), node.get(sibling)), (stem in node, sibling in node), below)
                continue
            if stem in node:
                self._value(element, kind, node[stem], below)
            if sibling:
                self.object(node[sibling], "Element", below, has_value=stem in node)

    def _list(self, element: Element, kind: str, arrays: tuple[Any, Any], there: tuple[bool, bool], where: str) -> None:
        """A repeating element: values, and for primitives their siblings at the same places."""
        for array, present in zip(arrays, there, strict=True):
            if present and type(array) is not list:
                self.add("structure", where, "The element repeats and must be an array.")
                return
            if present and not array:
                self.add("structure", where, "An array must not be empty.")
                return
        for number, (value, sibling) in enumerate(zip_longest(*(array or [] for array in arrays))):
            at = f"{where}[{number}]"
            if value is None and sibling is None:
                self.add("structure", at, "null may only stand for a value that has an extension instead.")
            if value is not None:
                self._value(element, kind, value, at)
            if sibling is not None:
                self.object(sibling, "Element", at, has_value=value is not None)

    def _value(self, element: Element, kind: str, value: Any, where: str) -> None:
        """One value of the type of its element."""
        codes = None if element.codes is None else facts().codes[element.codes]
        if is_primitive(kind):
            found = fault(value, kind.removeprefix("@"), codes)
            if found is not None:
                self.add(found[0], where, found[1])
        elif kind == "Resource":
            self.resource(value, where, contained=element.name == "contained")
        else:
            self.object(value, kind, where)
            if kind == "CodeableConcept" and codes is not None and not _concept_holds(value, codes):
                self.add("code-invalid", where, "A coding out of the required value set is missing.")
            if kind == "Reference" and element.targets and not may_point(_text(value, "reference"), element.targets):
                self.add("value", f"{where}.reference", f"The reference must point to {' or '.join(element.targets)}.")


def _concept_holds(concept: Any, codes: dict[str, list[str]]) -> bool:
    """Whether a concept has a coding out of a value set, or says by an extension alone why it has none."""
    if not isinstance(concept, Object):
        return True  # reported as such
    coding = concept.get("coding")
    if coding is None:
        return "text" not in concept and "_text" not in concept
    members = coding if type(coding) is list else []
    return any(_code_of(one) in codes.get(_text(one, "system"), ()) for one in members)


def _text(node: Any, name: str) -> str:
    value = node.get(name) if isinstance(node, Object) else None
    return value if type(value) is str else ""


def _code_of(node: Any) -> str:
    return _text(node, "code")


@cache
def _numbers(owner: str) -> dict[str, int]:
    """The number of the element that each property of a type belongs to."""
    order = {id(element): number for number, element in enumerate(owner_elements(owner))}
    return {name: order[id(prop.element)] for name, prop in properties(owner).items()}


@cache
def _required(owner: str) -> frozenset[int]:
    """The numbers of the required elements of a type."""
    return frozenset(number for number, element in enumerate(owner_elements(owner)) if element.min > 0)


@cache
def _rules(owner: str) -> tuple[tuple[str, Holds], ...]:
    """The invariants of a type over JSON objects."""
    return tuple((rule.key, compile_tree(rule.tree, _reach_for(owner))) for rule in invariants(owner))


def _reach_for(owner: str) -> Callable[[str], Reach]:
    """What stands at a path below a JSON object."""

    def reach(path: str) -> Reach:
        steps = _name_steps(owner, path.split("."))

        def fetch(node: Any) -> list[Any]:
            found = [node]
            for names in steps:
                found = flat(one.get(name) for one in found for name in names if isinstance(one, Object))
            return found

        return fetch

    return reach


def _name_steps(owner: str, steps: list[str]) -> list[list[str]]:
    """For each step of a path below a type, the JSON names it may be found under."""
    found = []
    for step in steps:
        props = [prop for prop in properties(owner).values() if prop.path_name == step]
        found.append([prop.name for prop in props])
        owner = props[0].type
    return found


def _present(node: Object, owner: str) -> dict[int, list[Property]]:
    """Return the known properties of an object by the number of their element."""
    numbers = _numbers(owner)
    found: dict[int, list[Property]] = {}
    for name in node:
        if name in numbers:
            found.setdefault(numbers[name], []).append(properties(owner)[name])
    return found
