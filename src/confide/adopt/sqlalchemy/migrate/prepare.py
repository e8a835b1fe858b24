"""Make room beside what is in the clear: columns that may be empty, which no running program notices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from confide.adopt.refusals import Undeclared
from confide.adopt.sqlalchemy.migrate.alter import altered, check_alterable, indexed

if TYPE_CHECKING:
    from confide.adopt.sqlalchemy.migrate.work import Work
    from confide.adopt.tables import Tables


def prepare(connection: sa.Connection, work: Work, tables: Tables) -> list[str]:
    """Add what a table lacks, and return it in words; where nothing is lacking, nothing is touched.

    Raises:
        CannotAlter: the table has something that would be lost; nothing was changed.
        Undeclared: a declaration names a column that is not there.
    """
    _check_named(connection, work)
    check_alterable(connection, work.table)
    done = []
    for own in (tables.token, tables.unique, tables.shredded, tables.outbox):
        if not sa.inspect(connection).has_table(own.name):
            own.create(connection)
            done.append(f"table {own.name} made")
    inspector = sa.inspect(connection)
    there = {column["name"]: column for column in inspector.get_columns(work.table.name, work.table.schema)}
    new = [column for column in (*work.identifiers(), *(bound.column for bound in work.bounds)) if column.name not in there]
    bound_to_be_filled = [
        work.was(bound).name for bound in work.bounds if not there.get(work.was(bound).name, {"nullable": True})["nullable"]
    ]
    if new or bound_to_be_filled:
        with altered(connection, work.table) as batch:
            for column in new:
                batch.add_column(sa.Column(column.name, column.type, nullable=True))
                done.append(f"column {work.table.name}.{column.name} added")
            for name in bound_to_be_filled:
                batch.alter_column(name, existing_type=work.table.columns[name].type, nullable=True)
                done.append(f"column {work.table.name}.{name} may be empty")
    return done + _index(connection, work)


def _check_named(connection: sa.Connection, work: Work) -> None:
    there = {column["name"] for column in sa.inspect(connection).get_columns(work.table.name, work.table.schema)}
    for bound in work.bounds:
        name = work.was(bound).name
        if name not in there:
            message = f"{work.table.name}.{bound.column.name} says was={name}, and the table has no such column: name the one of before."
            raise Undeclared(message)


def _index(connection: sa.Connection, work: Work) -> list[str]:
    """Index the identifiers: the row's own is unique."""
    listed = [one for some in indexed(connection, work.table) for one in some]
    there = {tuple(one["column_names"]) for one in listed} | {tuple(column.name for column in work.keys)}
    operations, done = Operations(MigrationContext.configure(connection)), []
    for column in work.identifiers():
        if (column.name,) not in there:
            own: Any = column is work.described.row_column
            name = f"{'uq' if own else 'ix'}_{work.table.name}_{column.name}"
            operations.create_index(name, work.table.name, [column.name], unique=own, schema=work.table.schema)
            done.append(f"index {name} made")
    return done
