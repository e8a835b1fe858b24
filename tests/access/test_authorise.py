"""The one source of rows: each reach is one shape of SQL, and on both engines it gives the rows that it says."""

from __future__ import annotations

import asyncio
from itertools import product
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from confide.access.authorise import Guarded, authorise, predicate
from confide.access.errors import Denied
from confide.store.migrate import with_connection
from confide.store.opening import open_database
from confide.store.statements import Insert, Query
from confide.store.work import Add, Unit
from confide.values.ids import DocumentKey, Pseudonym, TenantId
from confide.values.permit import Action, Reach
from confide.values.principal import Principal, Role
from confide.values.purpose import Purpose

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from confide.store.work import Database

META = sa.MetaData()
RECORD = sa.Table(
    "record",
    META,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("tenant", sa.Integer),
    sa.Column("patient", sa.BigInteger),
    sa.Column("several", sa.Integer),
)
AMONG = sa.Table("among", META, sa.Column("patient", sa.BigInteger), sa.Column("record", sa.Integer))
GUARDED = Guarded(
    RECORD.c.tenant,
    RECORD.c.patient,
    sa.exists().where(AMONG.c.record == RECORD.c.id, AMONG.c.patient == sa.bindparam("own")),
    sa.and_(RECORD.c.patient.is_(None), RECORD.c.several == 0),
)
ROWS = [(at, *row) for at, row in enumerate(product((1, 2), (None, 7, 8), (0, 1)))]
"""Every combination of tenant, patient, and whether the record names several."""
SHARED = [(7, at) for at, (_, _, _, several) in enumerate(ROWS) if several][::2]
EXPECTED = {
    Reach.TENANT: {row[0] for row in ROWS if row[1] == 1},
    Reach.COMMONS: {row[0] for row in ROWS if row[1] == 1 and row[2] is None and not row[3]},
    Reach.COMPARTMENT: {row[0] for row in ROWS if row[1] == 1 and (row[2] == 7 or (7, row[0]) in SHARED)},
}


def principal(role: Role, patient: int | None = None) -> Principal:
    """A caller of tenant 1."""
    key = None if patient is None else DocumentKey(patient)
    return Principal(TenantId(1), b"account", Pseudonym(bytes(16)), role, Purpose.TREATMENT, key)


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    """Every kind of row."""
    await asyncio.to_thread(with_connection, store_url, META.create_all)
    opened = await open_database(store_url)
    await opened.commit(Unit((Add(Insert(RECORD), ROWS), Add(Insert(AMONG), SHARED))))
    yield opened
    await opened.close()


async def test_each_reach_gives_the_rows_that_it_says(database: Database) -> None:
    """The tenant's rows; those in no compartment; those in one's own compartment, alone or among others."""
    found = {}
    for reach in Reach:
        rows = await database.fetch(Query(sa.select(RECORD.c.id).where(predicate(GUARDED, reach))), {"tenant": 1, "own": 7})
        found[reach] = {row[0] for row in rows}

    assert found == EXPECTED
    assert all(0 < len(rows) < len(ROWS) for rows in EXPECTED.values())


async def test_no_patient_has_no_row(database: Database) -> None:
    """A null in the place of the patient matches nothing, not even rows without one."""
    query = Query(sa.select(RECORD.c.id).where(predicate(GUARDED, Reach.COMPARTMENT)))

    assert await database.fetch(query, {"tenant": 1, "own": None}) == []


@pytest.mark.parametrize("action", list(Action))
def test_a_patient_reaches_their_own_chart_only(action: Action) -> None:
    """Reading is bound to the patient of the account, and whatever is not reading is denied."""
    caller = principal(Role.PATIENT, 7)
    if action not in {Action.READ, Action.SEARCH, Action.HISTORY}:
        with pytest.raises(Denied):
            authorise("Observation", caller, action)
        return
    rows = authorise("Observation", caller, action)

    assert (rows.permit.reach, rows.values) == (Reach.COMPARTMENT, {"tenant": 1, "own": 7})
    assert (rows.permit.principal, rows.permit.action, rows.permit.resource_type) == (caller, action, "Observation")


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("action", list(Action))
def test_every_row_given_is_of_the_callers_tenant(role: Role, action: Action) -> None:
    """Whatever the role, the tenant is bound."""
    caller = principal(role, 7)
    try:
        rows = authorise("Patient", caller, action)
    except Denied:
        return

    assert rows.values["tenant"] == caller.tenant
    assert ":tenant" in str(predicate(GUARDED, rows.permit.reach))
