"""Opaque bearer tokens: made at sign-in, resolved with every request, revoked at once."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING

from confide.identity import store
from confide.identity.deed import Deed
from confide.identity.model import PURPOSES, SignedIn
from confide.identity.parts import BEARER, Facts
from confide.store.errors import Conflict
from confide.store.work import Add, Alter
from confide.values.principal import Principal, Role

if TYPE_CHECKING:
    from confide.audit.append import Origin
    from confide.identity.parts import Identity

PREFIX = "cfd_"
"""Lets scanners for leaked secrets know one when they see it."""
TOKEN_BYTES = 32
TOKEN_CHARACTERS = len(PREFIX) + 43
SESSIONS = frozenset({store.BEARER.name, store.ENROLMENT.name, store.LINK.name})
"""Tables that are in no backup: whoever restores one signs in again."""
_ROLES = {role.value: role for role in Role}
_PURPOSES = {role.value: purpose for role, purpose in PURPOSES.items()}


def new_secret() -> str:
    """Return 32 random bytes as base64url: a ticket or a link."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def issue(identity: Identity, account: bytes, now: int) -> tuple[SignedIn, list[Add | Alter]]:
    """Return a fresh token, and the steps that make it valid and drop those that have expired."""
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    digest, expires = identity.digest(BEARER, token), now + identity.token_seconds * 1_000_000
    row = (digest, account, now, expires, identity.session_proof(digest, account, expires))
    steps: list[Add | Alter] = [Alter(store.DROP_EXPIRED_BEARERS, {"now": now}, None), Add(store.ADD_BEARER, [row])]
    return SignedIn(token, identity.token_seconds), steps


async def resolve(identity: Identity, token: str, now: int) -> Principal | None:
    """Return whose token this is, or None if it is unknown, revoked or expired; `now` in microseconds since 1970."""
    if len(token) != TOKEN_CHARACTERS or not token.startswith(PREFIX) or not token.isascii():
        return None
    digest = identity.digest(BEARER, token)
    values = {"digest": digest, "now": now, "tenant": identity.tenant, "demo": identity.demo}
    rows = await identity.database.fetch(store.RESOLVE, values)
    if not rows:
        return None
    account, pseudonym, role, patient, demo, enrolled, proof, expires, session = rows[0]
    proven = identity.is_proven(Facts(account, role, patient, pseudonym, bool(demo), bool(enrolled)), proof)
    if not proven or not hmac.compare_digest(identity.session_proof(digest, account, expires), session):
        return None  # a row that somebody else wrote or changed
    return Principal(identity.tenant, account, pseudonym, _ROLES[role], _PURPOSES[role], patient)


async def sign_out(identity: Identity, token: str, origin: Origin, now: int) -> None:
    """Revoke a token, durably on return. One that is not valid is let pass: the caller has what they want."""
    principal = await resolve(identity, token, now)
    if principal is None:
        return
    deed = Deed(identity, "sign-out", origin, now)
    try:
        await deed.commit("sign-out", [Alter(store.REVOKE, {"digest": identity.digest(BEARER, token)})], principal)
    except Conflict:
        return  # another request with the same token signed out first
