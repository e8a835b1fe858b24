"""`confide account`: accounts made by whoever holds the key file."""

from __future__ import annotations

import sys
import warnings
from getpass import GetPassWarning
from typing import TYPE_CHECKING

import click

from confide.audit.append import granted
from confide.cli import terminal
from confide.cli.errors import CliError, NothingToDo
from confide.cli.instance import call_now, folder_option, run_in_house, settings_of
from confide.clinic.records import read as records
from confide.identity.accounts import create_account
from confide.identity.model import PURPOSES, NewAccount
from confide.values.ids import uuid_bytes
from confide.values.permit import Action
from confide.values.principal import Role

if TYPE_CHECKING:
    from pathlib import Path

    from confide.clinic.app import House
    from confide.values.ids import DocumentKey

_ROLES = [role.value for role in PURPOSES]


async def patient_key(house: House, patient: str) -> DocumentKey:
    """Return the storage key of a Patient; the look at it is in the trail.

    Raises:
        NothingToDo: there is no such Patient.
    """
    call, value = call_now(house), uuid_bytes(patient)
    rows = call.rows("Patient", Action.READ)
    found = await records.current(call.parts.database, rows, "Patient", value) if value else None
    if found is None or found.deleted:
        message = "There is no Patient with this id: look the id up with a search first."
        raise NothingToDo(message)
    await call.commit([granted(rows.permit, patients=(found.pseudonym,), resources=(found.pseudonym,))])
    return found.key


async def add(house: House, username: str, password: str, role: Role, patient: str | None) -> bytes:
    """Make an account."""
    key = await patient_key(house, patient) if patient is not None else None
    call = call_now(house)
    return await create_account(house.identity, call.principal, NewAccount(username, password, role, key), call.origin, call.now)


@click.group("account")
def command() -> None:
    """Make accounts."""


@command.command("add")
@click.argument("username")
@click.argument("role", type=click.Choice(_ROLES))
@click.option("--patient", help="The id of the Patient whose account this is; for the role patient only.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
def add_command(*, username: str, role: str, patient: str | None, password_stdin: bool, folder: Path, as_json: bool) -> None:
    """Make an account. Its second factor is set up at its first sign-in."""
    if (role == Role.PATIENT.value) != (patient is not None):
        message = "The role patient needs --patient ID, and no other role takes it."
        raise click.UsageError(message)
    settings = settings_of(folder)
    password = _password(from_input=password_stdin)
    identifier = run_in_house(settings, lambda house: add(house, username, password, Role(role), patient))
    if as_json:
        terminal.machine({"id": identifier.hex(), "role": role})
    else:
        terminal.done(f"The account is made, as {role}. At the first sign-in it asks to set up a second factor.")


def _password(*, from_input: bool) -> str:
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", GetPassWarning)  # without a terminal the password would be read as it shows
            password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    except GetPassWarning:
        message = "There is no terminal to ask for the password: give it on standard input with --password-stdin."
        raise CliError(message) from None
    return password
