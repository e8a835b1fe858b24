"""How an instance comes to be. Every step leaves what is there as it is, so a step that was interrupted is repeated by the next run."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from confide.cli import terminal
from confide.cli.databases import check_none_lost
from confide.cli.errors import AlreadyThere
from confide.cli.instance import origin_now, run_in_house, settings_of
from confide.clinic.app import clock
from confide.clinic.settings import FILE, Settings
from confide.crypto import certificates
from confide.identity.bootstrap import create_bootstrap
from confide.identity.errors import BootstrapRefused
from confide.keys.choice import PassphraseChoice
from confide.keys.providers import keyfile, passphrase
from confide.keys.providers.opening import asked, open_provider
from confide.store import migrate
from confide.store.opening import sqlite_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from confide.clinic.app import House

OWNER_ONLY, FOLDER_MODE = 0o600, 0o700
PART = ".part"
AUTHORITY = "Confide local authority"
_COMMENTED_OUT = {"folder"}


def check_folder(folder: Path) -> None:
    """Return if an instance may be made (or finished) here.

    Raises:
        AlreadyThere: the folder holds something else, or databases whose root key is gone.
    """
    if folder.exists() and not folder.is_dir():
        message = f"{folder} is a file: name a folder with --folder."
        raise AlreadyThere(message)
    there = sorted(one.name for one in folder.iterdir() if not one.name.endswith(PART)) if folder.exists() else []
    if there and FILE not in there:
        message = f"The folder {folder} holds other things ({', '.join(there[:5])}) and no {FILE}: name a new folder with --folder."
        raise AlreadyThere(message)
    if "keys.db" in there and "root.key" not in there and settings_of(folder).provider_is_local:
        message = f"{folder} has a key database and no root.key: put root.key back. A new one would open nothing of what is there."
        raise AlreadyThere(message)


def check_settings(settings: Settings) -> None:
    """Return if an instance with these settings can be made, as far as it can be told before anything is.

    Raises:
        PartLost, SettingsRefused, ProviderRefused, Unavailable: it cannot.
    """
    choice = settings.provider
    if isinstance(choice, PassphraseChoice) and not choice.path.exists():
        asked(choice, terminal.ask_passphrase)
    check_none_lost(settings)


def make_folder(folder: Path) -> bool:
    """Make the folder for its owner only; tell whether it was missing."""
    missing = not folder.exists()
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    folder.chmod(FOLDER_MODE)
    return missing


def make_settings(folder: Path, chosen: Mapping[str, object]) -> bool:
    """Write the settings file: what was chosen, and every other setting commented out with its default."""
    if (folder / FILE).exists():
        return False
    lines = ["# The settings of this instance. An environment variable CONFIDE_<NAME> stands over a line here.", ""]
    for name, field in Settings.model_fields.items():
        if name in _COMMENTED_OUT:
            continue
        lines.append(f"# {field.description}")
        lines.append(f"{name} = {toml(chosen[name])}" if name in chosen else f"# {name} = {toml(field.default)}")
        lines.append("")
    write(folder / FILE, "\n".join(lines).encode())
    return True


def toml(value: object) -> str:
    """Return a TOML value for a truth value, a number, a text or a list of texts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(toml(one) for one in value) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def make_root(settings: Settings) -> bool:
    """Make the root key, where it is a file; it gets its name whole or not at all, and never takes the place of another.

    Raises:
        KeyFileRefused, ProviderUnavailable, ProviderRefused: what is there cannot be used, or what holds the root does not let us in.
    """
    choice = settings.provider
    if settings.key_file.exists() or not settings.provider_is_local:
        open_provider(choice, terminal.ask_passphrase).probe()
        return False
    if isinstance(choice, PassphraseChoice):
        passphrase.create(choice.path, asked(choice, terminal.ask_passphrase))
    else:
        keyfile.create(settings.key_file)
    return True


def make_certificates(settings: Settings, *, renew: bool = False) -> bool:
    """Make the local authority and the server's certificate; `renew` makes the server's anew under the same authority."""
    if not settings.tls:
        return False
    now = datetime.fromtimestamp(clock() / 1_000_000, UTC)
    settings.ca_key.parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
    made = False
    if not (settings.ca_key.exists() and settings.ca_certificate.exists()):
        if settings.server_certificate.exists():
            return False  # a certificate from elsewhere
        authority = certificates.make_authority(AUTHORITY, now)
        write(settings.ca_key, authority.key)
        write(settings.ca_certificate, authority.certificate)
        made = True
    if made or renew or not (settings.server_key.exists() and settings.server_certificate.exists()):
        authority = certificates.Issued(settings.ca_key.read_bytes(), settings.ca_certificate.read_bytes())
        server = certificates.issue(authority, server_names(settings), now)
        settings.server_certificate.unlink(missing_ok=True)  # a kill between the two leaves one missing, not two that do not match
        write(settings.server_key, server.key)
        write(settings.server_certificate, server.certificate)
        made = True
    return made


def server_names(settings: Settings) -> list[str]:
    """Return the names and addresses under which the server is reached."""
    named = [urlsplit(settings.public_url).hostname or "", settings.host]
    unspecified = {"", "0.0.0.0", "::"}  # noqa: S104 - compared with, not bound to
    return list(dict.fromkeys(["localhost", "127.0.0.1", "::1", *(name for name in named if name not in unspecified)]))


def make_databases(settings: Settings) -> bool:
    """Bring both databases to the schema of this program; tell whether a file was missing."""
    paths = [sqlite_path(url) for url in (settings.data_url, settings.keys_url)]
    missing = any(path is not None and not path.exists() for path in paths)
    migrate.upgrade(settings.data_url, migrate.Which.DATA)
    migrate.upgrade(settings.keys_url, migrate.Which.KEYS)
    for path in paths:
        if path is not None:
            path.chmod(OWNER_ONLY)
    return missing


def make_keys(settings: Settings) -> None:
    """Make the tenant's first keys, where there are none: opening the house does it."""

    async def work(_house: House) -> None:
        """Nothing more."""

    run_in_house(settings, work)


def bootstrap_link(settings: Settings) -> str:
    """Return a one-time link for the first administrator; an earlier one ends.

    Raises:
        AlreadyThere: there is an administrator.
    """

    async def work(house: House) -> str:
        return await create_bootstrap(house.identity, origin_now(), clock())

    try:
        secret = run_in_house(settings, work)
    except BootstrapRefused:
        message = "There is an administrator already, so there is no first one to make: add accounts with confide account add."
        raise AlreadyThere(message) from None
    return f"{settings.public_url}/bootstrap/{secret}"


def write(path: Path, content: bytes) -> None:
    """Write a file for its owner only, durably, whole or not at all."""
    part = path.with_name(path.name + PART)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, OWNER_ONLY)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
