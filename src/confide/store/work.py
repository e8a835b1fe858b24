"""A unit of work: what one request wants stored, whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from confide.store.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence

    from confide.store.statements import Change, Insert, Query


@dataclass(frozen=True, slots=True)
class Add:
    """Rows to insert, as tuples in the column order of the statement."""

    statement: Insert
    rows: Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Alter:
    """A conditional change; `expected` is the number of rows it must touch, None where any number will do."""

    statement: Change
    values: Mapping[str, Any]
    expected: int | None = 1


@dataclass(frozen=True, slots=True)
class Unit:
    """Steps that share one transaction. A statement may stand in several steps; changes run before inserts."""

    steps: tuple[Add | Alter, ...]


class Database(Protocol):
    """The small interface that both engines have."""

    async def fetch(self, query: Query, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return all rows of a query. Lists for `AnyOf` are given through `listed`."""
        ...

    async def fetch_each(self, query: Query, several: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        """Return the rows of a query for several sets of values, one after the other, asked for together."""
        ...

    def listed(self, values: Sequence[int]) -> object:
        """Return a list of integers in the form this engine binds to `AnyOf`."""
        ...

    def commit(self, unit: Unit) -> Awaitable[None]:
        """Store a unit and return once it is durable.

        Raises:
            Conflict: a precondition or a unique key did not hold; nothing of the unit is stored.
            Unavailable: the database cannot be used now.
        """
        ...

    async def close(self) -> None:
        """Finish what was submitted and let go of every connection."""
        ...


def merge(units: Sequence[Unit]) -> tuple[list[Alter], list[Add]]:
    """Return the steps of several units as few statements: changes in order, then inserts joined by statement."""
    changes: list[Alter] = []
    adds: dict[Insert, list[tuple[Any, ...]]] = {}
    for unit in units:
        for step in unit.steps:
            if isinstance(step, Alter):
                changes.append(step)
            else:
                adds.setdefault(step.statement, []).extend(step.rows)
    changes.sort(key=lambda change: change.statement.order)
    return changes, [Add(statement, adds[statement]) for statement in sorted(adds, key=lambda one: one.order) if adds[statement]]


def check_touched(change: Alter, touched: int) -> None:
    """Raise `Conflict` unless the change touched as many rows as its unit expects."""
    if change.expected is not None and touched != change.expected:
        message = "The record was changed by someone else meanwhile: read it again and repeat the change."
        raise Conflict(message)
