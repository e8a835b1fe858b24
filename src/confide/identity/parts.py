"""What the verbs of identity work with; built once, where the application is put together."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from confide.crypto.envelope import read_header
from confide.crypto.random import new_pseudonym
from confide.identity.model import Account
from confide.identity.password import CALIBRATED, Cost, Passwords
from confide.identity.rules import folded
from confide.identity.throttle import Throttle
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


class Identity:
    """The accounts of one tenant. The keyring is started already."""

    __slots__ = ("_decoy", "_usernames", "database", "demo", "issuer", "keyring", "passwords", "tenant", "throttle", "token_seconds")

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
        self._decoy: Account | None = None

    def username_token(self, username: str) -> int:
        """Return the blind token under which a username is stored."""
        return self._usernames.token(folded(username).encode("utf-8", "surrogatepass"))

    async def decoy(self, now: int) -> Account:
        """Return the account that stands in for unknown users, so that they cost what known ones cost."""
        if self._decoy is None:
            identifier = secrets.token_bytes(ID_BYTES)
            encoded = await self.passwords.hash(secrets.token_urlsafe())
            sealed = await self.seal(ACCOUNT, PASSWORD, identifier, encoded, now)
            self._decoy = Account(identifier, self.tenant, new_pseudonym(), Role.PATIENT, None, sealed, None, 0)
        return self._decoy

    async def seal(self, table: bytes, column: bytes, row: bytes, plaintext: bytes, now: int) -> bytes:
        """Return a service secret sealed for one cell."""
        return await self.keyring.seal_service(self.tenant, table, column, row, plaintext, now)

    async def open(self, table: bytes, column: bytes, row: bytes, envelope: bytes, now: int) -> bytes:
        """Return a service secret of one cell."""
        await self.keyring.load([read_header(envelope).key_ref], now)
        return self.keyring.open_service(self.tenant, table, column, row, envelope)
