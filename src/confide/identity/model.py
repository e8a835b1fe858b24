"""The values of identity: what is given, what is stored, what is answered. None of them prints a secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from confide.values.principal import Principal, Role
from confide.values.purpose import Purpose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confide.values.ids import DocumentKey, Pseudonym, TenantId

PURPOSES = {
    Role.CLINICIAN: Purpose.TREATMENT,
    Role.PATIENT: Purpose.PATIENT_REQUEST,
    Role.ADMINISTRATOR: Purpose.HEALTH_RECORDS_ADMINISTRATION,
    Role.AUDITOR: Purpose.COMPLIANCE,
}
"""The one purpose each role signs in for. The operator is missing: that role is never given out."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What someone types to sign in."""

    username: str = field(repr=False)
    password: str = field(repr=False)
    code: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be made; `patient` goes with the role patient, and with no other; `demo` marks one that a demo only lets in."""

    username: str = field(repr=False)
    password: str = field(repr=False)
    role: Role
    patient: DocumentKey | None = None
    demo: bool = False


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A bearer token, shown this once; it lives for `seconds`."""

    token: str = field(repr=False)
    seconds: int


@dataclass(frozen=True, slots=True)
class EnrolmentNeeded:
    """The password is right and a second factor is missing: the ticket and a code from `secret` set it up."""

    ticket: str = field(repr=False)
    secret: str = field(repr=False)
    uri: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """An account as stored: `password` and `totp` are envelopes, `counter` the last time step that was used."""

    id: bytes
    tenant: TenantId
    pseudonym: Pseudonym
    role: Role
    patient: DocumentKey | None
    password: bytes = field(repr=False)
    totp: bytes | None = field(repr=False)
    counter: int
    demo: bool = False


def account_of(row: Sequence[object]) -> Account:
    """Return the account of a row of the query `BY_USERNAME`, whose proof was checked."""
    identifier, tenant, pseudonym, role, patient, password, totp, counter, demo = row[:9]
    return Account(identifier, tenant, pseudonym, Role(role), patient, password, totp, counter, bool(demo))  # type: ignore[arg-type]


def principal_of(account: Account) -> Principal:
    """Return the principal of a signed-in account."""
    return Principal(account.tenant, account.id, account.pseudonym, account.role, PURPOSES[account.role], account.patient)
