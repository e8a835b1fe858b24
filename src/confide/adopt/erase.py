"""Erase a person (GDPR Art. 17): the ledger first, then rows and tokens, then keys. What was interrupted is made good at the next start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from confide.adopt.errors import ErasurePending, Misused
from confide.adopt.parts import catch_up, clock, hold_what_is_behind
from confide.adopt.record import PERSON, pseudonym
from confide.adopt.storing import store
from confide.audit import append
from confide.audit.append import Origin, Told
from confide.rights import erase as rights
from confide.store.work import Unit
from confide.values.errors import ConfideError

if TYPE_CHECKING:
    from confide.adopt.parts import Parts
    from confide.adopt.scope import Scope
    from confide.rights.holdings import Plan
    from confide.values.ids import SubjectId
    from confide.values.permit import Permit


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure did, or in a dry run would do."""

    items: tuple[tuple[str, int], ...]
    """What is destroyed: (kind, how many)."""
    number: int | None
    """Of the entry in the shred ledger; None in a dry run."""
    horizon_seconds: int
    """After this long no copy of the key table, in whatever backup, opens anything of the person any more."""


async def erase(parts: Parts, scope: Scope, permit: Permit, subject: SubjectId, *, dry_run: bool) -> Erasure:
    """Erase a person, or say what that would do.

    Raises:
        UnknownSubject: nothing is stored about them.
        StillReferenced: rows that would be deleted are referred to by rows that stay; nothing was written down.
        StillWriting: a transaction of the backend keeps the database; nothing was written down.
        LedgerRefused, Unavailable
        ErasurePending: it is written down and not carried out yet.
    """
    principal = permit.principal
    tenant = principal.tenant
    if parts.holdings is None:
        message = "This vault serves no models, so it cannot tell what to erase."
        raise Misused(message)
    planned = await rights.plan(parts.holdings(parts.data, tenant), subject, clock())
    horizon = parts.settings.lifetimes.horizon(parts.provider.destruction_seconds)
    if dry_run:
        return Erasure(planned.items, None, horizon)
    await _tell(parts, scope, permit, planned, "begun")  # where this cannot be stored, the erasure could not be carried out either
    keys = tuple(await parts.keyring.references(tenant, subject))  # named, so that none of them is ever put back
    entry = await rights.write_down(parts.keyring, parts.ledgers[tenant], tenant, replace(planned, keys=keys), clock())
    try:
        await catch_up(parts, tenant)
    except ConfideError as error:
        await hold_what_is_behind(parts)  # it is certain by now, and is tried until it is done
        message = (
            f"The erasure is written down (entry {entry.number}) and is not carried out yet ({error.code}): it is tried until it is done, "
            "and nothing opens meanwhile."
        )
        raise ErasurePending(message) from None
    parts.keyring.forget()
    await _tell(parts, scope, permit, planned, "success")
    return Erasure(planned.items, entry.number, horizon)


async def _tell(parts: Parts, scope: Scope, permit: Permit, planned: Plan, outcome: str) -> None:
    principal = permit.principal
    about = (pseudonym(parts.keyring, principal.tenant, PERSON, planned.subject),)
    told = Told("erase", permit.action.value, outcome, permit.explanation, permit.sentence, patients=about)
    step = await append.step(parts.keyring, principal.tenant, principal, Origin(scope.request, None), told, clock())
    await store(parts.data, Unit((step,)), parts.settings.wait_seconds)
