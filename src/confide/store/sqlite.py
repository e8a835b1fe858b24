"""SQLite: the embedded default, with group commit on the event loop.

Measured (docs/performance): gathering the units of one loop tick into one transaction, run inline, costs less than half the CPU of
a writer thread, since sqlite3 releases and takes the interpreter lock at every step.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

import msgspec

from confide.store.errors import Conflict, Damaged, Unavailable
from confide.store.work import Unit, check_touched, merge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from confide.store.statements import Insert, Query

BUSY_MILLISECONDS = 5_000
"""How long to wait for another process's write lock before answering 503."""
CACHE_KIBIBYTES = 65_536
WAL_CHECKPOINT_PAGES = 16_000
"""64 MiB of 4 KiB pages: large enough that checkpoints are rare, small enough that recovery takes under a second."""
BATCH_UNITS = 256
CHUNKS = (64, 16, 4, 1)
"""Row counts of multi-row inserts: few texts to prepare, few steps to run."""


_ENCODE = msgspec.json.Encoder().encode


def connect(path: Path, busy_milliseconds: int = BUSY_MILLISECONDS) -> sqlite3.Connection:
    """Return a connection in WAL mode that is durable at every commit (synchronous=FULL) and overwrites what it deletes.

    Who waits for nobody, since another program writes the file as well, leaves it as it is while that program writes.
    """
    connection = sqlite3.connect(
        path, isolation_level=None, timeout=busy_milliseconds / 1000, check_same_thread=False, cached_statements=512
    )
    with suppress(sqlite3.OperationalError) if busy_milliseconds == 0 else nullcontext():
        connection.execute("PRAGMA journal_mode=WAL")
    for pragma in (
        "synchronous=FULL",
        "secure_delete=ON",
        "foreign_keys=ON",
        "temp_store=MEMORY",  # no plaintext or token ever reaches a temporary file
        f"cache_size=-{CACHE_KIBIBYTES}",
        f"wal_autocheckpoint={WAL_CHECKPOINT_PAGES}",
        "trusted_schema=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def told(path: Path, error: BaseException | None) -> Unavailable | None:
    """Return what is wrong with a file or its disk, or None where that is not what an error of SQLite says; no content is repeated."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return Damaged(f"{path} is damaged, or no database: move it away, and put it back from a copy or its backup (confide restore).")
    if name in _NO_ROOM:
        return Unavailable(f"{path} cannot be written ({name}): make room on its disk, or see whether it is whole. Nothing was changed.")
    return None


_NO_ROOM = frozenset({"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_TRUNCATE"})


class SqliteDatabase:
    """One connection, used from the event loop only."""

    def __init__(self, path: Path, busy_milliseconds: int = BUSY_MILLISECONDS) -> None:
        """Open (or create) the file. Whoever writes waits so long for another writer, and the event loop with them."""
        self._path = path
        try:
            self._connection = connect(path, busy_milliseconds)
        except sqlite3.DatabaseError as error:
            raise self._told(error) from None
        self._pending: list[tuple[Unit, asyncio.Future[None]]] = []

    async def fetch(self, query: Query, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        text = query.sqlite
        try:
            return self._connection.execute(text.sql, text.arrange(values)).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._told(error) from None

    async def fetch_each(self, query: Query, several: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        """Return the rows of a query for several sets of values, one after the other."""
        return [row for values in several for row in await self.fetch(query, values)]

    def listed(self, values: Sequence[int]) -> object:
        """Return a JSON array, which `json_each` unfolds."""
        return _ENCODE(values).decode()

    def commit(self, unit: Unit) -> asyncio.Future[None]:
        """Store a unit with all others that arrive in this turn of the loop; done once it is durable."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if not self._pending:
            # Two turns, so that requests whose bytes arrived together share one fsync.
            loop.call_soon(loop.call_soon, self._flush)
        self._pending.append((unit, done))
        return done

    def _flush(self) -> None:
        while self._pending:
            batch, self._pending = self._pending[:BATCH_UNITS], self._pending[BATCH_UNITS:]
            try:
                self._store([unit for unit, _ in batch])
            except Exception as refused:  # noqa: BLE001 - whatever it was, somebody waits for it
                self._one_by_one(batch, refused)
            else:
                for _, done in batch:
                    _settle(done, None)

    def _one_by_one(self, batch: list[tuple[Unit, asyncio.Future[None]]], refused: Exception) -> None:
        if len(batch) == 1:
            _settle(batch[0][1], refused)
            return
        for unit, done in batch:
            try:
                self._store([unit])
            except Exception as error:  # noqa: BLE001 - as above
                _settle(done, error)
            else:
                _settle(done, None)

    def _store(self, units: Sequence[Unit]) -> None:
        changes, adds = merge(units)
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError as error:
            raise self._told(error) from None
        try:
            for change in changes:
                text = change.statement.sqlite
                check_touched(change, connection.execute(text.sql, text.arrange(change.values)).rowcount)
            for add in adds:
                self._insert(add.statement, add.rows)
            connection.execute("COMMIT")
        except sqlite3.IntegrityError:
            self._rollback()
            message = "The record was stored by someone else meanwhile: read it again and repeat the change."
            raise Conflict(message) from None
        except sqlite3.DatabaseError as error:
            self._rollback()
            raise self._told(error) from None
        except BaseException:
            self._rollback()
            raise

    def _told(self, error: sqlite3.DatabaseError) -> Exception:
        """Return what to raise in place of an error of SQLite: one of ours where the disk is at fault, itself where the program is."""
        return told(self._path, error) or (_unavailable(error) if isinstance(error, sqlite3.OperationalError) else error)

    def _rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _insert(self, statement: Insert, rows: Sequence[tuple[Any, ...]]) -> None:
        at, left = 0, len(rows)
        for size in CHUNKS:
            while left >= size:
                chunk = rows[at : at + size]
                self._connection.execute(statement.sqlite(size), [value for row in chunk for value in row])
                at, left = at + size, left - size

    async def close(self) -> None:
        """Store what was submitted and close the file; the write-ahead log is folded in."""
        self._flush()
        self._connection.close()


def _settle(done: asyncio.Future[None], error: Exception | None) -> None:
    if done.done():  # the request was cancelled while its unit was being stored
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _unavailable(error: sqlite3.OperationalError) -> Unavailable:
    name = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
    return Unavailable(f"The database cannot be used now ({name}): look at the disk and at other processes that hold the file.")
