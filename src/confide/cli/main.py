"""`confide`: the one entry of the command line. Errors end here, in one sentence and a status."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import NoReturn

import click

from confide.cli import terminal
from confide.cli.errors import sentence

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("confide.cli.init", "Make an instance: settings, keys, certificate, databases."),
    "serve": ("confide.cli.serve", "Serve FHIR over HTTPS until told to stop."),
    "check": ("confide.cli.check", "Look whether everything is in order; say what to do where it is not."),
    "migrate": ("confide.cli.migrate", "Bring the databases to the schema of this program."),
    "bootstrap": ("confide.cli.bootstrap", "Print a new one-time link for the first administrator."),
    "account": ("confide.cli.account", "Make accounts."),
    "import": ("confide.cli.load", "Import FHIR transaction bundles from files and folders."),
    "export": ("confide.cli.export", "Export resources as NDJSON, encrypted for its recipient."),
    "keys": ("confide.cli.keys", "Show and rotate keys."),
    "backup": ("confide.cli.backup", "Back up data and keys, apart, encrypted, restored for a test."),
    "restore": ("confide.cli.restore", "Restore backups, and erase again what was erased since."),
    "erase": ("confide.cli.erase", "Erase a patient, or show what that would mean."),
    "files": ("confide.cli.files", "Delete stored files that nothing names any more."),
    "adopt": ("confide.cli.adopt", "Keys and migrations of a backend of your own."),
    "audit": ("confide.cli.audit", "Show the audit trail."),
    "demo": ("confide.cli.demonstration.command", "Set up a demo with synthetic patients and serve it."),
    "tour": ("confide.cli.tour.command", "Show on the demo what Confide claims, step by step."),
}
"""Name → module with a click command named `command`, and its line in the help. A module is imported when it is asked for."""

INTERRUPTED = 130
"""What a shell expects after Ctrl-C (128 + SIGINT)."""


class Commands(click.Group):
    """A group that imports a command when it is called, so that `--help` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of a newcomer's first day."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return a command, or None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="confide", prog_name="confide")
def confide() -> None:
    """Keep sensitive personal data sealed, searchable and accountable."""


def main() -> NoReturn:
    """Run one command; exit with 0, with 1 after an error, with 2 after wrong usage."""
    os.umask(0o077)  # whatever a command writes is its owner's alone
    try:
        status = confide.main(prog_name="confide", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        terminal.failed("Stopped.")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if os.environ.get("CONFIDE_DEBUG") == "1":
            raise
        terminal.failed(sentence(error))
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
