"""Erasure (GDPR Art. 17): written down before anything is destroyed, and carried out until it is done.

1. Plan: what will be destroyed, counted. A dry run ends here.
2. Ledger: the entry is durable. From now on the erasure is certain; a kill at any point is made good at the next start.
3. Data: rows and tokens are deleted, and the database remembers the entry with the last of them.
4. Keys: the rows of the key table are deleted. Copies of them die with their epoch (`keys/tend.py`).

A restored backup is behind the ledger and is brought up to it by the same steps, before anything in it opens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.keys import shred
from confide.rights.errors import UnknownSubject

if TYPE_CHECKING:
    from collections.abc import Callable

    from confide.keys.hierarchy import Keyring
    from confide.keys.ledger import Entry, Ledger
    from confide.rights.holdings import Holdings, Plan
    from confide.store.work import Database
    from confide.values.ids import SubjectId, TenantId


async def plan(holdings: Holdings, subject: SubjectId, now: int) -> Plan:
    """Return what an erasure will do; it changes nothing.

    Raises:
        UnknownSubject
    """
    found = await holdings.plan(subject, now)
    if found is None:
        message = "Nothing is stored about this person here: look at the identifier. A person who was erased before is not known any more."
        raise UnknownSubject(message)
    return found


async def write_down(keyring: Keyring, ledger: Ledger, tenant: TenantId, planned: Plan, now: int) -> Entry:
    """Write the erasure down and return its entry; `catch_up` carries it out.

    Raises:
        LedgerRefused: the ledger cannot be written; nothing was destroyed.
    """
    signer = await keyring.signer(tenant, now)
    return ledger.append(signer, tenant, (planned.subject, *planned.subjects), planned.keys, now)


async def pending(ledger: Ledger, holdings: Holdings, keys: Database, tenant: TenantId) -> int:
    """Return how many entries of the ledger have not been carried out in both databases.

    Raises:
        LedgerRefused
    """
    behind = ledger.pending(await holdings.reached()), ledger.pending(await shred.state_of(keys, tenant))
    return max(map(len, behind))


async def catch_up(ledger: Ledger, holdings: Holdings, keys: Database, tenant: TenantId, report: Callable[[int], None], now: int) -> int:
    """Carry out every entry that either database is behind with, in order; return how many.

    Raises:
        LedgerRefused: it cannot be told what was erased; nothing was changed.
    """
    data, key = await holdings.reached(), await shred.state_of(keys, tenant)
    behind = ledger.pending(min(data, key, key=lambda state: state.entries))
    ledger.pending(max(data, key, key=lambda state: state.entries))  # refuses a ledger that is shorter than either
    for entry, after in behind:
        unneeded = await holdings.erase(entry, after, report, now) if after.entries > data.entries else ()
        if after.entries > key.entries:
            await shred.destroy(keys, entry, after, unneeded)
    return len(behind)
