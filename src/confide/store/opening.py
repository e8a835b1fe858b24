"""Which engine an address names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from confide.store.errors import UnknownDatabase
from confide.store.postgresql import PostgresqlDatabase
from confide.store.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from confide.store.work import Database

SQLITE_PREFIX = "sqlite:///"
POSTGRESQL_PREFIXES = ("postgresql://", "postgres://")


def sqlite_path(url: str) -> Path | None:
    """Return the file of an sqlite address, or None for another scheme."""
    return Path(url.removeprefix(SQLITE_PREFIX)) if url.startswith(SQLITE_PREFIX) else None


async def open_database(url: str) -> Database:
    """Return a connected database for `sqlite:///path` or `postgresql://…`.

    Raises:
        UnknownDatabase: another scheme.
        Unavailable: the server does not answer.
    """
    path = sqlite_path(url)
    if path is not None:
        return SqliteDatabase(path)
    if url.startswith(POSTGRESQL_PREFIXES):
        database = PostgresqlDatabase(url)
        await database.start()
        return database
    message = "The database address must start with sqlite:/// or postgresql://."
    raise UnknownDatabase(message)
