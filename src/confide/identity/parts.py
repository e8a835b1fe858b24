"""What the verbs of identity work with; built once, where the application is put together."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confide.crypto.envelope import read_header
from confide.crypto.random import new_pseudonym
from confide.identity.model import Account
from confide.identity.password import CALIBRATED, Cost, Passwords
from confide.identity.rules import folded
from confide.identity.throttle import Throttle
from confide.keys.hierarchy import Cell
from confide.values.ids import NO_SUBJECT, SubjectId
from confide.values.place import length_prefixed
from confide.values.principal import Role

if TYPE_CHECKING:
    from confide.keys.hierarchy import Keyring
    from confide.store.work import Database
    from confide.values.ids import TenantId

ACCOUNT, ENROLMENT = b"account", b"enrolment"
"""Tables that service secrets are bound to."""
USERNAME, PASSWORD, TOTP, SEALED = b"username", b"password", b"totp", b"sealed"
"""Columns of theirs."""
ID_BYTES = 16
BEARER, TICKET, LINK = b"bearer", b"ticket", b"link"
"""Kinds of secrets."""
_DECOY = b"\xff decoy"
"""No username in UTF-8 has this byte."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What an account's rights follow from. Changed in the database, an account is no account any more."""

    id: bytes
    role: str
    patient: int | None
    pseudonym: bytes
    demo: bool
    enrolled: bool
    """Whether it has a second factor."""


class Identity:
    """The accounts of one tenant. The keyring is started already."""

    __slots__ = (
        "_decoy",
        "_proofs",
        "_secrets",
        "_usernames",
        "database",
        "demo",
        "issuer",
        "keyring",
        "passwords",
        "tenant",
        "throttle",
        "token_seconds",
    )

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        tenant: TenantId,
        *,
        token_seconds: int,
        issuer: str = "Confide",
        cost: Cost = CALIBRATED,
        demo: bool = False,
    ) -> None:
        """Take the data database, the keys, and how long a bearer token lives; `issuer` is what authenticator apps show.

        `demo` lets the accounts in whose passwords `confide demo` printed; without it they are not there.
        """
        self.database = database
        self.keyring = keyring
        self.tenant = tenant
        self.token_seconds = token_seconds
        self.demo = int(demo)  # as the column has it
        self.issuer = issuer
        self.passwords = Passwords(cost)
        self.throttle = Throttle()
        self._usernames = keyring.field(tenant, ACCOUNT, USERNAME, 1)
        self._secrets = keyring.field(tenant, b"identity", b"secret", 1)
        self._proofs = keyring.field(tenant, b"identity", b"proof", 1)
        self._decoy: Account | None = None

    def username_token(self, username: str) -> int:
        """Return the blind token under which a username is stored."""
        return self._usernames.token(folded(username).encode("utf-8", "surrogatepass"))

    def digest(self, kind: bytes, secret: str) -> bytes:
        """Return what is stored of a secret of 256 random bits; keyed, so that whoever writes to the database can make none."""
        return self._secrets.digest(length_prefixed(kind, secret.encode("utf-8", "surrogatepass")))

    def session_proof(self, digest: bytes, account: bytes, expires: int) -> bytes:
        """Return what binds a bearer token to its account and its end."""
        return self._proofs.digest(length_prefixed(b"bearer", digest, account, expires.to_bytes(8, "big")))

    def account_proof(self, facts: Facts) -> bytes:
        """Return what binds an account to all that its rights follow from."""
        patient = b"" if facts.patient is None else facts.patient.to_bytes(8, "big", signed=True)
        flags = bytes((facts.demo, facts.enrolled))
        return self._proofs.digest(length_prefixed(b"account", facts.id, facts.role.encode(), patient, facts.pseudonym, flags))

    def is_proven(self, facts: Facts, proof: bytes) -> bool:
        """Tell whether an account's row is as this service wrote it."""
        return hmac.compare_digest(self.account_proof(facts), proof)

    async def decoy(self, now: int) -> Account:
        """Return the account that stands in for unknown users, so that they cost what known ones cost."""
        if self._decoy is None:
            identifier = self._usernames.digest(_DECOY)[:ID_BYTES]  # always the same, so that it has one key for ever
            encoded = await self.passwords.hash(secrets.token_urlsafe())
            sealed = await self.seal(ACCOUNT, PASSWORD, identifier, encoded, now)
            self._decoy = Account(identifier, self.tenant, new_pseudonym(), Role.PATIENT, None, sealed, None, 0)
        return self._decoy

    async def seal(self, table: bytes, column: bytes, row: bytes, plaintext: bytes, now: int) -> bytes:
        """Return a secret sealed for one cell: an account's under a key of its own, which dies with it."""
        return await self.keyring.seal_service(self._cell(table, column, row), plaintext, now)

    async def open(self, table: bytes, column: bytes, row: bytes, envelope: bytes, now: int) -> bytes:
        """Return a secret of one cell."""
        await self.keyring.load([read_header(envelope).key_ref], now)
        return self.keyring.open_service(self._cell(table, column, row), envelope)

    def _cell(self, table: bytes, column: bytes, row: bytes) -> Cell:
        return Cell(self.tenant, table, column, row, SubjectId(row) if table == ACCOUNT else NO_SUBJECT)
