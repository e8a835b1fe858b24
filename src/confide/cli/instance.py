"""The instance that a command works on: its folder, its settings, its opened house."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from confide.audit.append import Origin, Told
from confide.cli import terminal
from confide.cli.databases import check_schema
from confide.cli.errors import NoInstance
from confide.clinic.app import catch_up, clock, open_house, operator
from confide.clinic.fhir.call import Call
from confide.clinic.settings import FILE, Settings, unknown_variables
from confide.crypto.random import new_uuid4
from confide.values.ids import uuid_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from confide.clinic.app import House

Result = TypeVar("Result")

DEFAULT = Path("confide")
DEMO = Path("demo")

folder_option = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT,
    show_default=True,
    envvar="CONFIDE_FOLDER",
    show_envvar=True,
    help="The instance folder.",
)


def settings_of(folder: Path) -> Settings:
    """Return the settings of an instance.

    Raises:
        NoInstance: the folder holds none.
        SettingsRefused: its settings cannot be read.
    """
    if not (folder / FILE).is_file():
        message = f"There is no instance in {folder}: make one with {terminal.shown('init', '--folder', folder)}, or name another folder."
        raise NoInstance(message)
    for name in unknown_variables(os.environ):
        terminal.warned(f"{name} is no setting, and is ignored: see docs/reference/settings.md.")
    return Settings.load(folder)


def run_in_house(settings: Settings, work: Callable[[House], Awaitable[Result]]) -> Result:
    """Open the house, do the work, close the house.

    Raises:
        PartLost, SchemaBehind: a database was lost, or has another schema than this program.
    """
    check_schema(settings)

    async def run() -> Result:
        async with open_house(settings, clock(), terminal.ask_passphrase) as house:
            await catch_up(house, lambda _count: None, clock())
            return await work(house)

    return asyncio.run(run())


def origin_now() -> Origin:
    """Return where a command comes from: this machine, under an identifier of its own."""
    return Origin(uuid_text(new_uuid4()), None)


def call_now(house: House) -> Call:
    """Return a call by the operator, at this time."""
    return Call(house.parts, operator(), origin_now(), clock())


async def told(house: House, action: str) -> None:
    """Append the event of something that the operator did with the keys or the databases as a whole."""
    await call_now(house).commit([Told("keys", action, "success", "role.operator")])
