"""`confide init`: make an instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from confide.cli import making, terminal
from confide.cli.errors import AlreadyThere
from confide.cli.instance import folder_option, settings_of
from confide.clinic.settings import FILE, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MINUTES = 60
"""The life of a bootstrap link (identity.bootstrap.LINK_SECONDS)."""


def make_instance(folder: Path, chosen: Mapping[str, str | int | bool]) -> tuple[Settings, list[str]]:
    """Make what is missing of an instance; return its settings and what was made.

    Raises:
        AlreadyThere: the folder holds something else.
    """
    making.check_folder(folder)
    made: list[str] = []

    def step(missing: bool, what: str) -> None:  # noqa: FBT001 - a step tells whether it did something
        if missing:
            made.append(what)
            terminal.done(what)

    step(making.make_folder(folder), f"{folder}: folder that only its owner may enter")
    step(making.make_settings(folder, chosen), f"{FILE}: settings, each commented with its default")
    settings = settings_of(folder)
    step(making.make_root(settings), "root.key: the root of every key")
    step(making.make_certificates(settings), "tls: a certificate authority of this instance and a server certificate from it")
    step(making.make_databases(settings), "data.db and keys.db: sealed data, and apart from it the wrapped keys")
    making.make_keys(settings)
    return settings, made


@click.command("init")
@folder_option
@click.option("--set", "chosen", multiple=True, metavar="NAME=VALUE", help="A setting to write into a new confide.toml; may be repeated.")
@click.option("--renew-certificate", is_flag=True, help="Only issue the server's certificate anew.")
def command(*, folder: Path, chosen: tuple[str, ...], renew_certificate: bool) -> None:
    """Make an instance: settings, root key, certificate, databases, first keys.

    What is there stays as it is. A run that was stopped is finished by the next one.
    """
    if renew_certificate:
        making.make_certificates(settings_of(folder), renew=True)
        terminal.done("The server has a new certificate: restart it.")
        return
    settings, made = make_instance(folder, dict(map(typed, chosen)))
    if not made:
        message = f"There is an instance in {folder} already, and it was left as it is: serve it with confide serve --folder {folder}."
        raise AlreadyThere(message)
    terminal.OUT.print()
    if settings.provider_is_local:
        terminal.note("The loss of this disk is final: without root.key and epochs.key nothing opens, for anyone. Make a recovery kit:")
        terminal.command(f"confide keys kit write --to FILE --recipient age1… --folder {folder}")
    show_link(making.bootstrap_link(settings), folder)


def typed(text: str) -> tuple[str, str | int | bool]:
    """Return a setting as the file takes it.

    Raises:
        click.UsageError: it is not NAME=VALUE, or there is no such setting.
    """
    name, equals, value = text.partition("=")
    field = Settings.model_fields.get(name)
    if not equals or field is None or name == "folder":
        message = "--set takes NAME=VALUE with a name from docs/reference/settings.md."
        raise click.UsageError(message)
    if field.annotation is bool:
        return name, value.lower() in {"true", "1", "yes"}
    return name, int(value) if field.annotation is int and value.isascii() and value.isdecimal() else value


def show_link(link: str, folder: Path) -> None:
    """Show a bootstrap link and what to do with it."""
    terminal.title("Next")
    terminal.command(f"confide serve --folder {folder}")
    terminal.note(f"and open this link once, within {MINUTES} minutes, to make the first administrator:")
    terminal.note(f"  {link}")
