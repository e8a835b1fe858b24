"""`confide bootstrap`: a new one-time link for the first administrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from confide.cli import making, terminal
from confide.cli.init import show_link
from confide.cli.instance import folder_option, settings_of

if TYPE_CHECKING:
    from pathlib import Path


@click.command("bootstrap")
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
def command(*, folder: Path, as_json: bool) -> None:
    """Print a new one-time link, if there is no administrator yet. The one before it ends."""
    link = making.bootstrap_link(settings_of(folder))
    if as_json:
        terminal.machine({"link": link})
    else:
        show_link(link)
