"""PostgreSQL: reads on a pool, all writes through one committer that joins waiting units into one transaction."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

import asyncpg

from confide.store.errors import Conflict, StoreError, Unavailable
from confide.store.pool import Pool
from confide.store.statements import columns_of, joined
from confide.store.work import Unit, check_touched, merge

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from confide.store.statements import Query
    from confide.store.work import Add, Alter

POOL = 8
"""Connections for reads; PostgreSQL's own default of 100 leaves room for a dozen workers."""
BATCH_UNITS = 256
CONNECT_SECONDS = 10
COMMAND_SECONDS = 60

SESSION = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}
"""Every statement here is led by an index, so its plan is made once for a connection and never weighed against another."""

_BROKEN = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError, TimeoutError)


class PostgresqlDatabase:
    """A pool for reads and one connection for the committer."""

    def __init__(self, url: str) -> None:
        """Remember the address; `start` connects."""
        self._url = url
        self._pending: list[tuple[Unit, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self._closing = False
        self._pool = Pool(self._connect, POOL)
        self._writer: asyncpg.Connection | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, and start the committer.

        Raises:
            Unavailable: the server does not answer or refuses.
        """
        try:
            self._pool.give(await self._connect())
            self._writer = await self._connect()
        except (*_BROKEN, asyncpg.PostgresError) as error:
            raise _unavailable(error) from None
        self._task = asyncio.create_task(self._run())

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(self._url, timeout=CONNECT_SECONDS, command_timeout=COMMAND_SECONDS, server_settings=SESSION)

    async def fetch(self, query: Query, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        text = query.postgresql
        return await self._read(lambda connection: connection.fetch(text.sql, *text.arrange(values)))

    async def fetch_each(self, query: Query, several: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        """Return the rows of a query for several sets of values, one after the other, in one round trip."""
        if len(several) == 1:
            return await self.fetch(query, several[0])
        text = query.postgresql
        return await self._read(lambda connection: connection.fetchmany(text.sql, [text.arrange(values) for values in several]))

    async def _read(self, ask: Callable[[asyncpg.Connection], Awaitable[list[tuple[Any, ...]]]]) -> list[tuple[Any, ...]]:
        try:
            connection = await self._pool.take()
            try:
                found = await ask(connection)
            except BaseException:
                self._pool.drop(connection)  # a query may still run on it
                raise
        except _BROKEN as error:
            raise _unavailable(error) from None
        self._pool.give(connection)
        return found

    def listed(self, values: Sequence[int]) -> object:
        """Return the list itself: the driver binds arrays."""
        return list(values)

    def commit(self, unit: Unit) -> asyncio.Future[None]:
        """Store a unit with all others that wait; done once it is durable."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((unit, done))
        self._wake.set()
        return done

    async def _run(self) -> None:
        while not (self._closing and not self._pending):
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                batch, self._pending = self._pending[:BATCH_UNITS], self._pending[BATCH_UNITS:]
                await self._settle(batch)

    async def _settle(self, batch: list[tuple[Unit, asyncio.Future[None]]]) -> None:
        error = await self._try([unit for unit, _ in batch])
        if error is not None and len(batch) > 1:
            for unit, done in batch:
                _settle(done, await self._try([unit]))
            return
        for _, done in batch:
            _settle(done, error)

    async def _try(self, units: Sequence[Unit]) -> Exception | None:
        try:
            await self._store(units)
        except StoreError as error:
            return error
        except asyncpg.IntegrityConstraintViolationError:
            return Conflict("The record was stored by someone else meanwhile: read it again and repeat the change.")
        except (*_BROKEN, asyncpg.PostgresError) as error:
            return _unavailable(error)
        except Exception as error:  # noqa: BLE001 - a mistake in the program: whoever waits hears of it, and the others are served
            return error
        return None

    async def _store(self, units: Sequence[Unit]) -> None:
        changes, adds = merge(units)
        if self._writer is None or self._writer.is_closed():
            self._writer = await self._connect()
        writer = self._writer
        if not changes:  # one statement is a transaction of its own: one round trip
            await _add(writer, adds)
            return
        async with writer.transaction():
            for _, some in groupby(changes, key=lambda change: (change.statement.order, change.expected is None)):
                await _change(writer, list(some))
            await _add(writer, adds)

    async def close(self) -> None:
        """Store what was submitted and let go of the connections."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        if self._writer is not None:
            await self._writer.close()
        await self._pool.close()


async def _add(writer: asyncpg.Connection, adds: Sequence[Add]) -> None:
    if adds:
        columns = [column for add in adds for column in columns_of(add.rows)]
        await writer.execute(joined(tuple(add.statement for add in adds)), *columns)


async def _change(writer: asyncpg.Connection, changes: Sequence[Alter]) -> None:
    """Run one statement for several sets of values, sent together, and check how many rows each touched where it matters."""
    statement = changes[0].statement
    rows = [statement.postgresql.arrange(change.values) for change in changes]
    if changes[0].expected is None:
        await writer.executemany(statement.postgresql.sql, rows)
        return
    touched = Counter(row[0] for row in await writer.fetchmany(statement.counted, [(*row, at) for at, row in enumerate(rows)]))
    for at, change in enumerate(changes):
        check_touched(change, touched[at])


def _settle(done: asyncio.Future[None], error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _unavailable(error: BaseException) -> Unavailable:
    return Unavailable(f"The database cannot be used now ({type(error).__name__}): look at whether the server runs and takes connections.")
