"""`confide keys`: what keys there are, and their rotation, while the server goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from confide.cli import key_lines, kit, rotations, terminal
from confide.cli.instance import call_now, folder_option, run_in_house, settings_of, told
from confide.cli.rotations import ROTATIONS
from confide.clinic.app import TENANT, clock, tend_keys
from confide.clinic.fhir.reindex import renew
from confide.clinic.records import jobs, reseal
from confide.clinic.records.file_reseal import reseal_files
from confide.keys import rotate
from confide.keys.index import due
from confide.keys.status import status
from confide.values.permit import Action

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from confide.clinic.app import House
    from confide.keys.rotate import Report


async def data(house: House, report: Report) -> str:
    """Renew data keys that are older than the policy allows, and seal again what they sealed."""
    now, policy = clock(), house.settings.policy
    await rotate.renew_data_keys(house.keys, house.keyring, TENANT, now - policy.dek * 1_000_000, now)
    old = dict(await rotate.superseded(house.keys, TENANT))
    call = call_now(house)
    permit = call.rows("Patient", Action.MAINTAIN).permit
    await told(house, "reseal")
    await reseal.reseal(house.database, house.keyring, permit, old, report, now)
    await reseal_files(call.reader(permit), old, report)
    needed = await reseal.in_use(house.database, TENANT)
    gone = rotations.unneeded(old, needed, now - max(policy.retired, policy.searches) * 1_000_000)
    await rotate.drop(house.keys, gone)
    return rotations.told(old, needed, len(gone))


async def index(house: House, report: Report) -> str:
    """Renew the index key: wait until every process knows it, then index what is there under it."""
    await house.keyring.renew_search(TENANT, clock())
    keys = await house.keyring.search_keys(TENANT, clock())
    await jobs.remember(house.database, keys[-1].generation)
    await told(house, "rotate-index")
    await asyncio.sleep(max(0, due(keys, house.keyring.settled) - clock()) / 1_000_000)
    newest = await renew(call_now(house), report) or keys[-1].generation
    return f"index-{newest} serves every search; what was before it is destroyed"


DATA: dict[str, Callable[[House, Report], Awaitable[str]]] = {"data": data, "index": index}
"""Rotations after which data are sealed or indexed anew."""


@click.group("keys")
def command() -> None:
    """Show and rotate keys."""


command.add_command(kit.command)


@command.command("status", short_help="Show keys, their ages, and what is due.")
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
def status_command(*, folder: Path, as_json: bool) -> None:
    """Show every key that others stand under, its age, and what the policy asks for."""
    settings = settings_of(folder)
    lines = run_in_house(settings, lambda house: status(house.keys, TENANT, settings.policy, clock()))
    if as_json:
        terminal.machine(lines)
        return
    key_lines.show(lines)
    if key_lines.is_due(lines):
        terminal.note(
            f"Something is due: run {terminal.shown('keys', 'rotate')} with root, kek, data or index, or keys tend for the epoch."
        )


@command.command("tend", short_help="Do what is due by the clock.")
@folder_option
def tend_command(folder: Path) -> None:
    """Do what is due by the clock: begin an epoch, destroy what is superseded. The server does so every hour."""
    settings = settings_of(folder)

    async def work(house: House) -> list[str]:
        done = await tend_keys(house, clock())
        if done:
            await told(house, "tend")
        return done

    deeds = run_in_house(settings, work)
    for deed in deeds:
        terminal.done(deed)
    if not deeds:
        terminal.kept("nothing is due")


@command.command("rotate", short_help="Make a new root, KEK, epoch, index or data keys.")
@click.argument("what", type=click.Choice([*ROTATIONS, *DATA]))
@folder_option
def rotate_command(what: str, folder: Path) -> None:
    """Make a new root, KEK, epoch or index key, or new data keys, and bring everything under it. Stopped, it goes on when it is run again.

    Reads and writes go on meanwhile. What is superseded is destroyed later, by `keys tend`: a root and an epoch after their grace
    time, a KEK when no server uses it any more. An index key takes twenty minutes in which every server learns of it; stopped
    meanwhile, the server does the rest. Superseded data keys are destroyed here, once nothing is sealed under them and no
    backup is kept that needs them.
    """
    settings = settings_of(folder)
    with terminal.progress() as bar:
        task = bar.add_task(f"Rotating {what}", total=None, beside="")

        async def work(house: House) -> str:
            def report(count: int) -> None:
                bar.advance(task, count)

            if what in DATA:
                return await DATA[what](house, report)
            rotation = ROTATIONS[what]
            done = await rotation.carry_out(house.keys, house.provider, TENANT, clock(), report)
            await told(house, rotation.event)
            return done

        done = run_in_house(settings, work)
    terminal.done(done)
