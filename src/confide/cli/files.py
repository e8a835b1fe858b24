"""`confide files`: look after the object store, while the server goes on."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import click

from confide.cli import terminal
from confide.cli.instance import folder_option, run_in_house, settings_of, told
from confide.clinic.app import TENANT, clock
from confide.clinic.records import file_sweep

if TYPE_CHECKING:
    from pathlib import Path

    from confide.clinic.app import House
    from confide.clinic.records.file_sweep import Swept
    from confide.keys.rotate import Report

HOUR = 3_600_000_000
"""In microseconds."""
SHORTEST = 1
"""Hours: an upload that takes longer than this between its object and its row would lose it."""


@click.group("files")
def command() -> None:
    """Look after stored files."""


@command.command("sweep", short_help="Delete files that nothing names any more.")
@click.option("--dry-run", is_flag=True, help="Only count; delete nothing.")
@click.option(
    "--older-than", "hours", type=click.IntRange(min=SHORTEST), default=24, show_default=True, help="Hours that an orphan must be old."
)
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
def sweep_command(*, dry_run: bool, hours: int, folder: Path, as_json: bool) -> None:
    """Delete files whose versions were erased, and what a kill left between a file and its row.

    The server deletes the former every hour by itself. After a restore of an older backup, wait with this until it is certain that no
    newer one will be restored: files that only the newer one names are orphans until then.
    """
    with terminal.progress(quiet=as_json) as bar:
        task = bar.add_task("Looking at files", total=None, beside="")
        report = partial(bar.advance, task)
        swept = run_in_house(settings_of(folder), lambda house: sweep(house, hours, report, dry_run=dry_run))
    if as_json:
        terminal.machine({"deleted": not dry_run, **asdict(swept)})
        return
    say = terminal.note if dry_run else terminal.done
    verb = "would be deleted" if dry_run else "deleted"
    say(f"{swept.seen:,} objects seen; {swept.left:,} left by erasures, {swept.orphans:,} orphans, {swept.unfinished:,} unfinished {verb}")


async def sweep(house: House, hours: int, report: Report, *, dry_run: bool) -> Swept:
    """Sweep, and tell the audit trail where something may be deleted."""
    if not dry_run:
        await told(house, "sweep-files")
    before = clock() - hours * HOUR
    return await file_sweep.sweep(house.parts.files, house.database, TENANT, before, report, dry_run=dry_run)
