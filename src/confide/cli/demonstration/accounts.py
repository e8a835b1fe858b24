"""Demo accounts: one for each role, with random passwords and second factors, in one file that only its owner may read.

The file is written before each step that it describes, so that a demo that was stopped goes on with accounts that it can open.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import pyotp

from confide.cli import terminal
from confide.cli.errors import NotADemo
from confide.cli.instance import call_now, origin_now
from confide.clinic.app import clock
from confide.identity.accounts import create_account
from confide.identity.enrol import enrol
from confide.identity.errors import SignInRefused, UsernameTaken
from confide.identity.model import Credentials, EnrolmentNeeded, NewAccount
from confide.identity.sign_in import sign_in
from confide.values.principal import Role

if TYPE_CHECKING:
    from pathlib import Path

    from confide.clinic.app import House
    from confide.values.ids import DocumentKey

FILE = "demo-accounts.json"
ROLES = (Role.CLINICIAN, Role.PATIENT, Role.ADMINISTRATOR, Role.AUDITOR)
PASSWORD_BYTES = 15
"""120 bits: twenty characters of base64url."""
OWNER_ONLY = 0o600
MICROSECONDS = 1_000_000
STEP_SECONDS = 30


class DemoAccount(msgspec.Struct, frozen=True):
    """What one needs to sign in; printed once, and refused outside a demo."""

    role: str
    username: str
    password: str
    totp: str | None = None
    """Base32, as authenticator apps take it; null until the account is enrolled."""

    def __repr__(self) -> str:
        """Return a form without the secrets."""
        return f"DemoAccount({self.role})"

    def code(self, seconds: float, steps: int = 0) -> str:
        """Return the one-time code at a time in seconds since 1970, some steps of 30 seconds later."""
        return pyotp.TOTP(self.totp or "").at(int(seconds) + steps * STEP_SECONDS)


def read(folder: Path) -> dict[str, DemoAccount]:
    """Return the accounts by role.

    Raises:
        NotADemo: there is no such file.
    """
    try:
        accounts = msgspec.json.decode((folder / FILE).read_bytes(), type=list[DemoAccount])
    except FileNotFoundError:
        message = f"There is no {FILE} in {folder}: make a demo first with {terminal.shown('demo', '--folder', folder)}."
        raise NotADemo(message) from None
    return {account.role: account for account in accounts}


def write(folder: Path, accounts: dict[str, DemoAccount]) -> None:
    """Write the accounts, whole or not at all, for the owner only."""
    part = folder / (FILE + ".part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, OWNER_ONLY)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(list(accounts.values()))) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / FILE)


def is_complete(folder: Path) -> bool:
    """Tell whether every account was enrolled."""
    try:
        accounts = read(folder)
    except NotADemo:
        return False
    return all(role.value in accounts and accounts[role.value].totp for role in ROLES)


async def make(house: House, folder: Path, patient: DocumentKey) -> None:
    """Make and enrol the accounts that are missing; `patient` is whose account the patient's is."""
    accounts = read(folder) if (folder / FILE).exists() else {}
    for role in ROLES:
        if role.value not in accounts:
            accounts[role.value] = DemoAccount(role.value, f"demo-{role.value}", secrets.token_urlsafe(PASSWORD_BYTES))
    write(folder, accounts)
    for role in ROLES:
        account = accounts[role.value]
        new = NewAccount(account.username, account.password, role, patient if role is Role.PATIENT else None, demo=True)
        with suppress(UsernameTaken):  # made before this run was stopped
            await create_account(house.identity, call_now(house).principal, new, origin_now(), clock())
        await _enrol(house, folder, accounts, account)


async def _enrol(house: House, folder: Path, accounts: dict[str, DemoAccount], account: DemoAccount) -> None:
    try:
        needed = await sign_in(house.identity, Credentials(account.username, account.password), origin_now(), clock())
    except SignInRefused:
        return  # enrolled before this run was stopped: it wants a code
    if not isinstance(needed, EnrolmentNeeded):
        return
    accounts[account.role] = enrolled = msgspec.structs.replace(account, totp=needed.secret)
    write(folder, accounts)
    now = clock()
    # The code of the step before is taken as well, and leaves the present one to the tour.
    await enrol(house.identity, needed.ticket, enrolled.code(now / MICROSECONDS, -1), origin_now(), now)
