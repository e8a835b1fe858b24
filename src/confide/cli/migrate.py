"""`confide migrate`: bring the databases to the schema of this program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from confide.cli import terminal
from confide.cli.databases import check_none_lost
from confide.cli.instance import folder_option, settings_of
from confide.store import migrate as schema

if TYPE_CHECKING:
    from pathlib import Path


@click.command("migrate")
@folder_option
def command(folder: Path) -> None:
    """Bring both databases to the schema of this program. Stop the server and make a backup first."""
    settings = settings_of(folder)
    check_none_lost(settings)
    schema.upgrade(settings.data_url, schema.Which.DATA)
    schema.upgrade(settings.keys_url, schema.Which.KEYS)
    terminal.done("Both databases have the schema of this program.")
