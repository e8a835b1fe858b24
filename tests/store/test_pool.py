"""The pool of connections for reads, over a real PostgreSQL."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg
import pytest
import sqlalchemy as sa

from confide.store.errors import Unavailable
from confide.store.pool import Pool
from confide.store.postgresql import PostgresqlDatabase
from confide.store.statements import Query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.postgresql
SIZE = 2
SLEEP = Query(sa.select(sa.func.pg_sleep(sa.bindparam("seconds", type_=sa.Float))))


@pytest.fixture
async def pool(postgresql_url: str) -> AsyncIterator[Pool]:
    """A pool of two connections."""
    opened = Pool(lambda: asyncpg.connect(postgresql_url), SIZE)
    yield opened
    await opened.close()


async def backend(connection: asyncpg.Connection) -> int:
    """Return which process of the server a connection has."""
    return int(await connection.fetchval("SELECT pg_backend_pid()"))


async def test_a_connection_serves_one_after_the_other(pool: Pool) -> None:
    """What was given back is lent again."""
    first = await pool.take()
    seen = await backend(first)
    pool.give(first)
    again = await pool.take()

    assert await backend(again) == seen
    pool.give(again)


async def test_who_comes_late_waits(pool: Pool) -> None:
    """No more connections are made than there are places; the next in line gets the first that comes back."""
    lent = [await pool.take() for _ in range(SIZE)]
    waiting = asyncio.create_task(pool.take())
    await asyncio.sleep(0.05)

    assert not waiting.done()
    pool.give(lent[0])
    assert await waiting is lent[0]
    pool.give(lent[0])
    pool.give(lent[1])


async def test_a_place_is_not_lost_with_its_connection(pool: Pool) -> None:
    """A connection that was dropped, or closed while it was idle, makes room for a new one."""
    for _ in range(SIZE + 1):
        pool.drop(await pool.take())
    for _ in range(SIZE + 1):
        idle = await pool.take()
        pool.give(idle)
        await idle.close()

    lent = [await asyncio.wait_for(pool.take(), 5) for _ in range(SIZE)]
    assert len({await backend(one) for one in lent}) == SIZE
    for one in lent:
        pool.give(one)


async def test_a_turn_that_was_cancelled_goes_to_the_next(pool: Pool) -> None:
    """Who gave up while waiting, even in the moment in which its turn came, holds nobody up."""
    lent = [await pool.take() for _ in range(SIZE)]
    leaving, staying = asyncio.create_task(pool.take()), asyncio.create_task(pool.take())
    await asyncio.sleep(0.05)
    pool.give(lent[0])
    leaving.cancel()

    assert await asyncio.wait_for(staying, 5) is lent[0]
    with suppress(asyncio.CancelledError):
        await leaving
    pool.give(lent[0])
    pool.give(lent[1])


async def test_a_closed_pool_lends_nothing(pool: Pool) -> None:
    """Who waits when it closes is refused, and so is who comes later."""
    lent = [await pool.take() for _ in range(SIZE)]
    waiting = asyncio.create_task(pool.take())
    await asyncio.sleep(0.05)
    await pool.close()

    with pytest.raises(Unavailable):
        await waiting
    with pytest.raises(Unavailable):
        await pool.take()
    for one in lent:
        pool.give(one)
        assert one.is_closed()


async def test_a_cancelled_read_leaves_no_query_on_a_connection(postgresql_url: str) -> None:
    """After more cancelled reads than there are connections, the database still answers."""
    database = PostgresqlDatabase(postgresql_url)
    await database.start()
    reads = [asyncio.create_task(database.fetch(SLEEP, {"seconds": 60.0})) for _ in range(20)]
    await asyncio.sleep(0.3)
    for read in reads:
        read.cancel()
    await asyncio.gather(*reads, return_exceptions=True)

    answers = await asyncio.wait_for(asyncio.gather(*(database.fetch(SLEEP, {"seconds": 0.0}) for _ in range(20))), 10)
    assert len(answers) == len(reads)
    await database.close()
