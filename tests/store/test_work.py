"""Units of work: whole or not at all, on both engines."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from confide.store.errors import Conflict, UnknownDatabase
from confide.store.migrate import with_connection
from confide.store.opening import open_database
from confide.store.statements import AnyOf, Change, Insert, Query
from confide.store.work import Add, Alter, Unit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from confide.store.work import Database

META = sa.MetaData()
THING = sa.Table(
    "thing", META, sa.Column("id", sa.BigInteger, primary_key=True), sa.Column("text", sa.String), sa.Column("version", sa.Integer)
)
ADD = Insert(THING)
BUMP = Change(
    sa.update(THING).where(THING.c.id == sa.bindparam("this"), THING.c.version == sa.bindparam("seen")).values(version=sa.bindparam("next"))
)
ALL = Query(sa.select(THING.c.id, THING.c.text, THING.c.version).order_by(THING.c.id))
SOME = Query(sa.select(THING.c.id).where(AnyOf(THING.c.id, "ids", sa.BigInteger)).order_by(THING.c.id))


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    """An open database with one table."""
    await asyncio.to_thread(with_connection, store_url, META.create_all)
    opened = await open_database(store_url)
    yield opened
    await opened.close()


def add(*ids: int) -> Unit:
    """A unit that inserts things."""
    return Unit((Add(ADD, [(one, f"text {one}", 1) for one in ids]),))


async def ids(database: Database) -> list[int]:
    """The stored things."""
    return [row[0] for row in await database.fetch(ALL, {})]


async def test_units_of_one_turn_are_all_stored(database: Database) -> None:
    """Two hundred concurrent units, each with several rows, are all there afterwards."""
    await asyncio.gather(*(database.commit(add(one, one + 1000)) for one in range(200)))

    assert await ids(database) == [*range(200), *range(1000, 1200)]


async def test_a_refused_unit_does_not_take_its_neighbours_down(database: Database) -> None:
    """The batch is retried singly: only the unit whose key exists already is refused, and none of it is stored."""
    await database.commit(add(5))
    results = await asyncio.gather(*(database.commit(add(one, one + 100)) for one in range(10)), return_exceptions=True)

    assert [at for at, result in enumerate(results) if isinstance(result, Conflict)] == [5]
    assert 105 not in await ids(database)
    assert 104 in await ids(database)


async def test_a_unit_that_the_program_got_wrong_keeps_nobody_waiting(database: Database) -> None:
    """It fails by itself, and its neighbours are stored."""
    wrong = Unit((Alter(BUMP, {"this": 1}),))  # values are missing
    results = await asyncio.wait_for(asyncio.gather(database.commit(wrong), database.commit(add(7)), return_exceptions=True), 10)

    assert isinstance(results[0], KeyError)
    assert results[1] is None
    assert await ids(database) == [7]


async def test_of_two_changes_from_one_version_one_wins(database: Database) -> None:
    """A conditional update that finds another version refuses its whole unit."""
    await database.commit(add(1))
    bump = {"this": 1, "seen": 1, "next": 2}
    units = [Unit((Alter(BUMP, bump), Add(ADD, [(10 + at, "", 1)]))) for at in range(2)]
    results = await asyncio.gather(*(database.commit(unit) for unit in units), return_exceptions=True)

    assert [type(result) for result in results] == [type(None), Conflict]
    assert await ids(database) == [1, 10]


async def test_of_many_changes_at_once_only_the_late_one_is_refused(database: Database) -> None:
    """Each change answers for itself, also where all are sent together: those of the neighbours are stored."""
    await database.commit(add(*range(10)))
    changes = [Alter(BUMP, {"this": one, "seen": 7 if one == 4 else 1, "next": 2}) for one in range(10)]
    results = await asyncio.gather(*(database.commit(Unit((change,))) for change in changes), return_exceptions=True)

    assert [at for at, result in enumerate(results) if result is not None] == [4]
    assert [row[2] for row in await database.fetch(ALL, {})] == [1 if one == 4 else 2 for one in range(10)]


async def test_a_change_that_touches_nothing_refuses_the_rows_beside_it(database: Database) -> None:
    """Rows of several tables and changes are one transaction, on an empty table too."""
    gone = Unit((Alter(BUMP, {"this": 9, "seen": 1, "next": 2}), Add(ADD, [(3, "", 1)])))
    with pytest.raises(Conflict):
        await database.commit(gone)

    assert await ids(database) == []


async def test_sql_in_a_value_is_only_a_value(database: Database) -> None:
    """Every value is a bound parameter."""
    text = "'); DROP TABLE thing; --"
    await database.commit(Unit((Add(ADD, [(1, text, 1)]),)))

    assert [tuple(row) for row in await database.fetch(ALL, {})] == [(1, text, 1)]


async def test_a_list_of_any_length_is_one_parameter(database: Database) -> None:
    """`AnyOf` keeps one statement for every length, the empty list included."""
    await database.commit(add(*range(500)))

    for wanted in ([], [3], list(range(100, 400)), [2**62, 7]):
        found = await database.fetch(SOME, {"ids": database.listed(wanted)})
        assert [row[0] for row in found] == [one for one in wanted if one < 500]


async def test_a_query_for_several_sets_of_values(database: Database) -> None:
    """The rows of each come one after the other; a set that finds none adds none."""
    await database.commit(add(*range(10)))
    wanted = [[3, 4], [], [9]]
    found = await database.fetch_each(SOME, [{"ids": database.listed(one)} for one in wanted])

    assert [row[0] for row in found] == [3, 4, 9]
    assert [row[0] for row in await database.fetch_each(SOME, [{"ids": database.listed([7])}])] == [7]


async def test_an_unknown_address_is_refused() -> None:
    """Only sqlite and postgresql are served."""
    with pytest.raises(UnknownDatabase):
        await open_database("mysql://localhost/x")
