"""Alter a table. SQLite makes it anew for that: whatever of it SQLAlchemy does not know comes along, or the change is refused."""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from confide.adopt.refusals import CannotAlter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from alembic.operations import BatchOperations

_LOST = re.compile(r"\b(COLLATE|GENERATED\s+ALWAYS|AS\s*\(|WITHOUT\s+ROWID|ON\s+CONFLICT|STRICT$)", re.IGNORECASE)
"""What a table may have that would be gone from the one that is made in its place."""
_AUTOINCREMENT = re.compile(r"\bAUTOINCREMENT\b", re.IGNORECASE)


@contextmanager
def altered(connection: sa.Connection, table: sa.Table, gone: Collection[str] = ()) -> Iterator[BatchOperations]:
    """Yield what collects the changes of a table, and carry them out at the end; `gone` are columns that they drop.

    Raises:
        CannotAlter: the table has something that would be lost; nothing was changed.
    """
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        check_alterable(connection, table)
    kept = _objects(connection, table) if sqlite else {}
    options: dict[str, Any] = {"table_args": _checks(connection, table), "table_kwargs": _kwargs(connection, table)} if sqlite else {}
    operations = Operations(MigrationContext.configure(connection))
    with (
        warnings.catch_warnings(action="ignore"),  # of what is carried over below
        operations.batch_alter_table(table.name, schema=table.schema, **options) as batch,
    ):
        yield batch
    for name, text in kept.items():
        if name not in _objects(connection, table) and not any(_names(text, column) for column in gone):
            connection.exec_driver_sql(text)


def check_alterable(connection: sa.Connection, table: sa.Table) -> None:
    """Return if a table can be altered without losing anything.

    Raises:
        CannotAlter
    """
    if connection.dialect.name != "sqlite":
        return
    lost = _LOST.search(_text(connection, table).strip())
    if lost:
        message = (
            f"The table {table.fullname} is declared with {lost[0].strip('( ').upper()}, which SQLite would lose when it is altered: "
            "nothing was changed. Move the rows to a table without it first."
        )
        raise CannotAlter(message)


def indexed(connection: sa.Connection, table: sa.Table) -> tuple[list[Any], list[Any]]:
    """Return the indexes and the unique constraints of a table; those on expressions are passed over without a word."""
    inspector = sa.inspect(connection)
    with warnings.catch_warnings(action="ignore", category=sa.exc.SAWarning):
        return list(inspector.get_indexes(table.name, table.schema)), list(inspector.get_unique_constraints(table.name, table.schema))


def _text(connection: sa.Connection, table: sa.Table) -> str:
    found = connection.execute(sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"), {"name": table.name})
    return str(found.scalar_one())


def _objects(connection: sa.Connection, table: sa.Table) -> dict[str, str]:
    """Return the text of each index and trigger of a table by name."""
    asked = sa.text("SELECT name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND tbl_name = :name AND sql IS NOT NULL")
    return {row[0]: row[1] for row in connection.execute(asked, {"name": table.name})}


def _checks(connection: sa.Connection, table: sa.Table) -> list[sa.CheckConstraint]:
    """Return the checks without a name; Alembic knows the others."""
    found = sa.inspect(connection).get_check_constraints(table.name)
    return [sa.CheckConstraint(sa.text(one["sqltext"])) for one in found if not one["name"]]


def _kwargs(connection: sa.Connection, table: sa.Table) -> dict[str, Any]:
    return {"sqlite_autoincrement": True} if _AUTOINCREMENT.search(_text(connection, table)) else {}


def _names(text: str, column: str) -> bool:
    return re.search(rf"\b{re.escape(column)}\b", text, re.IGNORECASE) is not None
