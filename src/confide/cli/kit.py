"""`confide keys kit`: write, confirm and use the recovery kit of a key file or a passphrase."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
import pyrage

from confide.cli import making, terminal
from confide.cli.errors import AlreadyThere, BackupFailed, NothingToDo
from confide.cli.instance import folder_option, settings_of
from confide.cli.sink import identities_of, recipient_of
from confide.clinic.app import clock
from confide.clinic.settings import FILE
from confide.keys import kit as kits
from confide.keys.kit import Kit
from confide.keys.providers.opening import open_provider

if TYPE_CHECKING:
    from confide.clinic.settings import Settings

CONFIRMED = "kit.json"


class Confirmed(msgspec.Struct, frozen=True):
    """Which kit was opened for a test."""

    epoch: int
    at: int


@click.group("kit", short_help="Write, confirm and use the recovery kit.")
def command() -> None:
    """The recovery kit: the only copy of the root that may leave this machine."""


def current(settings: Settings) -> Kit:
    """Return the kit of this moment.

    Raises:
        NothingToDo: the provider is not on this machine, and needs no kit.
    """
    if not settings.provider_is_local:
        message = f"The keys are held by {settings.key_provider}, not by this machine: it has recovery of its own, and there is no kit."
        raise NothingToDo(message)
    folder = settings.key_file.parent
    return Kit(living_epoch(settings), clock(), {name: (folder / name).read_bytes() for name in kits.FILES if (folder / name).exists()})


def living_epoch(settings: Settings) -> int:
    """Return the number of the newest epoch that the provider holds."""
    slots = open_provider(settings.provider, terminal.ask_passphrase).slots()
    return max((int(slot.removeprefix("epoch-")) for slot in slots if slot.startswith("epoch-")), default=0)


@command.command("write")
@click.option("--to", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write, on a medium that leaves.")
@click.option("--recipient", "recipients", multiple=True, help="An age public key (age1…) that opens it; may be repeated.")
@click.option("--shares", type=int, help="Or: split its key into so many shares, printed as words (SLIP-39),")
@click.option("--needed", type=int, default=2, show_default=True, help="of which so many open it.")
@folder_option
def write_command(*, to: Path, recipients: tuple[str, ...], shares: int | None, needed: int, folder: Path) -> None:
    """Write the kit of the living epoch. Destroy the one before: it would bring destroyed epochs back."""
    settings = settings_of(folder)
    if bool(recipients) == (shares is not None):
        message = "Name recipients, or a number of shares."
        raise click.UsageError(message)
    if to.exists():
        message = f"{to} is there already: destroy it, or name another file."
        raise AlreadyThere(message)
    content = kits.pack(current(settings))
    words: list[str] = []
    if shares is None:
        chosen = [recipient for text in recipients for recipient in recipient_of(text).recipients]
        sealed = pyrage.encrypt(content, chosen)
    else:
        sealed, words = kits.split(content, needed, shares)
    making.write(to, sealed)
    terminal.done(f"{to}: the kit of epoch {living_epoch(settings)}")
    for number, one in enumerate(words, 1):
        terminal.note(f"\nShare {number} of {len(words)}, for one person alone:\n  {one}")
    terminal.note("Test it now:")
    opening = ["--identity", "FILE"] if recipients else []
    terminal.command(terminal.shown("keys", "kit", "confirm", to, *opening, "--folder", folder))


def opened(path: Path, identity: Path | None) -> Kit:
    """Return the kit in a file, opened with an identity, or with shares that are asked for.

    Raises:
        KitRefused, BackupFailed
    """
    sealed = path.read_bytes()
    if identity is None:
        words: list[str] = []
        while one := click.prompt(f"Share {len(words) + 1} (empty: no more)", default="", show_default=False, err=True):
            words.append(one)
        return kits.unpack(kits.join(sealed, words))
    try:
        return kits.unpack(pyrage.decrypt(sealed, identities_of(identity)))
    except pyrage.DecryptError:
        message = f"{path} does not open with this identity: look for the right one."
        raise BackupFailed(message) from None


_IDENTITY = click.option(
    "--identity",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the age identity; without it, shares are asked for.",
)


@command.command("confirm", short_help="Open a kit for a test.")
@click.argument("kit", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_IDENTITY
@folder_option
def confirm_command(*, kit: Path, identity: Path | None, folder: Path) -> None:
    """Open a kit for a test, and remember that it holds what this machine has."""
    settings = settings_of(folder)
    found, now = opened(kit, identity), current(settings)
    if found.files != now.files:
        message = (
            "The kit opens, but holds other keys than this machine: it is of an earlier epoch, or of another instance. Write a new one."
        )
        raise BackupFailed(message)
    making.write(settings.folder / CONFIRMED, msgspec.json.encode(Confirmed(found.epoch, clock())))
    terminal.done(f"the kit of epoch {found.epoch} opens, and holds what this machine has")


@command.command("recover")
@click.argument("kit", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_IDENTITY
@folder_option
def recover_command(*, kit: Path, identity: Path | None, folder: Path) -> None:
    """Put the keys of a kit into a folder, which then takes a restore. Nothing is written over."""
    found = opened(kit, identity)
    there = [name for name in found.files if (folder / name).exists()]
    if there:
        message = f"{folder} has {' and '.join(there)} already: name a folder without keys."
        raise AlreadyThere(message)
    making.make_folder(folder)
    for name, content in found.files.items():
        making.write(folder / name, content)
    if making.make_settings(folder, {}):
        terminal.done(f"{FILE}: settings with their defaults; put your own in their place")
    settings = settings_of(folder)
    making.make_certificates(settings)
    terminal.done(f"the keys of epoch {found.epoch} are in {folder}")
    terminal.note("Put the shred ledger there as well, then:")
    backups = ["--data", "FILE", "--keys", "FILE", "--identity", "FILE"]
    terminal.command(terminal.shown("restore", *backups, "--folder", folder))


def unconfirmed(settings: Settings) -> str | None:
    """Return what is missing of a kit, in a sentence; None where nothing is."""
    if not settings.provider_is_local:
        return None
    path = settings.folder / CONFIRMED
    confirmed = msgspec.json.decode(path.read_bytes(), type=Confirmed) if path.exists() else None
    if confirmed is not None and confirmed.epoch == living_epoch(settings):
        return None
    return "No recovery kit of this epoch is confirmed: if this disk is lost, so is everything. Run confide keys kit write."
