"""Drop the columns of before: those that a finished migration closed, and that no model names any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from confide.adopt.sqlalchemy.holdings import all_described
from confide.adopt.sqlalchemy.migrate.alter import altered, indexed
from confide.adopt.sqlalchemy.migrate.count import cleared
from confide.adopt.sqlalchemy.migrate.finish import rewrite

if TYPE_CHECKING:
    from collections.abc import Iterable


def leftovers(connection: sa.Connection, registry: Any, only: str | None = None) -> dict[sa.Table, list[str]]:
    """Return the closed columns that no model names, by table."""
    inspector, found = sa.inspect(connection), {}
    tables: list[Any] = [bound.column.table for described in all_described(registry) for bound in described.bound.values()]
    for table in dict.fromkeys(tables):
        if only not in {None, table.fullname} or not inspector.has_table(table.name, table.schema):
            continue
        closed = {check["name"] for check in inspector.get_check_constraints(table.name, table.schema)}
        there = [column["name"] for column in inspector.get_columns(table.name, table.schema)]
        gone = [name for name in there if cleared(name) in closed and name not in table.columns]
        if gone:
            found[table] = gone
    return found


def drop(engine: sa.Engine, table: sa.Table, names: Iterable[str]) -> list[str]:
    """Drop columns with whatever indexes and constrains them; return what was done in words."""
    gone, done = set(names), []
    with engine.begin() as connection:
        indexes, constraints = indexed(connection, table)
        with altered(connection, table, gone) as batch:
            for index in indexes:
                if gone & set(index["column_names"]) and index["name"] and not index.get("duplicates_constraint"):
                    batch.drop_index(index["name"])
                    done.append(f"index {index['name']} dropped")
            for one in constraints:
                if gone & set(one["column_names"]) and one["name"]:
                    batch.drop_constraint(one["name"], type_="unique")
                    done.append(f"constraint {one['name']} dropped")
            for name in sorted(gone):
                batch.drop_constraint(cleared(name), type_="check")
                batch.drop_column(name)
                done.append(f"column {table.name}.{name} dropped")
    return done + rewrite(engine, table)
