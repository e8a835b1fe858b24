"""Schema versions of both databases, by Alembic. The server never migrates by itself: `confide init` and `confide migrate` do."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from confide.store.errors import SchemaBehind, Unavailable
from confide.store.opening import postgresql_address, sqlite_path
from confide.store.postgresql import CONNECT_SECONDS
from confide.store.sqlite import connect, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from alembic.config import Config

    T = TypeVar("T")

FOLDER = Path(__file__).parent / "migrations"


VERSION = sa.table("alembic_version", sa.column("version_num", sa.String))
"""Where Alembic keeps the revision of a database."""


class Which(Enum):
    """One of the two databases."""

    DATA = "data"
    KEYS = "keys"


def configuration(which: Which) -> Config:
    """Return the Alembic configuration of a database, without a file."""
    from alembic.config import Config  # noqa: PLC0415 - a third of the start of a command, and few migrate anything

    found = Config()
    found.set_main_option("script_location", str(FOLDER / which.value))
    return found


def with_connection(url: str, work: Callable[[sa.Connection], T]) -> T:
    """Run `work` on a connection of its own and commit.

    Raises:
        UnknownDatabase: the address has another scheme.
        Unavailable: there is no connection to be had.
    """
    path = sqlite_path(url)
    if path is not None:
        engine = sa.create_engine("sqlite://", creator=lambda: connect(path), poolclass=NullPool)
        # The driver begins nothing by itself: without this a migration that is stopped leaves half of its tables.
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        with _telling(), _whole(path):
            opened = engine.connect()
        with _whole(path), opened as connection:
            result = work(connection)
            connection.commit()
            return result

    address = postgresql_address(url).replace("postgresql://", "postgresql+asyncpg://", 1)

    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - brings the ORM, which a file of SQLite does without

    async def run() -> T:
        # An address that is none is told apart here as well: SQLAlchemy would repeat it, password and all.
        with _telling():
            engine = create_async_engine(address, poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS})
            opened = await engine.connect()
        try:
            result = await opened.run_sync(work)
            await opened.commit()
        finally:
            await opened.close()
        return result

    return asyncio.run(run())


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise told(path, error.orig) or error from None


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError, sa.exc.SQLAlchemyError) as error:
        reason = type(error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error).__name__
        message = f"A database cannot be reached ({reason}): see that it runs, and that its address in the settings is right."
        raise Unavailable(message) from None


def upgrade(url: str, which: Which, revision: str = "head") -> None:
    """Bring a database to the newest schema, or to an earlier one; running it again changes nothing.

    Raises:
        SchemaBehind: a later program made the schema.
        Unavailable: the database cannot be reached.
    """
    from alembic import command  # noqa: PLC0415 - see `configuration`

    def work(connection: sa.Connection) -> None:
        found = configuration(which)
        _known(connection, which)
        found.attributes["connection"] = connection
        command.upgrade(found, revision)

    with_connection(url, work)


def check(url: str, which: Which) -> None:
    """Return if the database has the schema of this program; nothing is made or changed, whatever is missing.

    Raises:
        SchemaBehind: it has another, or none, or a file of SQLite is not there.
        Unavailable: the database cannot be reached.
    """
    path = sqlite_path(url)
    if path is not None and not is_there(url):
        message = f"There is no {which.value} database at {path}: put it back; where nothing was ever kept, run confide init."
        raise SchemaBehind(message)
    found = revision(url, which)
    if found is None:
        message = f"The {which.value} database is empty: look whether it is the right one; where nothing was ever kept, run confide init."
        raise SchemaBehind(message)
    if found != revisions(which)[-1]:
        message = f"The {which.value} database has the schema of an earlier version of this program: run confide migrate."
        raise SchemaBehind(message)


def is_there(url: str) -> bool:
    """Tell whether there is a file with something in it, where the database is one; looking at none would make it."""
    path = sqlite_path(url)
    return path is None or (path.is_file() and path.stat().st_size > 0)


def revision(url: str, which: Which) -> str | None:
    """Return the revision of a database, or None of an empty one.

    Raises:
        SchemaBehind: this program does not know it.
        Unavailable: the database cannot be reached.
    """
    return with_connection(url, lambda connection: _known(connection, which))


def revisions(which: Which) -> list[str]:
    """Return the revisions that this program knows, oldest first: the names of their files begin with them."""
    return sorted(path.name.partition("_")[0] for path in (FOLDER / which.value / "versions").glob("[0-9]*_*.py"))


def _known(connection: sa.Connection, which: Which) -> str | None:
    there = sa.inspect(connection).has_table(VERSION.name)
    revision = connection.execute(sa.select(VERSION.c.version_num)).scalar() if there else None
    if revision is not None and revision not in revisions(which):
        message = f"The schema of the {which.value} database was made by a later version of this program: install that version."
        raise SchemaBehind(message)
    return revision
