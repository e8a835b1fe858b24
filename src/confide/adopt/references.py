"""Foreign keys that would keep an erasure from deleting its rows.

They are read out of the database itself: tables that hold nothing personal, or that belong to another program, refer to people as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from confide.store.sqlite import SqliteDatabase
from confide.store.statements import Query

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from confide.adopt.step import Step
    from confide.store.work import Database


def _select(*columns: str) -> sa.Select[Any]:
    found: sa.Select[Any] = sa.select(*map(sa.literal_column, columns))  # type: ignore[assignment]  # however many
    return found


_SQLITE = Query(
    _select(
        "m.name || '/' || f.id",
        "''",
        "lower(m.name)",
        "''",
        'lower(f."table")',
        'f."from"',
        'coalesce(f."to", (SELECT p.name FROM pragma_table_info(f."table") AS p WHERE p.pk = f.seq + 1))',
        "CASE f.on_delete WHEN 'CASCADE' THEN 'c' WHEN 'SET NULL' THEN 'n' WHEN 'SET DEFAULT' THEN 'd' ELSE 'a' END",
    )
    .select_from(sa.text("sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS f"))
    .where(sa.text("m.type = 'table'"))
    .order_by(sa.text("1, f.seq"))
)
_POSTGRESQL = Query(
    _select(
        "CAST(c.oid AS BIGINT)",
        "CASE WHEN pg_table_is_visible(s.oid) THEN '' ELSE CAST(sn.nspname AS TEXT) END",
        "CAST(s.relname AS TEXT)",
        "CASE WHEN pg_table_is_visible(t.oid) THEN '' ELSE CAST(tn.nspname AS TEXT) END",
        "CAST(t.relname AS TEXT)",
        "CAST(sc.attname AS TEXT)",
        "CAST(tc.attname AS TEXT)",
        "CAST(c.confdeltype AS TEXT)",
    )
    .select_from(
        sa.text(
            "pg_constraint AS c JOIN pg_class AS s ON s.oid = c.conrelid JOIN pg_namespace AS sn ON sn.oid = s.relnamespace "
            "JOIN pg_class AS t ON t.oid = c.confrelid JOIN pg_namespace AS tn ON tn.oid = t.relnamespace "
            "CROSS JOIN LATERAL unnest(c.conkey, c.confkey) AS k(near, far) "
            "JOIN pg_attribute AS sc ON sc.attrelid = s.oid AND sc.attnum = k.near "
            "JOIN pg_attribute AS tc ON tc.attrelid = t.oid AND tc.attnum = k.far"
        )
    )
    .where(sa.text("c.contype = 'f'"))
    .order_by(sa.text("1"))
)
"""Of each pair of columns of each foreign key: the key, who refers, who is referred to, both columns, and what a deletion does."""
CASCADES, BLOCKS = "c", frozenset("ar")
"""What a deletion does to the rows that refer: they go too, or they stand in its way; else they no longer refer."""


class Name(NamedTuple):
    """A table; the schema is empty where it need not be said."""

    schema: str
    table: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key."""

    source: Name
    target: Name
    columns: tuple[tuple[str, str], ...]
    then: str

    def leads(self, source: Any, target: Any) -> sa.ColumnElement[bool]:
        """Return whether a row refers to another."""
        return sa.and_(*(source.c[near] == target.c[far] for near, far in self.columns))


async def references(database: Database) -> list[Reference]:
    """Return every foreign key of a database."""
    rows = await database.fetch(_SQLITE if isinstance(database, SqliteDatabase) else _POSTGRESQL, {})
    found = []
    for _, group in groupby(rows, key=lambda row: row[0]):
        pairs = list(group)
        _, near, source, far, target, _, _, then = pairs[0]
        found.append(Reference(Name(near, source), Name(far, target), tuple((row[5], row[6]) for row in pairs), then))
    return found


class Deletions:
    """The rows that an erasure deletes, those that the database deletes with them included."""

    def __init__(self, steps: Iterable[Step], references: Sequence[Reference], *, folds: bool) -> None:
        """Take what the erasure does, and every foreign key; `folds` says that the database does not tell upper and lower case apart."""
        self._references = references
        self._steps: dict[Name, list[Step]] = {}
        for step in steps:
            if step.deletes:
                name = step.table.name.lower() if folds else step.table.name
                self._steps.setdefault(self._named(step.table.schema or "", name), []).append(step)

    def _named(self, schema: str, table: str) -> Name:
        known = {name for one in self._references for name in (one.source, one.target)}
        return Name(schema, table) if Name(schema, table) in known else Name("", table)

    def blocking(self) -> Iterator[tuple[Name, Query]]:
        """Yield tables whose rows may stand in the way, each with the query that finds one that does."""
        for one in self._references:
            if one.then not in BLOCKS:
                continue
            source, target = self._alias(one.source), self._alias(one.target)
            deleted = self._gone(one.target, target)
            if deleted is not None:
                also = self._gone(one.source, source)
                stays = sa.true() if also is None else also.is_not(sa.true())
                found = _select("1").select_from(source.join(target, one.leads(source, target)))
                yield one.source, Query(found.where(deleted, stays).limit(1))

    def _gone(self, name: Name, row: Any, over: tuple[Reference, ...] = ()) -> sa.ColumnElement[bool] | None:
        """Return whether a row is deleted, be it through one that it refers to; None where no row of its table is."""
        ways: list[sa.ColumnElement[bool]] = [row.c[step.person.name] == step.subject for step in self._steps.get(name, ())]
        for one in self._references:
            if one.then == CASCADES and one.source == name and one not in over:
                above = self._alias(one.target)
                deleted = self._gone(one.target, above, (*over, one))
                if deleted is not None:
                    ways.append(sa.exists(_select("1").select_from(above).where(one.leads(row, above), deleted)))
        return sa.or_(*ways).self_group() if ways else None

    def _alias(self, name: Name) -> Any:
        """Return a table under a name of its own, so that it may stand beside itself."""
        used = {near for one in self._references if one.source == name for near, _ in one.columns}
        used |= {far for one in self._references if one.target == name for _, far in one.columns}
        used |= {step.person.name for step in self._steps.get(name, ())}
        return sa.table(name.table, *map(sa.column, sorted(used)), schema=name.schema or None).alias()
