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


def postgresql_address(url: str) -> str:
    """Return an address of PostgreSQL in its long form.

    Raises:
        UnknownDatabase: another scheme.
    """
    for prefix in POSTGRESQL_PREFIXES:
        if url.startswith(prefix):
            return POSTGRESQL_PREFIXES[0] + url.removeprefix(prefix)
    message = "The database address must start with sqlite:/// or postgresql://."
    raise UnknownDatabase(message)


async def open_database(url: str) -> Database:
    """Return a connected database for `sqlite:///path` or `postgresql://…`.

    Raises:
        UnknownDatabase: another scheme.
        Unavailable: the server does not answer.
    """
    path = sqlite_path(url)
    if path is not None:
        return SqliteDatabase(path)
    database = PostgresqlDatabase(postgresql_address(url))
    await database.start()
    return database
