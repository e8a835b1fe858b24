"""The first administrator: a link that works once, ends, and makes one account with both factors or none."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from confide.identity import accounts, enrol, parts, store, tokens, totp
from confide.identity.deed import Deed
from confide.identity.errors import BootstrapRefused, EnrolmentRefused, UsernameTaken
from confide.identity.model import EnrolmentNeeded
from confide.identity.rules import check_password, check_username
from confide.store.errors import Conflict
from confide.store.work import Add, Alter
from confide.values.principal import Role

if TYPE_CHECKING:
    from confide.audit.append import Origin
    from confide.identity.parts import Identity

LINK_SECONDS = 3_600
"""One hour from the start of the server to the first administrator."""


async def create_bootstrap(identity: Identity, origin: Origin, now: int, lifetime: int = LINK_SECONDS) -> str:
    """Return the secret of a fresh link that lives for `lifetime` seconds; an earlier link ends.

    Raises:
        BootstrapRefused: there is an administrator.
    """
    deed = Deed(identity, "create-bootstrap", origin, now)
    if await accounts.has_administrator(identity):
        await deed.refuse("bootstrap.administrator")
        raise BootstrapRefused
    secret = tokens.new_secret()
    row = (identity.tenant, identity.digest(parts.LINK, secret), now + lifetime * 1_000_000)
    await deed.commit("role.operator", [Alter(store.DROP_LINKS, {"tenant": identity.tenant}, None), Add(store.ADD_LINK, [row])])
    return secret


async def check_bootstrap(identity: Identity, secret: str, origin: Origin, now: int) -> bytes:
    """Return the digest of a link that lives.

    Raises:
        BootstrapRefused: unknown, used or too old.
    """
    values = {"tenant": identity.tenant, "digest": identity.digest(parts.LINK, secret), "now": now}
    rows = await identity.database.fetch(store.LIVING_LINK, values)
    if not rows or await accounts.has_administrator(identity):
        await Deed(identity, "bootstrap", origin, now).refuse("bootstrap.link")
        raise BootstrapRefused
    return bytes(rows[0][0])


async def begin_bootstrap(identity: Identity, secret: str, username: str, password: str, origin: Origin, now: int) -> EnrolmentNeeded:
    """Take username and password of the first administrator; no account exists before `finish_bootstrap`.

    Raises:
        BootstrapRefused: unknown, used or too old.
        UsernameRefused, PasswordRefused, UsernameTaken: choose another; the link lives on.
    """
    link = await check_bootstrap(identity, secret, origin, now)
    check_username(username)
    check_password(password, username)
    if await accounts.by_username(identity, identity.username_token(username)) is not None:
        raise UsernameTaken("Another account has this username: choose another.")
    draft = enrol.Draft(totp.new_secret(), username, await identity.passwords.hash(password))
    needed, steps = await enrol.ticket(identity, username, draft, secrets.token_bytes(parts.ID_BYTES), now, link)
    await Deed(identity, "bootstrap", origin, now).commit("enrolment", steps)
    return needed


async def shown_again(identity: Identity, secret: str, ticket: str, origin: Origin, now: int) -> EnrolmentNeeded | None:
    """Return what the page of a ticket showed, for whoever typed a wrong code; None where the ticket has ended.

    Raises:
        BootstrapRefused: the link has ended.
    """
    link = await check_bootstrap(identity, secret, origin, now)
    found = await enrol.waiting(identity, ticket, link, now)
    if found is None or found[1].username is None:
        return None
    _, draft = found
    return EnrolmentNeeded(ticket, draft.secret, totp.uri(draft.secret, str(draft.username), identity.issuer))


async def finish_bootstrap(identity: Identity, secret: str, ticket: str, code: str, origin: Origin, now: int) -> None:
    """Burn the link and make the administrator in one unit of work; of two that come at once, one finds the link burnt.

    Raises:
        BootstrapRefused: unknown, used or too old.
        EnrolmentRefused: the ticket or the code is not right; the link lives on.
        TooManyAttempts: slow down.
    """
    link = await check_bootstrap(identity, secret, origin, now)
    deed = Deed(identity, "bootstrap", origin, now)
    try:
        _, draft, step = await enrol.redeem(deed, ticket, code, link)
    except EnrolmentRefused:
        await check_bootstrap(identity, secret, origin, now)  # whoever was first burnt the link meanwhile, and every ticket with it
        raise
    if draft.username is None or draft.encoded is None:
        raise BootstrapRefused
    plan = accounts.Plan(draft.username, draft.encoded, Role.ADMINISTRATOR, totp=draft.secret, counter=step)
    _, pseudonym, add = await accounts.row_of(identity, plan, now)
    burn = Alter(store.BURN, {"tenant": identity.tenant, "digest": link, "now": now})
    drop = Alter(store.DROP_DRAFTS, {"tenant": identity.tenant, "link": link}, None)
    try:
        await deed.commit("bootstrap", [burn, drop, add], about=[pseudonym])
    except Conflict:
        await deed.refuse("bootstrap.link")
        raise BootstrapRefused from None
