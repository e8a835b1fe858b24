"""Schema versions of both databases, by Alembic. The server never migrates by itself: `confide init` and `confide migrate` do."""

from __future__ import annotations

import asyncio
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from confide.store.errors import SchemaBehind
from confide.store.opening import sqlite_path
from confide.store.sqlite import connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

FOLDER = Path(__file__).parent / "migrations"


class Which(Enum):
    """One of the two databases."""

    DATA = "data"
    KEYS = "keys"


def configuration(which: Which) -> Config:
    """Return the Alembic configuration of a database, without a file."""
    found = Config()
    found.set_main_option("script_location", str(FOLDER / which.value))
    return found


def with_connection(url: str, work: Callable[[sa.Connection], T]) -> T:
    """Run `work` on a connection of its own and commit."""
    path = sqlite_path(url)
    if path is not None:
        engine = sa.create_engine("sqlite://", creator=lambda: connect(path), poolclass=NullPool)
        with engine.connect() as connection:
            result = work(connection)
            connection.commit()
            return result

    async def run() -> T:
        engine = create_async_engine(
            url.replace("postgres://", "postgresql://", 1).replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=NullPool
        )
        async with engine.connect() as connection:
            result = await connection.run_sync(work)
            await connection.commit()
            return result

    return asyncio.run(run())


def upgrade(url: str, which: Which) -> None:
    """Bring a database to the newest schema; running it again changes nothing."""

    def work(connection: sa.Connection) -> None:
        found = configuration(which)
        found.attributes["connection"] = connection
        command.upgrade(found, "head")

    with_connection(url, work)


def check(url: str, which: Which) -> None:
    """Return if the database has the schema of this program.

    Raises:
        SchemaBehind: it has another, or none.
    """
    wanted = ScriptDirectory.from_config(configuration(which)).get_current_head()

    def work(connection: sa.Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    if with_connection(url, work) != wanted:
        message = (
            f"The {which.value} database has not the schema of this program: run confide init (new) or confide migrate (after an update)."
        )
        raise SchemaBehind(message)
