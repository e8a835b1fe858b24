"""`confide check`: is everything in order? One line for each question, and what to do where the answer is no."""

from __future__ import annotations

import os
import shutil
import ssl
import stat
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING

import click
import msgspec

from confide.cli import terminal
from confide.cli.databases import check_schema
from confide.cli.errors import CliError, NotFinished, sentence
from confide.cli.instance import folder_option, run_in_house, settings_of
from confide.cli.kit import unconfirmed
from confide.clinic.app import TENANT, check_declared, clock
from confide.clinic.records import read as records
from confide.crypto.certificates import needs_renewal
from confide.crypto.envelope import read_header
from confide.keys.providers.opening import open_provider

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from confide.clinic.app import House
    from confide.clinic.settings import Settings

FREE_BYTES = 256 * 1024 * 1024
"""Below this, a checkpoint of the write-ahead log or one large import may fill the disk."""
LOOKED_AT = 20
"""Documents whose keys are looked for; a key database of another instance has none of them."""


class Answer(msgspec.Struct, frozen=True):
    """The answer to one question."""

    name: str
    ok: bool
    message: str
    warning: bool = False


def provider(settings: Settings) -> str:
    """Does what holds the root key answer, and let us in?"""
    found = open_provider(settings.provider, terminal.ask_passphrase)
    found.probe()
    return f"the {found.name} answers and lets us in"


def folder_mode(settings: Settings) -> str:
    """May only the owner enter the folder, and may this process write there?"""
    mode = stat.S_IMODE(settings.folder.stat().st_mode)
    if mode & 0o077:
        message = f"Others may enter {settings.folder} (mode {mode:04o}): run chmod 700 on it."
        raise CliError(message)
    if not os.access(settings.folder, os.W_OK | os.X_OK):
        message = f"This user may not write to {settings.folder}: run as its owner."
        raise CliError(message)
    free = shutil.disk_usage(settings.folder).free
    if free < FREE_BYTES:
        message = f"Only {free // 1024**2} MiB are free below {settings.folder}: make room, or the server stops taking writes."
        raise CliError(message)
    return f"is its owner's alone and writable, {free // 1024**3} GiB free"


def schema(settings: Settings) -> str:
    """Do both databases have the schema of this program?"""
    check_schema(settings)
    return "both databases have the schema of this program"


def keys(settings: Settings) -> str:
    """Does the root key open the key database, and are its keys those of the data?"""
    if run_in_house(settings, strangers):
        message = "The data were sealed under keys that this key database does not have: put back the one that belongs to them."
        raise CliError(message)
    return "the root key opens the key database, and the data name its keys"


async def strangers(house: House) -> bool:
    """Tell whether the first documents name keys that are not there; an erased document is not among them."""
    for one in await records.all_current(house.database, TENANT, 0, LOOKED_AT):
        if one.sealed is not None:
            subject = one.home.place(TENANT, one.id, one.number).subject
            if read_header(one.sealed).key_ref not in await house.keyring.references(TENANT, subject):
                return True
    return False


def data_map(_settings: Settings | None = None) -> str:
    """Is every stored field declared?"""
    check_declared()
    return "every stored field is declared"


def certificate(settings: Settings) -> str:
    """Is the server's certificate there, and good for another month?"""
    if not settings.tls:
        return "TLS is off: a proxy on this machine must end it"
    if not (settings.server_certificate.is_file() and settings.server_key.is_file()):
        message = f"The server's certificate is missing below {settings.server_certificate.parent}: run confide init --renew-certificate."
        raise CliError(message)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.server_certificate, settings.server_key)
    except ssl.SSLError:
        message = "The server's certificate and key do not belong together, or are none: run confide init --renew-certificate."
        raise CliError(message) from None
    if needs_renewal(settings.server_certificate.read_bytes(), datetime.fromtimestamp(clock() / 1_000_000, UTC)):
        message = "The server's certificate has ended, or ends within 30 days: run confide init --renew-certificate and restart the server."
        raise CliError(message)
    return "is good for more than 30 days"


def exposure(settings: Settings) -> str:
    """Is a demo kept from the network, and HTTP without TLS as well?"""
    if is_loopback(settings.host):
        return "only this machine reaches the server"
    if settings.demo:
        message = "This is a demo, and its address is open to the network: set host to 127.0.0.1."
        raise CliError(message)
    if not settings.tls:
        message = "TLS is off and the address is open to the network: switch tls on, or set host to 127.0.0.1 behind a proxy."
        raise CliError(message)
    return "the server is open to the network, over TLS"


def is_loopback(host: str) -> bool:
    """Tell whether an address is this machine's own; a name other than localhost is taken for an open one."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


CHECKS: tuple[tuple[str, Callable[[Settings], str]], ...] = (
    ("folder", folder_mode),
    ("key provider", provider),
    ("schema", schema),
    ("keys", keys),
    ("data map", data_map),
    ("certificate", certificate),
    ("network", exposure),
)


def ask(name: str, question: Callable[[], str]) -> Answer:
    """Return the answer to one question; an error is an answer too."""
    try:
        return Answer(name, ok=True, message=question())
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one thing must not hide the next
        return Answer(name, ok=False, message=sentence(error))


@click.command("check")
@folder_option
@click.option("--datamap", "only_data_map", is_flag=True, help="Only the data map, which needs no instance.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
def command(*, folder: Path, only_data_map: bool, as_json: bool) -> None:
    """Look whether everything is in order. Exits non-zero if something is not."""
    if only_data_map:
        answers = [ask("data map", data_map)]
    else:
        settings = settings_of(folder)
        answers = [ask(name, lambda question=question: question(settings)) for name, question in CHECKS]  # type: ignore[misc]
        missing = unconfirmed(settings) if all(answer.ok for answer in answers) else None
        answers += [Answer("recovery", ok=True, message=missing, warning=True)] if missing else []
    faults = sum(not answer.ok for answer in answers)
    if as_json:
        terminal.machine({"ok": faults == 0, "checks": answers})
    else:
        for answer in answers:
            terminal.answer(answer.name, answer.message, ok=answer.ok, warning=answer.warning)
    if faults:
        message = f"{faults} of {len(answers)} checks failed."
        raise NotFinished(message)
