"""`confide init`: make an instance."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import click

from confide.cli import making, terminal
from confide.cli.errors import AlreadyThere
from confide.cli.instance import folder_option, settings_of
from confide.clinic.settings import FILE, Settings, in_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MINUTES = 60
"""The life of a bootstrap link (identity.bootstrap.LINK_SECONDS)."""


def make_instance(folder: Path, chosen: Mapping[str, object]) -> tuple[Settings, list[str]]:
    """Make what is missing of an instance; return its settings and what was made.

    Raises:
        AlreadyThere, PartLost, SettingsRefused, ProviderRefused, Unavailable: nothing was made.
    """
    making.check_folder(folder)
    making.check_settings(Settings.load(folder, chosen))
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
    named = dict(map(typed, chosen))
    if (folder / FILE).exists() and any(in_file(folder).get(name) != value for name, value in named.items()):
        message = f"The settings are there, and --set changes none of them: edit {folder / FILE}, then run confide init without --set."
        raise AlreadyThere(message)
    settings, made = make_instance(folder, named)
    if not made:
        serve = terminal.shown("serve", "--folder", folder)
        message = f"There is an instance in {folder} already, and it was left as it is: serve it with {serve}."
        raise AlreadyThere(message)
    terminal.OUT.print()
    if settings.provider_is_local:
        terminal.note("The loss of this disk is final: without root.key and epochs.key nothing opens, for anyone. Make a recovery kit:")
        terminal.command(terminal.shown("keys", "kit", "write", "--to", "FILE", "--recipient", "age1…", "--folder", folder))
    terminal.title("Next")
    terminal.command(terminal.shown("serve", "--folder", folder))
    show_link(making.bootstrap_link(settings))


def typed(text: str) -> tuple[str, object]:
    """Return a setting as the file takes it.

    Raises:
        click.UsageError: it is not NAME=VALUE, or there is no such setting.
    """
    name, equals, value = text.partition("=")
    field = Settings.model_fields.get(name)
    if not equals or field is None or name == "folder":
        message = "--set takes NAME=VALUE with a name from docs/reference/settings.md."
        raise click.UsageError(message)
    if field.annotation not in {bool, int, tuple[str, ...]}:
        return name, value
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name, value  # refused where all settings are looked at


def show_link(link: str) -> None:
    """Show a bootstrap link and what to do with it."""
    terminal.note(f"Once the server runs, open this link, within {MINUTES} minutes, to make the first administrator. It works once:")
    terminal.note(f"  {link}")
