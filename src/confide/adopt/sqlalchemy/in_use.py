"""Which keys anything in the backend's database is sealed under: in every column of every table that can hold bytes, declared or not.

A model that was not imported, a table of before and one that another framework writes count as well: a key that is destroyed does not come
back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from confide.adopt.sqlalchemy.migrate.engine import reader
from confide.adopt.sqlalchemy.stored import IsSealed
from confide.crypto.envelope import HEADER_BYTES, KEY_REF_BYTES
from confide.values.ids import KeyRef

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

FETCHED = 10_000
"""Rows that are in memory at a time."""


def in_use(engine: sa.Engine, metadata: sa.MetaData, superseded: Collection[KeyRef]) -> set[KeyRef]:
    """Return those of some keys that something is sealed under, in the schemas in which the models have tables."""
    found: set[KeyRef] = set()
    with reader(engine).connect() as connection:
        for column in _binary(connection, metadata) if superseded else ():
            reference = sa.func.substr(column, HEADER_BYTES - KEY_REF_BYTES + 1, KEY_REF_BYTES, type_=sa.LargeBinary)
            statement = sa.select(reference).where(IsSealed(column)).distinct()
            for (one,) in connection.execution_options(yield_per=FETCHED).execute(statement):
                if one in superseded:
                    found.add(KeyRef(bytes(one)))
    return found


def _binary(connection: sa.Connection, metadata: sa.MetaData) -> Iterator[sa.ColumnElement[bytes]]:
    inspector, typed = sa.inspect(connection), connection.dialect.name != "sqlite"  # where any column takes bytes
    for schema in {None, *(table.schema for table in metadata.tables.values())}:
        for name in inspector.get_table_names(schema):
            columns = inspector.get_columns(name, schema)
            names = [one["name"] for one in columns if not typed or isinstance(one["type"], sa.LargeBinary)]
            yield from sa.table(name, *(sa.column(one, sa.LargeBinary) for one in names), schema=schema).columns
