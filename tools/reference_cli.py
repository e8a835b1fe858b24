"""The page of the command line: usage, options and help out of the commands themselves, with examples that a test parses."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import click

from confide.cli.main import COMMANDS, confide

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "init": (
        ("an instance in ./confide, for yourself to look at", "confide init"),
        ("one where a service would keep it", "confide init --folder /var/lib/confide"),
        ("a new server certificate under the same authority, before the old one ends", "confide init --renew-certificate"),
    ),
    "serve": (
        ("until Ctrl-C", "confide serve"),
        ("on another port, without changing the file", "CONFIDE_PORT=9443 confide serve --folder /var/lib/confide"),
    ),
    "check": (
        ("everything, in words", "confide check"),
        ("for a monitor: the status tells, and the answers are JSON", "confide check --json --folder /var/lib/confide"),
        ("only the data map, which needs no instance", "confide check --datamap"),
    ),
    "migrate": (("after an update, with the server stopped and a backup made", "confide migrate --folder /var/lib/confide"),),
    "bootstrap": (("when the first link was not used in time", "confide bootstrap"),),
    "account add": (
        ("asks for the password twice", "confide account add nurse.one clinician"),
        (
            "the account of one patient, with a password from a program",
            "confide account add p.4711 patient --patient 5b0a7c1e-93f4-4e0e-8f3c-0d9d3c1f2a10 --password-stdin < password.txt",
        ),
    ),
    "import": (
        ("a folder of transaction bundles; run it again to go on where it was stopped", "confide import bundles/"),
        ("single files, with a report for a program", "confide import bundles/one.json bundles/two.json --json"),
    ),
    "export": (
        (
            "everything, encrypted to whoever holds this age identity",
            'confide export --to out/ --recipient "$(age-keygen -y identity.txt)"',
        ),
        (
            "one patient's records, in the clear, where nobody else can read the folder",
            "confide export --to out/ --patient 5b0a7c1e-93f4-4e0e-8f3c-0d9d3c1f2a10 --plaintext",
        ),
        ("two types", "confide export --to out/ --type Patient --type Observation --plaintext"),
    ),
    "audit show": (
        ("the newest twenty events", "confide audit show"),
        ("the newest thousand as they are stored, one JSON object on each line", "confide audit show -n 1000 --json"),
    ),
    "demo": (
        ("four synthetic patients, an account for each role, a server in the background", "confide demo"),
        ("sign in and leave the token where curl finds it", "confide demo --sign-in clinician"),
        ("stop the server", "confide demo --stop"),
    ),
    "tour": (("every claim", "confide tour"), ("only that a moved ciphertext is refused", "confide tour --only moved")),
}

HEAD = """\
# The command line

Written by `make reference` from the commands and from `tools/reference_cli.py`; a test compares them and parses every example.

- Status 0: done. 1: it did not work, and one sentence on standard error says what to do; its code is in [the table of errors](errors.md).
  2: wrong usage. 130: stopped with Ctrl-C.
- `--json` prints one JSON value on standard output, for programs; progress and errors go to standard error.
- `--folder`, or `CONFIDE_FOLDER`, names the instance. [Settings](settings.md) are in its file, and in variables over it.
- `--help`, or `-h`, after any command shows what stands here; `confide --version` says which one it is.
- `CONFIDE_DEBUG=1` shows the traceback of an error. It may hold personal values: not for logs.
"""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, with its name: those of groups by both words."""
    context = click.Context(confide, info_name="confide")
    for name in COMMANDS:
        command = confide.get_command(context, name)
        if isinstance(command, click.Group):
            yield from ((f"{name} {below}", found) for below, found in command.commands.items())
        elif command is not None:
            yield name, command


def page() -> str:
    """Return docs/reference/cli.md."""
    return HEAD + "".join(part for name, command in commands() for part in _command(name, command))


def _command(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=f"confide {name}")
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
