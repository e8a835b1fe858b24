"""Checks behind the field types of a Struct, as one generated function for each type.

Generating source is what dataclasses does, for the same reason: a function of plain comparisons takes a fifth of the time
of a loop over closures, and it runs for every object of every request. The source is made from names and numbers of
the compiled definitions, all of them identifiers; nothing of a client gets near it.

Left to the walker, because a sign in the encoded text shows where to look: nulls in arrays (``validate.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import UNSET
from msgspec.structs import astuple

from confide.clinic.fhir.definitions.facts import (
    Codes,
    Element,
    Property,
    Tree,
    facts,
    invariants,
    owner_elements,
    properties,
)
from confide.clinic.fhir.definitions.logic import Holds, Reach, compile_tree
from confide.clinic.fhir.definitions.primitives import PRIMITIVES, WITHOUT_SIBLING, bounded, whole_base64
from confide.clinic.fhir.definitions.references import may_point

Value = Callable[[Any], bool]

_GOOD: dict[str, Value] = {"base64Binary": whole_base64, "decimal": bounded}
_WIDE = 8  # attributes from which counting a slice is faster than naming each


def always(prop: Property) -> bool:
    """Whether the JSON property itself is required: not a choice, and not a primitive that may be present as sibling."""
    single = not prop.element.name.endswith("[x]")
    return prop.element.min > 0 and single and (prop.type not in PRIMITIVES or prop.type in WITHOUT_SIBLING)


def holds(path: str) -> Holds | None:
    """The function that says whether a Struct passes, or None when it has no checks."""
    made: Holds | None = _generated(path, "    return {condition}")
    return made


def refusing(path: str) -> Callable[[Any], None] | None:
    """The same as ``__post_init__`` that raises ValueError."""
    made: Callable[[Any], None] | None = _generated(path, "    if not ({condition}):\n        raise ValueError")
    return made


def _generated(path: str, body: str) -> Any:
    source = _Source(path)
    conditions = source.conditions()
    if not conditions:
        return None
    text = "def made(self):\n" + body.format(condition=" and ".join(f"({one})" for one in conditions))
    exec(compile(text, f"<checks of {path}>", "exec"), source.names)  # noqa: S102 - see the docstring of the module
    return source.names["made"]


class _Source:
    """Conditions of one type as expressions over ``self``, and the names they use."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.known = list(properties(path).values())
        self.names: dict[str, Any] = {"U": UNSET, "astuple": astuple}

    def conditions(self) -> list[str]:
        """Every check of the type."""
        found = []
        for element in owner_elements(self.path):
            props = [prop for prop in self.known if prop.element is element]
            found += self._presence(element, props)
            found += [self._each(prop, good) for prop in props if (good := _test(prop)) is not None]
            if element.codes is not None and element.types == ["CodeableConcept"]:
                found.append(self._call(_concept(props[0].attribute, facts().codes[element.codes], many=element.many)))
        return found + [self._tree(rule.tree) for rule in invariants(self.path)]

    def _call(self, function: Holds) -> str:
        name = f"call{len(self.names)}"
        self.names[name] = function
        return f"{name}(self)"

    def _presence(self, element: Element, props: list[Property]) -> list[str]:
        """A required primitive or choice must be there, a choice once only."""
        found = []
        if element.min > 0 and not always(props[0]):
            found.append(self._any(props))
        if len(element.types) > 1:
            names = [p.name for p in props if not p.sibling]
            stems = [[p for p in props if p.name.removeprefix("_") == name] for name in names]
            exact = " + ".join(f"({self._any(stem)})" for stem in stems) + " <= 1"
            found.append(f"{self._slice(props)}.count(U) >= {len(props) - 1} or {exact}" if len(props) >= _WIDE else exact)
        return found

    def _slice(self, props: list[Property]) -> str:
        first = self.known.index(props[0])
        return f"astuple(self)[{first}:{first + len(props)}]"

    def _any(self, props: list[Property]) -> str:
        """Whether one of these is present; they stand beside one another."""
        if len(props) >= _WIDE:
            return f"{self._slice(props)}.count(U) < {len(props)}"
        return " or ".join(f"self.{prop.attribute} is not U" for prop in props)

    def _each(self, prop: Property, test: Value) -> str:
        """Every value of a property passes a test."""
        good = f"good{len(self.names)}"
        self.names[good] = test
        at = f"self.{prop.attribute}"
        if prop.element.many:
            return f"{at} is U or all(value is None or {good}(value) for value in {at})"
        return f"{at} is U or {good}({at})"

    def _tree(self, tree: Tree) -> str:
        """An invariant; what is more than presence becomes a call."""
        kind, *operands = tree
        if kind == "has" and "." not in operands[0]:
            return self._any([prop for prop in self.known if prop.path_name == operands[0]])
        if kind == "not":
            return f"not ({self._tree(operands[0])})"
        if kind in {"and", "or", "xor"}:
            left, right = (f"({self._tree(part)})" for part in operands)
            return f"{left} {'!=' if kind == 'xor' else kind} {right}"
        return self._call(compile_tree(tree, self._reach))

    def _reach(self, path: str) -> Reach:
        steps = attribute_steps(self.path, path.split("."))

        def fetch(node: Any) -> list[Any]:
            found = [node]
            for attributes in steps:
                found = flat(getattr(one, attribute, UNSET) for one in found for attribute in attributes)
            return found

        return fetch


def _test(prop: Property) -> Value | None:
    """The test that every value of a property has to pass, where there is one."""
    if prop.sibling:
        return None
    if prop.type == "Reference" and prop.element.targets:
        targets = frozenset(prop.element.targets)
        return lambda reference: reference.reference is UNSET or may_point(reference.reference, targets)
    return _GOOD.get(prop.type)


def _concept(attribute: str, codes: Codes, *, many: bool) -> Holds:
    """A CodeableConcept with a required binding has at least one coding out of the value set."""
    known = {(system, code) for system, some in codes.items() for code in some}

    def one(concept: Any) -> bool:
        if concept.coding is UNSET:
            return concept.text is UNSET and concept.x_text is UNSET  # only an extension that says why it is missing
        return any((coding.system, coding.code) in known for coding in concept.coding)

    def check(node: Any) -> bool:
        value = getattr(node, attribute)
        return value is UNSET or (all(map(one, value)) if many else one(value))

    return check


def attribute_steps(owner: str, steps: list[str]) -> list[list[str]]:
    """For each step of a path below a type, the attributes it may be found in."""
    found = []
    for step in steps:
        props = [prop for prop in properties(owner).values() if prop.path_name == step]
        found.append([prop.attribute for prop in props])
        owner = props[0].type
    return found


def flat(values: Any) -> list[Any]:
    """Values and the members of lists of values, without what is absent."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, list):
            found.extend(member for member in value if member is not None)
        elif value is not UNSET and value is not None:
            found.append(value)
    return found
