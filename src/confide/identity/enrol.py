"""Set up the second factor: a ticket carries the secret until a code proves that the authenticator has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confide.crypto.errors import CryptoError
from confide.identity import accounts, parts, store, tokens, totp
from confide.identity.deed import Deed
from confide.identity.errors import EnrolmentRefused, TooManyAttempts
from confide.identity.model import EnrolmentNeeded, SignedIn, principal_of
from confide.identity.throttle import NETWORK, TICKET
from confide.store.errors import Conflict
from confide.store.work import Add, Alter

if TYPE_CHECKING:
    from confide.audit.append import Origin
    from confide.identity.parts import Identity

TICKET_SECONDS = 600
"""Time to install an authenticator; the password is asked again after it."""


class Draft(msgspec.Struct, frozen=True):
    """What a ticket carries, sealed; `username` and `encoded` (the password's hash) only for an account that is not made yet."""

    secret: str
    username: str | None = None
    encoded: bytes | None = None

    def __repr__(self) -> str:
        """Return a form without the secrets."""
        return "Draft(…)"


async def ticket(
    identity: Identity, username: str, draft: Draft, account: bytes, now: int, link: bytes | None = None
) -> tuple[EnrolmentNeeded, list[Add | Alter]]:
    """Return a ticket for a draft and the steps that make it the only valid one of its account."""
    text = tokens.new_secret()
    digest = identity.digest(parts.TICKET, text)
    sealed = await identity.seal(parts.ENROLMENT, parts.SEALED, digest + account, msgspec.msgpack.encode(draft), now)
    row = (digest, identity.tenant, account, link, sealed, now + TICKET_SECONDS * 1_000_000)
    steps: list[Add | Alter] = [
        Alter(store.DROP_EXPIRED_TICKETS, {"now": now}, None),
        Alter(store.DROP_TICKETS, {"account": account}, None),
        Add(store.ADD_ENROLMENT, [row]),
    ]
    return EnrolmentNeeded(text, draft.secret, totp.uri(draft.secret, username, identity.issuer)), steps


async def redeem(deed: Deed, text: str, code: str, link: bytes | None) -> tuple[bytes, Draft, int]:
    """Return account, draft and used time step of a ticket that belongs to `link`, if the code belongs to it.

    Raises:
        EnrolmentRefused: unknown, used or too old, or another code.
        TooManyAttempts: slow down.
    """
    identity, now, digest = deed.identity, deed.now, deed.identity.digest(parts.TICKET, text)
    network = (deed.origin.network or "").encode()
    counted = ((TICKET, digest), (NETWORK, network))
    try:
        identity.throttle.attempt(counted, now)
    except TooManyAttempts as error:
        await deed.refuse(error.code)
        raise
    found = await waiting(identity, text, link, now)
    if found is None:
        await deed.refuse("enrol.ticket")
        raise EnrolmentRefused
    account, draft = found
    step = totp.step_of(draft.secret, code, now, after=0)
    if step is None:
        await deed.refuse("enrol.code")
        raise EnrolmentRefused
    identity.throttle.forgive(counted)
    return account, draft, step


async def waiting(identity: Identity, text: str, link: bytes | None, now: int) -> tuple[bytes, Draft] | None:
    """Return account and draft of a ticket that belongs to `link`, None of one that is unknown, used or too old."""
    digest = identity.digest(parts.TICKET, text)
    rows = await identity.database.fetch(store.TICKET, {"digest": digest, "tenant": identity.tenant, "now": now})
    if not rows or rows[0][1] != link:
        return None
    account, _, sealed = rows[0]
    try:
        content = await identity.open(parts.ENROLMENT, parts.SEALED, digest + account, sealed, now)
    except CryptoError:  # somebody gave the ticket to another account
        return None
    return account, msgspec.msgpack.decode(content, type=Draft)


async def enrol(identity: Identity, text: str, code: str, origin: Origin, now: int) -> SignedIn:
    """Give an account its second factor and sign it in.

    Raises:
        EnrolmentRefused: the ticket or the code is not right, or the account was enrolled meanwhile.
        TooManyAttempts: slow down.
    """
    deed = Deed(identity, "enrol", origin, now)
    identifier, draft, step = await redeem(deed, text, code, None)
    account = await accounts.by_id(identity, identifier)
    if account is None:
        await deed.refuse("enrol.account")
        raise EnrolmentRefused
    sealed = await identity.seal(parts.ACCOUNT, parts.TOTP, identifier, draft.secret.encode(), now)
    signed_in, issued = tokens.issue(identity, identifier, now)
    facts = parts.Facts(identifier, account.role.value, account.patient, account.pseudonym, account.demo, enrolled=True)
    proof = identity.account_proof(facts)
    confirm = Alter(store.CONFIRM, {"this": identifier, "totp": sealed, "counter": step, "proof": proof})
    try:
        await deed.commit(
            "totp", [confirm, Alter(store.DROP_TICKETS, {"account": identifier}, None), *issued], principal_of(account), [account.pseudonym]
        )
    except Conflict:
        await deed.refuse("enrol.enrolled", about=[account.pseudonym])
        raise EnrolmentRefused from None
    return signed_in
