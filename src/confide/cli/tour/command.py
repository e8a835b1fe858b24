"""`confide tour`: each claim shown on the demo, and checked."""

from __future__ import annotations

import inspect
import time
from pathlib import Path

import click

from confide.cli import terminal
from confide.cli.demonstration import server
from confide.cli.demonstration.command import demo_settings
from confide.cli.instance import DEMO
from confide.cli.tour import tamper
from confide.cli.tour.stops import STOPS
from confide.cli.tour.walk import Walk


@click.command("tour")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=DEMO, show_default=True, help="The demo's folder.")
@click.option("--only", type=click.Choice([name for name, _, _ in STOPS]), help="Only this stop.")
def command(folder: Path, only: str | None) -> None:
    """Show on the demo what Confide claims, step by step, and how to repeat each step.

    Exits non-zero when a claim does not hold.
    """
    settings = demo_settings(folder)
    began = time.monotonic()
    own_server = server.running(folder) is None
    if own_server:
        server.start(folder, settings)
    walk = Walk(settings, folder)
    chosen = [stop for stop in STOPS if only in {None, stop[0]}]
    try:
        tamper.put_right(walk)
        for at, (_, name, stop) in enumerate(chosen, 1):
            terminal.title(f"{at}  {name}")
            terminal.note(f"  {inspect.getdoc(stop)}")
            stop(walk)
    finally:
        if own_server:
            server.stop(folder)
    terminal.title(f"Every claim of {terminal.counted(len(chosen), 'stop')} holds ({time.monotonic() - began:.1f} s).")
    if own_server:
        terminal.note("The commands above need the server. Start it again:")
        terminal.command(terminal.shown("demo", "--folder", folder))
    else:
        terminal.note("The server runs on for you to try them. When you have seen enough:")
        terminal.command(terminal.shown("demo", "--folder", folder, "--stop"))
