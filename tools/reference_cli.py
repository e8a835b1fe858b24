"""The page of the command line: usage, options and help out of the commands themselves, with examples that a test parses."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import click

from confide.cli.main import confide
from tools.reference_examples import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """\
# The command line

Written by `make reference` from the commands and from `tools/reference_examples.py`; a test compares them and parses every example.

- Status 0: done. 1: it did not work, and one sentence on standard error says what to do; its code is in [the table of errors](errors.md).
  2: wrong usage. 130: stopped with Ctrl-C.
- `--json` prints one JSON value on standard output, for programs; progress and errors go to standard error.
- `--folder`, or `CONFIDE_FOLDER`, names the instance. [Settings](settings.md) are in its file, and in variables over it.
- `--help`, or `-h`, after any command shows what stands here; `confide --version` says which one it is.
- `CONFIDE_DEBUG=1` shows the traceback of an error. It may hold personal values: not for logs.
"""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, under all of its words: `keys kit write`."""
    yield from _below("", confide)


def _below(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield name, command
        return
    context = click.Context(command)
    for word in command.list_commands(context):
        found = command.get_command(context, word)
        if found is not None:
            yield from _below(f"{name} {word}".strip(), found)


def page() -> str:
    """Return docs/reference/cli.md."""
    return HEAD + "".join(part for name, command in commands() for part in _command(name, command))


def _command(name: str, command: click.Command) -> Iterator[str]:
    # Click keeps the help option of the first context that asks, so this one must ask as the program does.
    context = click.Context(command, info_name=f"confide {name}", **confide.context_settings)
    yield f"\n## confide {name}\n\n{inspect.cleandoc(command.help or '')}\n\n"
    yield "```sh\n" + "\n".join(f"# {what}\n{line}" for what, line in EXAMPLES.get(name, ())) + "\n```\n\n"
    yield f"Usage: `{' '.join(['confide', name, *command.collect_usage_pieces(context)])}`\n\n"
    yield "| option | what |\n|---|---|\n"
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record is not None and parameter.name != "help":
            yield f"| `{_escaped(record[0])}` | {_escaped(record[1])} |\n"


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
