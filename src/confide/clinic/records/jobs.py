"""Work that has to be finished before the server serves; a killed one goes on where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from confide.clinic.records import store
from confide.store.work import Alter

if TYPE_CHECKING:
    from confide.store.work import Database

REINDEX = "reindex"
"""The search index is made anew, as after a restore: until then a search would miss what is there."""
REBUILT = frozenset({store.TOKEN.name, store.JOB.name})
"""Tables left out of backups: whoever steals one gets no index."""
TO_REINDEX = sa.insert(store.JOB).values(name=REINDEX, position=0)
"""Goes with the rows of a restored backup, in their transaction."""


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
