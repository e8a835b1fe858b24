"""`confide audit`: the trail, newest first. Whoever looks is in the trail afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
import msgspec

from confide.audit.append import granted
from confide.audit.show import newest
from confide.cli import terminal
from confide.cli.instance import call_now, folder_option, run_in_house, settings_of
from confide.clinic.fhir.call import Call
from confide.values.permit import Action
from confide.values.principal import Role
from confide.values.purpose import Purpose

if TYPE_CHECKING:
    from pathlib import Path

    from confide.clinic.app import House

MOST = 1000
HEADINGS = ("#", "time (UTC)", "who", "did", "ended in", "why", "patient")
SHOWN = 8
"""Characters of a pseudonym on the terminal; `--json` has all of them."""


async def show(house: House, count: int) -> list[tuple[int, bytes]]:
    """Return the newest events as (sequence, canonical JSON); the look at them is an event of its own.

    The command line acts as auditor here, since the operator's role has no right to the trail.
    """
    call = call_now(house)
    auditor = replace(call.principal, role=Role.AUDITOR, purpose=Purpose.COMPLIANCE)
    call = Call(call.parts, auditor, call.origin, call.now)
    rows = call.rows("AuditEvent", Action.AUDIT)
    found = await newest(house.database, auditor.tenant, count)
    await call.commit([granted(rows.permit)])
    return found


@click.group("audit")
def command() -> None:
    """Show the audit trail."""


@command.command("show")
@click.option("-n", "--count", default=20, show_default=True, type=click.IntRange(1, MOST), help="How many events.")
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print the events as they are stored, one JSON object on each line.")
def show_command(*, count: int, folder: Path, as_json: bool) -> None:
    """Show the newest events."""
    found = run_in_house(settings_of(folder), lambda house: show(house, count))
    if as_json:
        for _, body in found:
            click.echo(body.decode())
        return
    terminal.columns([HEADINGS, *(line(sequence, msgspec.json.decode(body)) for sequence, body in found)])


def line(sequence: int, event: dict[str, Any]) -> tuple[str, ...]:
    """Return an event as a row under `HEADINGS`; pseudonyms stand for people and resources."""
    actor = event.get("role", "nobody") + (f" {event['actor'][:SHOWN]}" if "actor" in event else "")
    patients = event.get("patients", ())
    about = " ".join(one[:SHOWN] for one in patients[:2]) + (f" +{len(patients) - 2}" if len(patients) > 2 else "")  # noqa: PLR2004 - shown
    return str(sequence), event["time"][:19].replace("T", " "), actor, event["action"], event["outcome"], event["explanation"], about
