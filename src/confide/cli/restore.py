"""`confide restore`: backups of data and keys into an instance whose databases are empty, then everything that was erased since."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from confide.cli import terminal
from confide.cli.backup import opened
from confide.cli.databases import sources
from confide.cli.errors import AlreadyThere, BackupFailed, NoInstance
from confide.cli.instance import folder_option, settings_of, told
from confide.cli.sink import identities_of
from confide.clinic.app import TENANT, catch_up, clock, open_house
from confide.clinic.records import read as records
from confide.clinic.records.jobs import TO_REINDEX
from confide.clinic.settings import FILE
from confide.store import migrate, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyrage

    from confide.cli.databases import Source
    from confide.clinic.settings import Settings


def check_empty(source: Source) -> None:
    """Return if a database may be restored into.

    Raises:
        AlreadyThere: it has rows.
    """
    if not snapshot.is_empty(source.url, source.metadata):
        message = f"The {source.which.value} database is not empty: move it away first. A restore writes over nothing."
        raise AlreadyThere(message)


def fill(source: Source, backup: Path, identities: list[pyrage.x25519.Identity], report: Callable[[int], None]) -> int:
    """Fill an empty database from a backup; return how many rows there are. The data come with the job that indexes them.

    Raises:
        BackupFailed, SnapshotRefused: nothing was restored.
    """
    with opened(backup, identities) as stream:
        header, parts = snapshot.read(stream)
        if header.which != source.which.value:
            message = f"{backup} is a backup of the {header.which} database: the two were mixed up. Nothing was restored."
            raise BackupFailed(message)
        migrate.upgrade(source.url, source.which, header.revision)
        then = TO_REINDEX if source.which is migrate.Which.DATA else None
        counts = snapshot.load(source.url, source.metadata, parts, report, then=then)
    migrate.upgrade(source.url, source.which)
    return sum(counts.values())


@click.command("restore")
@click.option(
    "--data", "data_backup", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Backup of the data."
)
@click.option(
    "--keys", "keys_backup", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="That of the keys."
)
@click.option("--identity", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File with the age identity.")
@click.option("--nothing-erased-since", is_flag=True, help="Say that there is no shred ledger because nobody was ever erased.")
@folder_option
def command(*, data_backup: Path, keys_backup: Path, identity: Path, nothing_erased_since: bool, folder: Path) -> None:
    """Restore backups into an instance whose databases are empty.

    The folder needs its settings, what its key provider needs (root.key and epochs.key, from the recovery kit), and the shred ledger.
    Everything that the ledger says was erased since is erased again before anything opens; then the search index is made anew. A
    restore that was stopped after the databases were filled is finished by the server, which serves nothing until then.
    """
    if not (folder / FILE).is_file():
        recover = terminal.shown("keys", "kit", "recover", "KIT", "--folder", folder)
        message = f"There is no instance in {folder} to restore into: make it from the recovery kit with {recover}."
        raise NoInstance(message)
    settings = settings_of(folder)
    if not (settings.ledger.exists() and settings.ledger.stat().st_size) and not nothing_erased_since:
        message = (
            f"There is no shred ledger at {settings.ledger}: put it there, since without it whoever was erased would come back. "
            "If nobody was ever erased, say so with --nothing-erased-since."
        )
        raise BackupFailed(message)
    identities = identities_of(identity)
    both = tuple(zip(sources(settings), (data_backup, keys_backup), strict=True))
    for source, _ in both:
        check_empty(source)
    for source, backup in both:
        with terminal.progress() as bar:
            task = bar.add_task(f"Restoring {source.which.value}", total=None, beside="")
            rows = fill(source, backup, identities, partial(bar.advance, task))
        terminal.done(f"{source.which.value}: {rows:,} rows")
    erased = bring_up(settings)
    terminal.done(f"{terminal.counted(erased, 'erasure')} of the shred ledger carried out; the search index is whole")


def bring_up(settings: Settings) -> int:
    """Carry out every erasure since, and make the search index anew; return how many erasures there were."""

    async def run() -> int:
        async with open_house(settings, clock(), terminal.ask_passphrase) as house:
            total = await records.count_current(house.database, TENANT)
            with terminal.progress() as bar:
                task = bar.add_task("Indexing", total=total, beside="")
                erased = await catch_up(house, lambda count: bar.advance(task, count), clock())
            await told(house, "restore")
            return erased

    return asyncio.run(run())
