"""Finish a migration: the columns with values in the clear are dropped, and there is no way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from confide.adopt.sqlalchemy.migrate.count import count, is_finished
from confide.adopt.sqlalchemy.migrate.open import verify
from confide.adopt.sqlalchemy.refusals import NotFinished
from confide.adopt.sqlalchemy.stored import IsSealed

if TYPE_CHECKING:
    from confide.adopt.sqlalchemy.migrate.seal import Report
    from confide.adopt.sqlalchemy.migrate.work import Work


def finish(engine: sa.Engine, work: Work, report: Report) -> list[str]:
    """Open every row, then drop the clear text for good; return what was done in words.

    Raises:
        NotFinished: rows are still in the clear, or do not open; nothing was dropped.
    """
    with engine.connect() as connection:
        if is_finished(connection, work):
            return []
        found = count(connection, work)
    if found.unfinished:
        message = f"{found.unfinished} rows of {work.table.name} are not sealed yet: run the migration again. Nothing was dropped."
        raise NotFinished(message)
    failed = verify(engine, work, report)
    if failed:
        message = f"{failed} rows of {work.table.name} do not open: look at keys and database. Nothing was dropped."
        raise NotFinished(message)
    with engine.begin() as connection:
        locked = count(connection, work)  # a program of before may have written while every row was opened
        if locked.unfinished:
            message = f"{locked.unfinished} rows of {work.table.name} were written in the clear meanwhile: run the migration again."
            raise NotFinished(message)
        done = _drop(connection, work)
    return done + _rewrite(engine, work)


def _drop(connection: sa.Connection, work: Work) -> list[str]:
    if connection.dialect.name == "postgresql":
        connection.execute(
            sa.text(f"LOCK TABLE {connection.dialect.identifier_preparer.format_table(work.table)} IN ACCESS EXCLUSIVE MODE")
        )
    inspector, done = sa.inspect(connection), []
    gone = {work.was(bound).name for bound in work.bounds}
    operations = Operations(MigrationContext.configure(connection))
    for index in inspector.get_indexes(work.table.name, work.table.schema):
        if gone & set(index["column_names"]) and index["name"] and not index.get("duplicates_constraint"):
            operations.drop_index(index["name"], work.table.name, schema=work.table.schema)
            done.append(f"index {index['name']} dropped")
    with operations.batch_alter_table(work.table.name, schema=work.table.schema) as batch:
        for constraint in inspector.get_unique_constraints(work.table.name, work.table.schema):
            if gone & set(constraint["column_names"]) and constraint["name"]:
                batch.drop_constraint(constraint["name"], type_="unique")
                done.append(f"constraint {constraint['name']} dropped")
        for name in sorted(gone):
            batch.drop_column(name)
            done.append(f"column {work.table.name}.{name} dropped")
        for column in (*work.identifiers(), *(bound.column for bound in work.bounds)):
            if not column.nullable:
                batch.alter_column(column.name, existing_type=column.type, nullable=False)
        for bound in work.bounds:
            batch.create_check_constraint(f"sealed_{bound.column.name}", IsSealed(sa.Column(bound.column.name, sa.LargeBinary)))
    return done


def _rewrite(engine: sa.Engine, work: Work) -> list[str]:
    """Write the table's pages anew, since a database forgets what it drops without overwriting it."""
    sqlite = engine.dialect.name == "sqlite"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        driver: Any = connection
        if sqlite:
            driver.exec_driver_sql("VACUUM")
            driver.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            return ["database file written anew"]
        table = connection.dialect.identifier_preparer.format_table(work.table)
        driver.exec_driver_sql(f"VACUUM FULL {table}")
        driver.exec_driver_sql("CHECKPOINT")
        return [f"table {work.table.name} written anew; the write-ahead log and older backups hold its clear text until they are replaced"]
