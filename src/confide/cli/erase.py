"""`confide erase`: erase a patient, for good and everywhere, or say what that would mean."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from confide.cli import terminal
from confide.cli.errors import NothingToDo
from confide.cli.instance import folder_option, run_in_house, settings_of
from confide.clinic.app import TENANT, catch_up, clock
from confide.rights import erase
from confide.values.ids import SubjectId, uuid_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from confide.clinic.app import House
    from confide.keys.rotate import Report
    from confide.rights.holdings import Plan

DAY = 86_400


@click.command("erase")
@click.option("--patient", required=True, help="The id of the Patient.")
@click.option("--yes", is_flag=True, help="Do it; without this, only what would be done is shown.")
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
def command(*, patient: str, yes: bool, folder: Path, as_json: bool) -> None:
    """Erase a patient: documents, every version, accounts, search tokens, keys. Shows what would go; --yes does it.

    Once begun, an erasure is carried out whatever happens: it is written to the shred ledger first, and a server that was stopped in
    between, or a backup that is restored later, carries it out before it opens anything.
    """
    settings = settings_of(folder)
    subject = uuid_bytes(patient)
    if subject is None:
        message = "This is no id of a Patient here: look it up with a search first."
        raise NothingToDo(message)
    with terminal.progress(quiet=as_json) as bar:
        task = bar.add_task("Erasing" if yes else "Planning", total=None, beside="")
        planned, horizon = run_in_house(settings, lambda house: work(house, SubjectId(subject), partial(bar.advance, task), yes=yes))
    if as_json:
        terminal.machine({"erased": yes, "items": dict(planned.items), "rewritten": planned.rewritten, "horizon_days": horizon})
        return
    say(planned, horizon, done=yes)


async def work(house: House, subject: SubjectId, report: Report, *, yes: bool) -> tuple[Plan, int]:
    """Plan, and carry out where that is asked for; return the plan, and after how many days no old copy of a key opens anything."""
    now = clock()
    planned = await erase.plan(house.holdings(now), subject, now)
    if yes:
        await erase.write_down(house.keyring, house.ledger, TENANT, planned, now)
        await catch_up(house, report, now)
    return planned, -(-house.settings.policy.horizon(house.provider.destruction_seconds) // DAY)


def say(planned: Plan, horizon: int, *, done: bool) -> None:
    """Say what was done, or what would be."""
    terminal.columns([("kind", "number"), *((kind, f"{number:,}") for kind, number in planned.items)])
    if planned.rewritten:
        terminal.note(f"{planned.rewritten} documents name others too: this person is taken out of them, and their older versions go.")
    if done:
        terminal.done(f"Erased. Copies of the keys in older backups of the key database open nothing after {horizon} days.")
    else:
        terminal.note(f"Nothing was changed. With --yes it is, and copies of the keys in older backups open nothing after {horizon} days.")
