"""`confide adopt`: for a backend of your own that keeps its personal columns in a vault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from confide.adopt.begin import begin
from confide.adopt.refusals import NotFinished
from confide.adopt.sqlalchemy.migrate.count import count, is_finished, is_prepared
from confide.adopt.sqlalchemy.migrate.drop import drop, leftovers
from confide.adopt.sqlalchemy.migrate.finish import finish, rewrite
from confide.adopt.sqlalchemy.migrate.open import undo
from confide.adopt.sqlalchemy.migrate.prepare import prepare
from confide.adopt.sqlalchemy.migrate.seal import BATCH, seal
from confide.adopt.sqlalchemy.migrate.work import works
from confide.cli import adopt_keys, terminal
from confide.cli.errors import NothingToDo
from confide.cli.named_vault import models_option, opened_engine, vault_argument, vault_of
from confide.values.principal import Role
from confide.values.purpose import Purpose

if TYPE_CHECKING:
    import sqlalchemy as sa

    from confide.adopt.sqlalchemy.migrate.work import Work
    from confide.adopt.sqlalchemy.vault import Vault


@click.group("adopt")
def command() -> None:
    """Commands for a backend of your own. Run them where its modules can be imported.

    MODULE:VAULT names the vault in the backend's code, such as bank.database:vault.
    """


command.add_command(adopt_keys.command)


@command.command("init")
@vault_argument
def init_command(name: str) -> None:
    """Make the key file and the key database of a vault. Where they are there, nothing is touched."""
    made = begin(vault_of(name, ()).settings)
    for one in made:
        terminal.done(f"The {one} is made.")
    if "key file" in made:
        terminal.note("Copy the key file to a safe place now, apart from any backup of the data: without it nothing opens again.")
    if not made:
        terminal.kept("The key file and the key database are there.")


@command.command("migrate", short_help="Seal the columns of an existing table.")
@vault_argument
@models_option
@click.option("--table", help="Only this table.")
@click.option("--batch", type=click.IntRange(1, 10_000), default=BATCH, show_default=True, help="Rows in one transaction.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--prepare", "room", is_flag=True, help="Only make room: columns and tables that the program of before does not notice.")
@click.option("--undo", "back", is_flag=True, help="Put the clear text back. Possible until --finish.")
@click.option("--finish", "last", is_flag=True, help="Open every row, then close the columns with the clear text. There is no way back.")
def migrate_command(  # noqa: PLR0913 - an option each
    *, name: str, models: tuple[str, ...], table: str | None, batch: int, dry_run: bool, room: bool, back: bool, last: bool
) -> None:
    """Seal the columns whose declaration says was=…, row by row, while the backend goes on.

    A run that was stopped goes on when it is started again. Once it is finished, and no program says was=… any more, --finish drops the
    empty columns.
    """
    if room + back + last > 1:
        message = "--prepare, --undo and --finish exclude each other."
        raise click.UsageError(message)
    vault = vault_of(name, models)
    with opened_engine(vault.settings.database) as engine:
        try:
            found, registry = works(vault.base.registry, table), vault.base.registry
            with engine.connect() as connection:
                empty = leftovers(connection, registry, table)
            if not found and not empty:
                message = (
                    f"No column of {table or 'any table'} says was=…, so nothing is to be migrated: are all models imported (--models)?"
                )
                raise NothingToDo(message)
            if back:
                _check_way_back(engine, found)
            if last:
                _check_sealed(engine, found)
            if not dry_run:
                vault.start()  # what is wrong with the keys shows before anything is changed
            for work in found:
                if dry_run:
                    _say(engine, vault, work)
                else:
                    _migrate(engine, vault, work, batch, room=room, back=back, last=last)
            for of, names in empty.items():
                _drop(engine, of, names, last=last and not dry_run)
        finally:
            vault.close()


def _check_way_back(engine: sa.Engine, found: list[Work]) -> None:
    with engine.connect() as connection:
        over = [work.table.fullname for work in found if is_prepared(connection, work) and is_finished(connection, work)]
    if over:
        message = f"The migration of {', '.join(over)} is finished: the clear text is gone, and there is no way back. Nothing was put back."
        raise NothingToDo(message)


def _check_sealed(engine: sa.Engine, found: list[Work]) -> None:
    """Return if every table can be finished: that is for good, and so comes after everything was sealed and looked at."""
    with engine.connect() as connection:
        for work in found:
            if not is_prepared(connection, work) or (not is_finished(connection, work) and count(connection, work).unfinished):
                message = f"{work.table.fullname} has rows that are not sealed: run this without --finish first. Nothing was changed."
                raise NotFinished(message)


def _say(engine: sa.Engine, vault: Vault, work: Work) -> None:
    terminal.title(work.table.fullname)
    with engine.connect() as connection:
        for done in prepare(connection, work, vault.tables):
            terminal.note(f"would be done: {done}")
        connection.rollback()
    with engine.connect() as connection:
        found = count(connection, work)
    terminal.note(f"{found.rows:,} rows, of which {found.unfinished:,} are still to be sealed and {found.sealed:,} hold something sealed")


def _migrate(engine: sa.Engine, vault: Vault, work: Work, batch: int, *, room: bool, back: bool, last: bool) -> None:
    terminal.title(work.table.fullname)
    with engine.connect() as connection:
        prepared = is_prepared(connection, work)
        over = prepared and is_finished(connection, work)
    if back and not prepared:
        terminal.kept("Nothing of this table is sealed.")
        return
    if over:
        for done in rewrite(engine, work.table) if last else ():  # it may have been stopped before that
            terminal.done(done)
        terminal.kept("Finished already: take was=… and until=… out of the declaration.")
        return
    with engine.begin() as connection:
        for done in prepare(connection, work, vault.tables):
            terminal.done(done)
    if room:
        terminal.done("There is room. Start the program that says was=…, then run this again without --prepare.")
        return
    with engine.connect() as connection:
        found = count(connection, work)
    with vault.acting("confide adopt migrate", Purpose.MAINTENANCE, role=Role.OPERATOR):
        if back:
            rows = terminal.with_bar("Putting back", found.sealed, lambda report: undo(engine, work, report, batch))
            terminal.done(f"{rows:,} rows hold their clear text again.")
            return
        rows = terminal.with_bar("Sealing", found.unfinished, lambda report: seal(engine, work, report, batch))
        terminal.done(f"{rows:,} rows sealed.")
        if not last:
            terminal.note("Way back: --undo. When you are sure: --finish closes the columns of before for good.")
            return
        for done in terminal.with_bar("Opening every row", found.rows, lambda report: finish(engine, work, report)):
            terminal.done(done)
        terminal.done("Finished. There is no way back now; take was=… and until=… out of the declaration.")


def _drop(engine: sa.Engine, table: sa.Table, names: list[str], *, last: bool) -> None:
    terminal.title(table.fullname)
    if not last:
        terminal.note(f"Left over and empty: {', '.join(names)}. Once no running program says was=… any more, --finish drops them.")
        return
    for done in drop(engine, table, names):
        terminal.done(done)
