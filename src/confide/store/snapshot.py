"""All rows of a database at one moment, and back: the same form for both engines, so that a backup of one restores into the other.

A snapshot is a stream of MessagePack values: a header, then (table, columns, rows) parts, then the counts. Nothing is held in memory but
one part. What is rebuilt after a restore, such as the search index, is left out.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import sqlalchemy as sa

from confide.store.errors import SnapshotRefused
from confide.store.migrate import with_connection
from confide.store.opening import sqlite_path
from confide.store.sqlite import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterator
    from typing import IO

ROWS = 500
"""Rows in one part."""
FORMAT = 1
LENGTH_BYTES = 4
MAX_PART = 512 * 1024 * 1024
"""The most that a length in a snapshot is trusted with."""


class Header(msgspec.Struct, frozen=True, tag="header"):
    """What a snapshot begins with."""

    format: int
    which: str
    """data or keys."""
    revision: str
    """Schema that the rows have."""
    made: int
    """Microseconds since 1970."""


class Part(msgspec.Struct, frozen=True, tag="part"):
    """Some rows of one table."""

    table: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class End(msgspec.Struct, frozen=True, tag="end"):
    """What a snapshot ends with: without it, it was cut short."""

    counts: dict[str, int]


_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(Header | Part | End).decode


def _write(sink: IO[bytes], value: Header | Part | End) -> None:
    encoded = _ENCODE(value)
    sink.write(len(encoded).to_bytes(LENGTH_BYTES, "big") + encoded)


async def save(
    url: str, metadata: sa.MetaData, header: Header, sink: IO[bytes], *, without: Collection[str], report: Callable[[int], None]
) -> dict[str, int]:
    """Write a consistent snapshot of a database that goes on being used; return how many rows of each table it holds.

    Raises:
        Unavailable: the database cannot be reached.
    """
    _write(sink, header)
    counts: dict[str, int] = {}
    async with _reader(url) as read:
        for table in metadata.sorted_tables:
            if table.name in without:
                continue
            counts[str(table.name)] = 0
            columns = tuple(str(column.name) for column in table.columns)
            async for rows in read(table):
                _write(sink, Part(str(table.name), columns, rows))
                counts[str(table.name)] += len(rows)
                report(len(rows))
    _write(sink, End(counts))
    return counts


@asynccontextmanager
async def _reader(url: str) -> AsyncIterator[Callable[[sa.Table], AsyncIterator[list[tuple[Any, ...]]]]]:
    """Yield a function that reads whole tables, all as they were at one moment."""
    path = sqlite_path(url)
    if path is not None:
        with closing(connect(path)) as connection:
            connection.execute("BEGIN")

            async def from_sqlite(table: sa.Table) -> AsyncIterator[list[tuple[Any, ...]]]:
                cursor = connection.execute(str(sa.select(table)))
                while rows := cursor.fetchmany(ROWS):
                    yield rows

            yield from_sqlite
        return
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):

            async def from_postgresql(table: sa.Table) -> AsyncIterator[list[tuple[Any, ...]]]:
                cursor = await connection.cursor(str(sa.select(table)))
                while rows := await cursor.fetch(ROWS):
                    yield [tuple(row) for row in rows]

            yield from_postgresql
    finally:
        await connection.close()


def read(source: IO[bytes]) -> tuple[Header, Iterator[Part | End]]:
    """Return the header of a snapshot, and an iterator over the rest.

    Raises:
        SnapshotRefused: it is none, or it was cut short or changed; the iterator raises it as well.
    """
    values = _values(source)
    header = next(values, None)
    if not isinstance(header, Header) or header.format != FORMAT:
        message = "This is no backup in a form that this program knows."
        raise SnapshotRefused(message)
    return header, values  # type: ignore[return-value]  # `_values` lets one header through, the first


def _values(source: IO[bytes]) -> Iterator[Header | Part | End]:
    last: Header | Part | End | None = None
    while head := source.read(LENGTH_BYTES):
        length = int.from_bytes(head, "big")
        body = source.read(length) if len(head) == LENGTH_BYTES and length <= MAX_PART else b""
        if len(body) != length or isinstance(last, End):
            raise SnapshotRefused(_CUT)
        try:
            value = _DECODE(body)
        except (msgspec.MsgspecError, ValueError):
            raise SnapshotRefused(_CUT) from None
        if isinstance(value, Header) != (last is None):
            raise SnapshotRefused(_CUT)
        last = value
        yield value
    if not isinstance(last, End):
        raise SnapshotRefused(_CUT)


_CUT = "The backup is not whole: take another one. What was restored of it is not used."


def load(
    url: str, metadata: sa.MetaData, parts: Iterator[Part | End], report: Callable[[int], None], *, then: sa.Insert | None = None
) -> dict[str, int]:
    """Insert the rows of a snapshot into an empty database; return how many there are of each table.

    All of it, and what `then` inserts after it, is one transaction.

    Raises:
        SnapshotRefused: a table or column is unknown here, or the counts do not agree.
    """

    def work(connection: sa.Connection) -> dict[str, int]:
        counts: dict[str, int] = {}
        for part in parts:
            if isinstance(part, End):
                if {name: number for name, number in part.counts.items() if number} != counts:
                    raise SnapshotRefused(_CUT)
                _restart_identities(connection, metadata)
                if then is not None:
                    connection.execute(then)
                return counts
            table = metadata.tables.get(part.table)
            if table is None or not set(part.columns) <= {column.name for column in table.columns}:
                message = "The backup holds a table or a column that this program does not know: it was made by a later version."
                raise SnapshotRefused(message)
            connection.execute(sa.insert(table), [dict(zip(part.columns, row, strict=True)) for row in part.rows])
            counts[part.table] = counts.get(part.table, 0) + len(part.rows)
            report(len(part.rows))
        raise SnapshotRefused(_CUT)

    return with_connection(url, work)


def _restart_identities(connection: sa.Connection, metadata: sa.MetaData) -> None:
    """Let generated numbers go on above the restored ones; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        for column in table.columns:
            if column.identity is not None:
                highest = sa.select(sa.func.coalesce(sa.func.max(column), 0) + 1).scalar_subquery()
                sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
                connection.execute(sa.select(sa.func.setval(sequence, highest, False)))  # noqa: FBT003 - setval's third argument


def is_empty(url: str, metadata: sa.MetaData) -> bool:
    """Tell whether none of the tables has a row; a database without them is empty."""

    def work(connection: sa.Connection) -> bool:
        there = set(sa.inspect(connection).get_table_names())
        return not any(
            connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first()
            for table in metadata.sorted_tables
            if table.name in there
        )

    return with_connection(url, work)
