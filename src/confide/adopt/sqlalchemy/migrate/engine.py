"""A connection for a migration: synchronous, whatever driver the backend uses, and with the write lock from the start of a transaction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

from confide.store.errors import Unavailable

if TYPE_CHECKING:
    import sqlite3

SYNCHRONOUS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
BUSY_SECONDS = 30
"""How long a step waits for somebody else who holds the table."""


def open_engine(url: str | sa.URL) -> sa.Engine:
    """Return an engine on the backend's database.

    Raises:
        Unavailable: there is no such file; none is made.
    """
    parsed = sa.make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite" and not Path(parsed.database or "").is_file():
        message = f"There is no database file {parsed.database}: run the command where the backend runs."
        raise Unavailable(message)
    engine = sa.create_engine(parsed.set(drivername=SYNCHRONOUS[backend]), hide_parameters=True)
    if backend == "sqlite":
        event.listen(engine, "connect", _connect)
        event.listen(engine, "begin", _begin)
    else:
        event.listen(engine, "connect", _connect_server)
    return engine


def reader(engine: sa.Engine) -> sa.Engine:
    """Return the engine for who only reads: on SQLite that needs no write lock, which would keep the backend waiting."""
    return engine.execution_options(isolation_level="AUTOCOMMIT") if engine.dialect.name == "sqlite" else engine


def _connect(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's begin, and nothing of the driver's
    connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    connection.execute("PRAGMA legacy_alter_table=ON")  # views and triggers that name a table survive that it is made anew
    connection.execute("PRAGMA secure_delete=ON")  # what was in the clear is overwritten, not just forgotten


def _connect_server(connection: Any, _record: Any) -> None:
    connection.execute(f"SET lock_timeout = '{BUSY_SECONDS}s'")
    connection.commit()


def _begin(connection: sa.Connection) -> None:
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":  # VACUUM runs outside of any transaction
        connection.exec_driver_sql("BEGIN IMMEDIATE")
