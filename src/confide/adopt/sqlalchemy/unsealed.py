"""While a table is being migrated it cannot be told of every row whose it is: nobody is exported or erased in part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from confide.adopt.refusals import NotFinished
from confide.adopt.sqlalchemy.migrate.work import works
from confide.store.statements import Query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from confide.store.work import Database


def check_in_session(registry: Any, session: Session) -> None:
    """Return if no row of a table that is being migrated is still in the clear.

    Raises:
        NotFinished
    """
    for name, statement in _unsealed(registry):
        if session.execute(statement).first() is not None:
            raise _refusal(name)


async def check(registry: Any, database: Database) -> None:
    """Do the same on the vault's own connection."""
    for name, statement in _unsealed(registry):
        if await database.fetch(Query(statement), {}):
            raise _refusal(name)


def _unsealed(registry: Any) -> Iterator[tuple[str, sa.Select[Any]]]:
    for work in works(registry):
        yield work.table.fullname, sa.select(sa.literal_column("1")).select_from(work.table).where(work.unfinished()).limit(1)


def _refusal(name: str) -> NotFinished:
    return NotFinished(f"Rows of {name} are not sealed yet, so it cannot be told whose they are: run confide adopt migrate first.")
