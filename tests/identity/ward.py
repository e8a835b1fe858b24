"""A small ward: identity over real databases, with a clock that a test moves."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyotp

from confide.audit.append import Origin
from confide.audit.show import newest
from confide.identity.accounts import create_account
from confide.identity.enrol import enrol
from confide.identity.model import Credentials, EnrolmentNeeded, NewAccount, SignedIn
from confide.identity.parts import Identity
from confide.identity.password import FLOOR
from confide.identity.sign_in import sign_in
from confide.keys.hierarchy import Keyring
from confide.keys.providers import keyfile
from confide.store.migrate import with_connection
from confide.store.opening import open_database
from confide.store.schema import DATA, KEYS
from confide.values.ids import Pseudonym, TenantId
from confide.values.principal import Principal, Role
from confide.values.purpose import Purpose

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from confide.store.work import Database

TENANT = TenantId(1)
NOW = 1_700_000_000_000_000
STEP = 30_000_000
TOKEN_SECONDS = 600
PASSWORD = "tall-ferns-99"
ORIGIN = Origin("request-1", "network-1")
OPERATOR = Principal(TENANT, b"o" * 16, Pseudonym(b"p" * 16), Role.OPERATOR, Purpose.HEALTH_RECORDS_ADMINISTRATION, None)


@dataclass
class Ward:
    """Identity, its database, and the events it has told."""

    identity: Identity
    database: Database

    async def make(self, username: str = "nurse.one", role: Role = Role.CLINICIAN) -> bytes:
        """Make an account that has no second factor yet."""
        return await create_account(self.identity, OPERATOR, NewAccount(username, PASSWORD, role), ORIGIN, NOW)

    async def try_in(
        self, code: str | None, now: int, username: str = "nurse.one", password: str = PASSWORD, network: str = "network-1"
    ) -> SignedIn | EnrolmentNeeded:
        """Sign in."""
        return await sign_in(self.identity, Credentials(username, password, code), Origin("request-2", network), now)

    async def enrolled(self, username: str = "nurse.one", role: Role = Role.CLINICIAN) -> tuple[str, SignedIn]:
        """Make an account and enrol it with the code of NOW; return its TOTP secret and its first token."""
        await self.make(username, role)
        needed = await self.try_in(None, NOW, username)
        assert isinstance(needed, EnrolmentNeeded)
        return needed.secret, await enrol(self.identity, needed.ticket, code_at(needed.secret, NOW), ORIGIN, NOW)

    async def events(self) -> list[tuple[str, str, str]]:
        """Return (action, outcome, explanation) of all events, oldest first."""
        bodies = [json.loads(body) for _, body in await newest(self.database, TENANT, 1000)]
        return [(body["action"], body["outcome"], body["explanation"]) for body in reversed(bodies)]


def code_at(secret: str, now: int) -> str:
    """Return the code that an authenticator shows at a time."""
    return pyotp.TOTP(secret).at(now // 1_000_000)


@asynccontextmanager
async def open_ward(store_url: str, folder: Path) -> AsyncIterator[Ward]:
    """Open a ward on an empty database; its keys lie in a file of the folder."""
    keys_url = f"sqlite:///{folder / 'keys.db'}"
    await asyncio.to_thread(with_connection, store_url, DATA.create_all)
    await asyncio.to_thread(with_connection, keys_url, KEYS.create_all)
    keyfile.create(folder / "root.key")
    database, keys = await open_database(store_url), await open_database(keys_url)
    keyring = Keyring(keys, keyfile.read(folder / "root.key"))
    await keyring.start(TENANT, NOW)
    yield Ward(Identity(database, keyring, TENANT, token_seconds=TOKEN_SECONDS, cost=FLOOR), database)
    await database.close()
    await keys.close()
