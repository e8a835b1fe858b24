"""How far a migration has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from confide.adopt.sqlalchemy.migrate.work import Work


@dataclass(frozen=True, slots=True)
class Count:
    """Rows of a table."""

    rows: int
    unfinished: int
    """With something in the clear, or without an identifier."""
    sealed: int
    """With something sealed."""


def is_prepared(connection: sa.Connection, work: Work) -> bool:
    """Tell whether a table has the columns of its model."""
    inspector = sa.inspect(connection)
    there = {column["name"] for column in inspector.get_columns(work.table.name, work.table.schema)}
    return {bound.column.name for bound in work.bounds} | {column.name for column in work.identifiers()} <= there


def is_finished(connection: sa.Connection, work: Work) -> bool:
    """Tell whether the columns with values in the clear were closed, or are gone."""
    inspector = sa.inspect(connection)
    there = {column["name"] for column in inspector.get_columns(work.table.name, work.table.schema)}
    closed = {check["name"] for check in inspector.get_check_constraints(work.table.name, work.table.schema)}
    return all(cleared(work.was(bound).name) in closed or work.was(bound).name not in there for bound in work.bounds)


def cleared(column: str) -> str:
    """Return the name of the constraint that keeps a column empty for good."""
    return f"cleared_{column}"


def count(connection: sa.Connection, work: Work) -> Count:
    """Return how many rows there are of each kind."""
    whole = connection.scalar(sa.select(sa.func.count()).select_from(work.table)) or 0
    if not is_prepared(connection, work):
        return Count(whole, whole, 0)
    if is_finished(connection, work):
        return Count(whole, 0, whole)
    unfinished = connection.scalar(sa.select(sa.func.count()).select_from(work.table).where(work.unfinished())) or 0
    sealed = connection.scalar(sa.select(sa.func.count()).select_from(work.table).where(work.sealed())) or 0
    return Count(whole, unfinished, sealed)
