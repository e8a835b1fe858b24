"""How the command line looks: calm on a terminal, plain in a pipe, one JSON value for a program."""

from __future__ import annotations

import shlex
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from confide.keys.errors import ProviderRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.progress import ProgressColumn

T = TypeVar("T")

PROGRAM = "confide"

OUT = Console(highlight=False, soft_wrap=True)
ERROR = Console(stderr=True, highlight=False, soft_wrap=True)


def done(text: str) -> None:
    """Say that a step is done."""
    OUT.print(f"[green]✓[/green] {escape(text)}")


def kept(text: str) -> None:
    """Say that a step was done before."""
    OUT.print(f"[dim]· {escape(text)}[/dim]")


def failed(text: str) -> None:
    """Say that a step failed, to whoever reads errors."""
    ERROR.print(f"[red]✗[/red] {escape(text)}")


def warned(text: str) -> None:
    """Say that something is odd, to whoever reads errors."""
    ERROR.print(f"[yellow]![/yellow] {escape(text)}")


def counted(number: int, what: str) -> str:
    """Return a number of things, such as 1 file or 2 files."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def note(text: str) -> None:
    """Say something beside the steps."""
    OUT.print(escape(text))


def title(text: str) -> None:
    """Begin a part."""
    OUT.print(f"\n[bold]{escape(text)}[/bold]")


def command(text: str) -> None:
    """Show a command that the reader can repeat, as it is."""
    OUT.print(f"  [cyan]$ {escape(text)}[/cyan]")


def shown(*words: str | Path) -> str:
    """Return a command of this program as the reader's shell takes it from this folder.

    In an environment that is not activated `confide` has a path, and a folder may have a blank in its name. A word that ends in … is
    to be filled in, and left as it is.
    """
    return " ".join([called(), *(str(word) if str(word).endswith("…") else shlex.quote(str(word)) for word in words)])


def called() -> str:
    """Return what to type for this program from this folder."""
    if shutil.which(PROGRAM):
        return PROGRAM
    beside = Path(sys.executable).with_name(PROGRAM)
    if not beside.exists():
        return f"{shlex.quote(sys.executable)} -m confide.cli.main"
    return shlex.quote(str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside))


@cache
def ask_passphrase() -> str:
    """Ask whoever sits at the terminal for the passphrase of the root key, once.

    Raises:
        ProviderRefused: nobody sits there.
    """
    if not sys.stdin.isatty():
        message = "There is no passphrase: set CONFIDE_PASSPHRASE, or name a passphrase_file in the settings."
        raise ProviderRefused(message)
    found: str = click.prompt("Passphrase of the root key", hide_input=True, err=True)
    return found


def machine(value: object) -> None:
    """Print one JSON value on one line."""
    click.echo(msgspec.json.encode(value).decode())


def progress(*, counted: bool = True, quiet: bool = False) -> Progress:
    """Return a progress bar with the time that is left; without a terminal only its last state is printed."""
    columns: list[ProgressColumn] = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=30)]
    columns += [MofNCompleteColumn() if counted else TaskProgressColumn(), TextColumn("[dim]{task.fields[beside]}[/dim]")]
    columns += [TimeElapsedColumn(), TextColumn("[dim]left[/dim]"), TimeRemainingColumn()]
    return Progress(*columns, console=ERROR, transient=True, disable=quiet or not ERROR.is_terminal)


def with_bar(what: str, total: int | None, work: Callable[[Callable[[int], None]], T]) -> T:
    """Return what work returns; it tells how many rows it has done, batch by batch, and a bar shows them."""
    with progress() as bar:
        task = bar.add_task(what, total=total, beside="rows")
        return work(lambda done: bar.update(task, advance=done))


def beside(text: str) -> None:
    """Say more about what was said last to whoever reads errors."""
    ERROR.print(f"    {escape(text)}")


def answer(name: str, message: str, *, ok: bool, warning: bool = False) -> None:
    """Print one answer of a list."""
    mark = "[yellow]look  [/yellow]" if warning else "[green]ok    [/green]" if ok else "[red]failed[/red]"
    OUT.print(f"{mark}  {escape(f'{name:<14}')}{escape(message)}")


def columns(rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their headings (the first row). Lines are as long as they are: half a password helps nobody."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for at, row in enumerate(rows):
        text = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        OUT.print(f"  [bold]{escape(text)}[/bold]" if at == 0 else f"  {escape(text)}")
