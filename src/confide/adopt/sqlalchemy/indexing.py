"""What a session has to change in the blind index, collected row by row and written after the flush, in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from confide.adopt.index import Additions, Indexed, Token, additions
from confide.adopt.sqlalchemy.among import Among
from confide.adopt.sqlalchemy.described import vault_of
from confide.adopt.tables import tables_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.orm import Mapper, Session

    from confide.adopt.sqlalchemy.described import Bound, Described
    from confide.adopt.tables import Tables
    from confide.adopt.vault import Vault
    from confide.values.ids import TenantId

KEY = "confide.pending"
BATCH = 500
"""Rows deleted from, or looked up in, the index in one statement."""


@dataclass
class Pending:
    """Changes of one flush, by model."""

    added: dict[Mapper[Any], list[Indexed]] = field(default_factory=dict)
    dropped: dict[Mapper[Any], dict[int, list[bytes]]] = field(default_factory=dict)
    """Rows by number."""
    gone: dict[Mapper[Any], list[bytes]] = field(default_factory=dict)
    """Rows that were deleted."""

    def add(self, described: Described, value: Indexed) -> None:
        """Index a value."""
        self.added.setdefault(described.mapper, []).append(value)

    def drop(self, described: Described, bound: Bound, values: Mapping[str, Any]) -> None:
        """Take a value out of the index."""
        by_number = self.dropped.setdefault(described.mapper, {})
        for number in bound.numbers:
            by_number.setdefault(number, []).append(bound.row_of(values))

    def drop_row(self, described: Described, values: Mapping[str, Any]) -> None:
        """Take a row out of the index."""
        self.gone.setdefault(described.mapper, []).append(next(iter(described.bound.values())).row_of(values))


def pending(session: Session | None) -> Pending:
    """Return what a session has to change."""
    if session is None:  # a row is flushed by a session, always
        raise TypeError
    found: Pending | None = session.info.get(KEY)
    if found is None:
        found = session.info[KEY] = Pending()
    return found


def write(session: Session) -> None:
    """Bring the index up to date with what was flushed."""
    found: Pending | None = session.info.pop(KEY, None)
    if found is None:
        return
    for mapper in {**found.added, **found.dropped, **found.gone}:
        connection = session.connection(bind_arguments={"mapper": mapper})
        tables = tables_in(mapper.registry.metadata)
        drop_rows(connection, tables, found.gone.get(mapper, ()))
        for number, rows in found.dropped.get(mapper, {}).items():
            drop_values(connection, tables, number, rows)
        vault = vault_of(mapper)
        add(connection, tables, vault, vault.tenant(), found.added.get(mapper, ()))


def add(connection: Connection, tables: Tables, vault: Vault, tenant: TenantId, values: Sequence[Indexed]) -> None:
    """Index values."""
    if not values:
        return

    def look_up(tokens: list[int]) -> set[int]:
        return set(connection.execute(sa.select(tables.token.c.token).where(Among(tables.token.c.token, tokens))).scalars())

    insert(connection, tables, additions(vault, tenant, values, look_up))


def insert(connection: Connection, tables: Tables, found: Additions) -> None:
    """Store rows of the index."""
    if found.unique:
        connection.execute(sa.insert(tables.unique), _rows(found.unique))
    if found.tokens:
        connection.execute(sa.insert(tables.token), _rows(found.tokens))
    if found.marks:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(tables.token).on_conflict_do_nothing(), _rows(found.marks))


def _rows(tokens: Sequence[Token]) -> list[dict[str, Any]]:
    return [token._asdict() for token in tokens]


def drop_values(connection: Connection, tables: Tables, number: int, rows: Sequence[bytes]) -> None:
    """Take values of one column out of the index."""
    for at in range(0, len(rows), BATCH):
        for table in (tables.token, tables.unique):
            connection.execute(sa.delete(table).where(table.c.row.in_(rows[at : at + BATCH]), table.c.number == number))


def drop_rows(connection: Connection, tables: Tables, rows: Sequence[bytes]) -> None:
    """Take rows out of the index."""
    for at in range(0, len(rows), BATCH):
        for table in (tables.token, tables.unique):
            connection.execute(sa.delete(table).where(table.c.row.in_(rows[at : at + BATCH])))
