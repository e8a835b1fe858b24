"""Finish a migration: the columns of before are closed, what was in them is overwritten, and there is no way back.

Programs that still read them go on: the columns are there, empty. They are dropped once no model names them any more (`drop.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from confide.adopt.refusals import NotFinished
from confide.adopt.sqlalchemy.migrate.alter import altered
from confide.adopt.sqlalchemy.migrate.count import cleared, count, is_finished
from confide.adopt.sqlalchemy.migrate.open import verify
from confide.adopt.sqlalchemy.stored import IsSealed

if TYPE_CHECKING:
    from confide.adopt.sqlalchemy.migrate.seal import Report
    from confide.adopt.sqlalchemy.migrate.work import Work

_HELD = (
    "database file written anew; but a program that reads holds its write-ahead log, in which clear text is left: run --finish again when "
    "that program is stopped"
)


def finish(engine: sa.Engine, work: Work, report: Report) -> list[str]:
    """Open every row, then close the columns of before; return what was done in words.

    Raises:
        NotFinished: rows are still in the clear, or do not open; nothing was changed.
    """
    with engine.connect() as connection:
        if is_finished(connection, work):
            return []
        found = count(connection, work)
    if found.unfinished:
        message = f"{found.unfinished} rows of {work.table.name} are not sealed yet: run the migration again. Nothing was changed."
        raise NotFinished(message)
    failed = verify(engine, work, report)
    if failed:
        message = f"{failed} rows of {work.table.name} do not open: look at keys and database. Nothing was changed."
        raise NotFinished(message)
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            table = connection.dialect.identifier_preparer.format_table(work.table)
            connection.execute(sa.text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        locked = count(connection, work)  # a program of before may have written while every row was opened
        if locked.unfinished:
            message = f"{locked.unfinished} rows of {work.table.name} were written in the clear meanwhile: run the migration again."
            raise NotFinished(message)
        done = _close(connection, work)
    return done + rewrite(engine, work.table)


def _close(connection: sa.Connection, work: Work) -> list[str]:
    with altered(connection, work.table) as batch:
        for column in (*work.identifiers(), *(bound.column for bound in work.bounds)):
            if not column.nullable:
                batch.alter_column(column.name, existing_type=column.type, nullable=False)
        for bound in work.bounds:
            batch.create_check_constraint(f"sealed_{bound.column.name}", IsSealed(sa.Column(bound.column.name, sa.LargeBinary)))
            was = work.was(bound).name
            batch.create_check_constraint(cleared(was), sa.Column(was, sa.LargeBinary).is_(None))
    return [f"column {work.table.name}.{work.was(bound).name} is empty and stays so" for bound in work.bounds]


def rewrite(engine: sa.Engine, of: sa.Table) -> list[str]:
    """Write the table's pages anew, since a database forgets what it drops without overwriting it."""
    sqlite = engine.dialect.name == "sqlite"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        driver: Any = connection
        if sqlite:
            driver.exec_driver_sql("VACUUM")
            held = driver.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").first()[0]
            return [_HELD if held else "database file written anew"]
        table = connection.dialect.identifier_preparer.format_table(of)
        driver.exec_driver_sql(f"VACUUM FULL {table}")
        driver.exec_driver_sql("CHECKPOINT")
        return [f"table {of.name} written anew; the write-ahead log and older backups hold its clear text until they are replaced"]
