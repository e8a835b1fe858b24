"""AsyncSession: the same through asyncpg and through psycopg, while the event loop goes on."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import selectinload

from confide.adopt.errors import NobodyActs
from confide.adopt.sqlalchemy.reveal import Opened
from confide.values.ids import SubjectId
from confide.values.purpose import Purpose, PurposeClass
from tests.adopt import town as models

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.adopt.town import Town

pytestmark = pytest.mark.postgresql


@pytest.fixture(params=["asyncpg", "psycopg"])
def database(request: pytest.FixtureRequest, postgresql_url: str) -> str:
    """An address for each driver."""
    return postgresql_url.replace("postgresql://", f"postgresql+{request.param}://", 1)


@pytest.fixture
async def town(tmp_path: Path, database: str) -> AsyncIterator[Town]:
    """The models, their vault and an empty database with their tables."""
    built = models.build(tmp_path, database)
    await built.vault.start_async()
    engine = create_async_engine(database)
    async with engine.begin() as connection:
        await connection.run_sync(built.Base.metadata.create_all)
    await engine.dispose()
    yield built
    await asyncio.to_thread(built.vault.close)


@pytest.fixture
async def sessions(town: Town, database: str) -> AsyncIterator[async_sessionmaker[AsyncSession]]:
    """What makes sessions."""
    engine = create_async_engine(database)
    yield async_sessionmaker(engine, expire_on_commit=False)
    await engine.dispose()


async def test_a_row_goes_in_and_comes_back(town: Town, sessions: async_sessionmaker[AsyncSession]) -> None:
    """Related rows, searches, changes of hands and deletions included."""
    async with sessions() as session, session.begin():
        for at in range(3):
            session.add(town.Customer(name=f"Person {at}", born=dt.date(2000, 1, 1 + at), accounts=[town.Account(iban=f"DE{at}")]))
    async with town.vault.acting("clerk", Purpose.SERVICE_PROVISION), sessions() as session:
        statement = sa.select(town.Customer).where(town.Customer.name.starts_with("Person 1")).options(selectinload(town.Customer.accounts))
        one = (await session.scalars(statement)).one()
        assert (one.name, one.born, [each.iban for each in one.accounts]) == ("Person 1", dt.date(2000, 1, 2), ["DE1"])
        zero = (await session.scalars(sa.select(town.Customer).where(town.Customer.name.matches("person 0")))).one()
        one.accounts[0].customer = zero
        await session.commit()
        moved = (await session.scalars(sa.select(town.Account).where(town.Account.iban.matches("DE1")))).one()
        assert (moved.iban, moved.owner) == ("DE1", zero.row)
        await session.delete(one)
        await session.commit()
        assert (await session.scalars(sa.select(town.Customer).where(town.Customer.name.matches("person 1")))).all() == []


async def test_bulk_statements_and_columns(town: Town, sessions: async_sessionmaker[AsyncSession]) -> None:
    """Inserts, updates by key, and selects of columns."""
    async with town.vault.acting("clerk", Purpose.SERVICE_PROVISION), sessions() as session:
        await session.execute(sa.insert(town.Customer), [{"name": f"Person {at}"} for at in range(20)])
        first = await session.scalar(sa.select(sa.func.min(town.Customer.id)))
        await session.execute(sa.update(town.Customer), [{"id": first, "name": "Zoe"}])
        await session.commit()
        rows = (await session.execute(sa.select(town.Customer.id, Opened(town.Customer.name)).order_by(town.Customer.id))).all()

    assert [name for _, name in rows] == ["Zoe", *(f"Person {at}" for at in range(1, 20))]


async def test_expired_rows_are_loaded_and_sealed(town: Town, database: str) -> None:
    """What a change is bound to is loaded during the flush, without anybody's help."""
    engine = create_async_engine(database)
    try:
        async with AsyncSession(engine) as session:
            ada = town.Customer(name="Ada")
            session.add(ada)
            await session.commit()
            ada.email = "ada@example.org"
            await session.commit()
            await session.refresh(ada)
            with pytest.raises(NobodyActs):
                _ = ada.email
            async with town.vault.acting("clerk", Purpose.SERVICE_PROVISION):
                assert ada.email == "ada@example.org"
    finally:
        await engine.dispose()


async def test_the_event_loop_goes_on_while_keys_are_fetched(town: Town, sessions: async_sessionmaker[AsyncSession]) -> None:
    """A flush that makes keys waits without blocking; so does `load_async` before objects are read."""
    turns = 0
    done = asyncio.Event()

    async def count() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    async with sessions() as session, session.begin():
        before = turns
        session.add_all([town.Customer(name=f"P{at}") for at in range(100)])
        await session.run_sync(_make_keys, town)
        assert turns > before
    await asyncio.to_thread(town.vault.close)
    async with town.vault.acting("clerk", Purpose.SERVICE_PROVISION), sessions() as session:
        people = (await session.scalars(sa.select(town.Customer))).all()
        before = turns
        await town.vault.keys.load_async([one.__dict__["name"] for one in people])
        assert turns > before
        assert {one.name for one in people} == {f"P{at}" for at in range(100)}
    done.set()
    await counting


def _make_keys(_session: object, town: Town) -> None:
    """Do what a flush does, and nothing else that would wait."""
    tenant = town.vault.tenant()
    town.vault.keys.sealing((tenant, SubjectId(bytes([at]) * 16), PurposeClass.CONTRACT.value) for at in range(60))


async def test_many_tasks_at_once(town: Town, sessions: async_sessionmaker[AsyncSession]) -> None:
    """Each with a scope of its own; no event of one goes to another."""

    async def work(at: int) -> Any:
        async with town.vault.acting(f"clerk {at}", Purpose.SERVICE_PROVISION) as scope, sessions() as session:
            session.add(town.Customer(name=f"Person {at}"))
            await session.commit()
            found = (await session.scalars(sa.select(town.Customer).where(town.Customer.name.matches(f"person {at}")))).one()
            session.expire(found)
            await session.refresh(found)
            await asyncio.sleep(0)
            name = found.name
            assert [subject for subject, _ in scope.opened] == [found.row]
            return name

    assert await asyncio.gather(*(work(at) for at in range(12))) == [f"Person {at}" for at in range(12)]


async def test_what_was_opened_is_in_the_trail_when_the_scope_ends(town: Town, sessions: async_sessionmaker[AsyncSession]) -> None:
    """Stored, in the backend's own database."""
    async with sessions() as session, session.begin():
        session.add(town.Customer(name="Ada"))
    async with town.vault.acting("clerk", Purpose.SERVICE_PROVISION), sessions() as session:
        assert (await session.scalars(sa.select(town.Customer))).one().name == "Ada"
    async with sessions() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(town.vault.tables.outbox)) == 1
