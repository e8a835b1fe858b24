"""Evaluate the compiled invariants, on Structs (the fast way) and on plain JSON (the slow way) alike.

A node is whatever ``Reach`` functions know how to look into; the trees are those of ``tools/fhir_invariants.py``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from confide.clinic.fhir.definitions.facts import Tree

Node = Any
Holds = Callable[[Node], bool]
Reach = Callable[[Node], Sequence[Any]]
"""Everything present at a path of a node: values, and the siblings of values."""

_COMPARE = {">": operator.gt, "<": operator.lt, "=": operator.eq, "<=": operator.le}


def compile_tree(tree: Tree, reach: Callable[[str], Reach]) -> Holds:
    """A function that says whether an invariant holds for a node; ``reach`` makes the functions that fetch what is at a path."""
    kind, *operands = tree
    if kind in {"not", "and", "or", "xor"}:
        return _combine(kind, [compile_tree(part, reach) for part in operands])
    if kind == "has":
        fetch = reach(operands[0])
        return lambda node: bool(fetch(node))
    if kind == "count":
        return _count([reach(path) for path in operands[0]], _COMPARE[operands[1]], operands[2])
    return _compare(kind, [reach(path) for path in operands[: 2 if kind == "order" else 1]], operands[-1])


def _combine(kind: str, parts: list[Holds]) -> Holds:
    first = parts[0]
    if kind == "not":
        return lambda node: not first(node)
    second = parts[1]
    if kind == "and":
        return lambda node: first(node) and second(node)
    if kind == "or":
        return lambda node: first(node) or second(node)
    return lambda node: first(node) != second(node)


def _count(reaches: list[Reach], compare: Callable[[int, int], bool], bound: int) -> Holds:
    return lambda node: compare(sum(len(reach(node)) for reach in reaches), bound)


def _compare(kind: str, reaches: list[Reach], literals: Any) -> Holds:
    first = reaches[0]
    if kind == "in":
        return lambda node: any(_same(value, literals) for value in first(node))
    if kind == "out":  # false, not true, when there is nothing to compare: FHIRPath says "empty"
        return lambda node: any(map(_plain, first(node))) and not any(_same(value, literals) for value in first(node))
    if kind == "sign":
        return lambda node: all(number is None or number >= 0 for number in map(_number, first(node)))
    second = reaches[1]
    return lambda node: in_order(next(iter(first(node)), None), next(iter(second(node)), None))


def _plain(value: Any) -> bool:
    return isinstance(value, str | int | Decimal)


def _same(value: Any, literals: list[str | int | bool]) -> bool:
    if isinstance(value, bool):
        return any(value is literal for literal in literals)
    if isinstance(value, str) and type(value) is not str:  # a number as it was written
        return any(type(literal) is int and _number(value) == literal for literal in literals)
    return any(type(value) is type(literal) and value == literal for literal in literals)


def _number(value: Any) -> Decimal | None:
    try:
        return Decimal(value) if isinstance(value, str | int | Decimal) else None
    except InvalidOperation:
        return None


def in_order(low: Any, high: Any) -> bool:
    """Whether ``low <= high`` or the two cannot be compared: dates of different precision, quantities of different units."""
    if type(low) is str and type(high) is str:
        return _dates_in_order(low, high)
    parts = [(_number(part(side, "value")), part(side, "code"), part(side, "unit")) for side in (low, high)]
    (first, *unit), (second, *other) = parts
    return first is None or second is None or unit != other or first <= second


def part(node: Any, name: str) -> Any:
    """One element of a Struct or of a JSON object, None when absent."""
    value = node.get(name) if isinstance(node, dict) else getattr(node, name, None)
    return value if isinstance(value, str | int | Decimal) else None


def _dates_in_order(low: str, high: str) -> bool:
    if ("T" in low) != ("T" in high):
        return True  # a date has no time zone: whether it lies before a moment is often unknown
    if "T" not in low:
        shared = min(len(low), len(high))
        return low[:shared] <= high[:shared]
    return _moment(low) <= _moment(high)


def _moment(text: str) -> datetime:
    """A dateTime in UTC; a leap second counts as the second before it, since datetime has none."""
    at = datetime.fromisoformat(text.replace(":60", ":59", 1) if text[17:19] == "60" else text)
    try:
        return at.astimezone(UTC)
    except OverflowError:  # the first and the last day of the calendar
        return at.replace(tzinfo=UTC)
