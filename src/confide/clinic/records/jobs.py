"""Work that a killed process goes on with where it was; the index has to be whole before the server serves."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa

from confide.clinic.records import store
from confide.store.errors import Conflict
from confide.store.work import Add, Alter, Unit

if TYPE_CHECKING:
    from confide.store.work import Database

REINDEX = "reindex"
"""The search index is made anew, as after a restore: until then a search would miss what is there."""
UNDER = "under"
"""Not work but a memory: the newest generation of the index key that rows may be indexed under. A key database that does not have it
is older than the index, which is then made anew."""
REBUILT = frozenset({store.TOKEN.name, store.JOB.name})
"""Tables left out of backups: whoever steals one gets no index."""
TO_REINDEX = sa.insert(store.JOB).values(name=REINDEX, position=0)
"""Goes with the rows of a restored backup, in their transaction."""


def renewal(generation: int) -> str:
    """Return the name of the job that indexes what is there under a new generation of the key."""
    return f"index-{generation}"


async def begin(database: Database, name: str, at: int) -> None:
    """Begin a job; one that has begun stays where it is."""
    if await position(database, name) is None:
        with suppress(Conflict):  # another process was first
            await database.commit(Unit((Add(store.BEGIN_JOB, [(name, at)]),)))


async def remember(database: Database, generation: int) -> None:
    """Remember that rows may be indexed under a generation from now on."""
    await begin(database, UNDER, generation)
    await database.commit(Unit((move(UNDER, generation),)))


async def position(database: Database, name: str) -> int | None:
    """Return the key of the last document that a job has done; None where there is no such job."""
    rows = await database.fetch(store.JOBS, {"name": name})
    return rows[0][0] if rows else None


def move(name: str, to: int) -> Alter:
    """Return the step that remembers how far a job is."""
    return Alter(store.MOVE_JOB, {"this": name, "position": to}, None)


def end(name: str) -> Alter:
    """Return the step that ends a job."""
    return Alter(store.END_JOB, {"this": name}, None)
