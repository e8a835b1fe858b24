"""Accounts: who may make one, and what is stored of it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from confide.crypto.random import new_pseudonym
from confide.identity import parts, store
from confide.identity.deed import Deed
from confide.identity.errors import AccountRefused, NotAllowed, UsernameTaken
from confide.identity.model import PURPOSES, Account, account_of
from confide.identity.parts import Facts
from confide.identity.rules import check_password, check_username
from confide.store.errors import Conflict
from confide.store.work import Add, Alter
from confide.values.principal import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confide.audit.append import Origin
    from confide.identity.model import NewAccount
    from confide.identity.parts import Identity
    from confide.values.ids import DocumentKey, Pseudonym
    from confide.values.principal import Principal

_MAKERS = {Role.ADMINISTRATOR, Role.OPERATOR}


@dataclass(frozen=True, slots=True)
class Plan:
    """All that goes into a new row; `encoded` is the password's hash."""

    username: str = field(repr=False)
    encoded: bytes = field(repr=False)
    role: Role
    patient: DocumentKey | None = None
    totp: str | None = field(default=None, repr=False)
    counter: int = 0
    demo: bool = False


async def create_account(identity: Identity, by: Principal, new: NewAccount, origin: Origin, now: int) -> bytes:
    """Make an account whose second factor is set up at its first sign-in; return its identifier.

    Raises:
        NotAllowed: `by` is neither administrator nor operator.
        AccountRefused, UsernameRefused, PasswordRefused, UsernameTaken: see there.
    """
    await check_maker(identity, by, origin, now)
    check_role(new)
    if new.demo and not identity.demo:
        raise AccountRefused("Demo accounts are made in a demo only.")
    check_username(new.username)
    check_password(new.password, new.username)
    encoded = await identity.passwords.hash(new.password)
    plan = Plan(new.username, encoded, new.role, new.patient, demo=new.demo)
    identifier, pseudonym, add = await row_of(identity, plan, now)
    steps: list[Add | Alter] = [add]
    if new.role is Role.ADMINISTRATOR:  # a link that still lives would make a second first administrator
        steps.append(Alter(store.DROP_LINKS, {"tenant": identity.tenant}, None))
    deed = Deed(identity, "create-account", origin, now)
    try:
        await deed.commit(f"role.{by.role.value}", steps, by, [pseudonym])
    except Conflict:
        await deed.refuse(UsernameTaken.code, by)
        raise UsernameTaken("Another account has this username: choose another.") from None
    return identifier


async def check_maker(identity: Identity, by: Principal, origin: Origin, now: int) -> None:
    """Refuse, and tell the audit trail, unless `by` may make accounts here.

    Raises:
        NotAllowed
    """
    if by.role not in _MAKERS or by.tenant != identity.tenant:
        await Deed(identity, "create-account", origin, now).refuse(NotAllowed.code, by)
        raise NotAllowed("Only an administrator makes accounts.")


def check_role(new: NewAccount) -> None:
    """Refuse a role that is not given out, and a patient that does not go with the role.

    Raises:
        AccountRefused
    """
    if new.role not in PURPOSES:
        raise AccountRefused("This role is not given to accounts.")
    if (new.role is Role.PATIENT) != (new.patient is not None):
        raise AccountRefused("A patient account names its Patient, and no other account does.")


async def row_of(identity: Identity, plan: Plan, now: int) -> tuple[bytes, Pseudonym, Add]:
    """Return a fresh identifier and audit pseudonym, and the step that stores the account."""
    identifier, pseudonym = secrets.token_bytes(parts.ID_BYTES), new_pseudonym()
    totp = None
    if plan.totp is not None:
        totp = await identity.seal(parts.ACCOUNT, parts.TOTP, identifier, plan.totp.encode(), now)
    facts = Facts(identifier, plan.role.value, plan.patient, pseudonym, plan.demo, totp is not None)
    row = (
        identifier,
        identity.tenant,
        pseudonym,
        plan.role.value,
        plan.patient,
        identity.username_token(plan.username),
        await identity.seal(parts.ACCOUNT, parts.USERNAME, identifier, plan.username.encode(), now),
        await identity.seal(parts.ACCOUNT, parts.PASSWORD, identifier, plan.encoded, now),
        totp,
        plan.counter,
        now,
        int(plan.demo),
        identity.account_proof(facts),
    )
    return identifier, pseudonym, Add(store.ADD_ACCOUNT, [row])


async def by_username(identity: Identity, token: int) -> Account | None:
    """Return the account with a username token."""
    rows = await identity.database.fetch(store.BY_USERNAME, {"tenant": identity.tenant, "token": token, "demo": identity.demo})
    return _proven(identity, rows)


async def by_id(identity: Identity, identifier: bytes) -> Account | None:
    """Return the account with an identifier."""
    rows = await identity.database.fetch(store.BY_ID, {"tenant": identity.tenant, "id": identifier, "demo": identity.demo})
    return _proven(identity, rows)


def _proven(identity: Identity, rows: Sequence[tuple[Any, ...]]) -> Account | None:
    """Return the account of a row; one that somebody else wrote or changed is none."""
    if not rows:
        return None
    identifier, _, pseudonym, role, patient, _, sealed, _, demo, proof = rows[0]
    facts = Facts(identifier, role, patient, pseudonym, bool(demo), sealed is not None)
    return account_of(rows[0]) if identity.is_proven(facts, proof) else None


async def has_administrator(identity: Identity) -> bool:
    """Tell whether the tenant has an administrator."""
    values = {"tenant": identity.tenant, "role": Role.ADMINISTRATOR.value, "demo": identity.demo}
    return bool(await identity.database.fetch(store.WITH_ROLE, values))
