"""What there is to migrate: tables whose models say `was=…`, and the rows in which something is still in the clear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from confide.adopt.refusals import Undeclared
from confide.adopt.sqlalchemy.holdings import all_described

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confide.adopt.sqlalchemy.described import Bound, Described


@dataclass(frozen=True, slots=True)
class Work:
    """One table."""

    described: Described
    table: sa.Table
    bounds: tuple[Bound, ...]
    """The attributes that are being migrated."""

    @property
    def keys(self) -> tuple[sa.Column[Any], ...]:
        """The primary key."""
        return tuple(self.table.primary_key.columns)

    def was(self, bound: Bound) -> sa.Column[Any]:
        """Return the column with the values in the clear."""
        return self.table.columns[bound.field.declared.was]

    def identifiers(self) -> tuple[sa.Column[Any], ...]:
        """Return the columns that every migrated row has filled: its own identifier, and whose it is."""
        followed = (person.column for person in self.described.persons if person.relationship and person.column.table is self.table)
        return (self.described.row_column, *followed)

    def plain(self) -> sa.ColumnElement[bool]:
        """Return the condition of rows with something in the clear."""
        return sa.or_(*(self.was(bound).is_not(None) for bound in self.bounds))

    def unfinished(self) -> sa.ColumnElement[bool]:
        """Return the condition of rows that are still to be migrated."""
        return sa.or_(self.plain(), *(column.is_(None) for column in self.identifiers()))

    def sealed(self) -> sa.ColumnElement[bool]:
        """Return the condition of rows with something sealed."""
        return sa.or_(*(bound.column.is_not(None) for bound in self.bounds))

    def after(self, last: Sequence[Any] | None) -> sa.ColumnElement[bool]:
        """Return the condition of rows behind a primary key, in the order of primary keys."""
        if last is None:
            return sa.true()
        return self.keys[0] > last[0] if len(self.keys) == 1 else sa.tuple_(*self.keys) > sa.tuple_(*last)

    def this(self) -> sa.ColumnElement[bool]:
        """Return the condition of one row, whose key is bound as `key_0`, `key_1` and so on."""
        return sa.and_(*(column == sa.bindparam(f"key_{at}") for at, column in enumerate(self.keys)))


def works(registry: Any, only: str | None = None) -> list[Work]:
    """Return the tables to migrate, those that others belong to first.

    Raises:
        Undeclared: one cannot be migrated.
    """
    found: dict[sa.Table, Work] = {}
    for described in all_described(registry):
        bounds = tuple(bound for bound in described.bound.values() if bound.was)
        if not bounds or (only is not None and bounds[0].column.table.fullname != only):
            continue
        table: Any = bounds[0].column.table
        used = {bound.column.table for bound in bounds} | {described.row_column.table}
        if used != {table}:
            message = f"{described.mapper.class_.__name__} spreads over several tables (inheritance): seal it by hand, row by row."
            raise Undeclared(message)
        found.setdefault(table, Work(described, table, bounds))
    return [found[table] for table in registry.metadata.sorted_tables if table in found]
