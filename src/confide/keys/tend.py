"""What is due by the clock: a new epoch, the end of superseded slots, the end of a superseded KEK.

The server calls `tend` every hour and `confide keys tend` at once; more often does no harm.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from confide.keys import store
from confide.keys.asking import beside
from confide.keys.rotate import SETTLED, advance_epoch, ignore, sweep_epochs, sweep_keks
from confide.keys.tenant import epoch_slot, root_slot
from confide.keys.wraps import DEK, KEK, KeyRow
from confide.store.work import Alter, Unit
from confide.values.ids import NO_SUBJECT
from confide.values.purpose import PurposeClass

if TYPE_CHECKING:
    from confide.keys.hierarchy import Keyring
    from confide.keys.policy import Policy
    from confide.keys.provider import Provider
    from confide.keys.rotate import Report
    from confide.store.work import Database
    from confide.values.ids import TenantId

SECOND = 1_000_000


async def tend(database: Database, provider: Provider, tenant: TenantId, policy: Policy, now: int, report: Report = ignore) -> list[str]:
    """Do what is due; return the names of the deeds, such as ``epoch-8 begun``.

    Raises:
        ProviderUnavailable, ProviderRefused
    """
    done: list[str] = []
    slots = await database.fetch(store.SLOTS, {})
    newest = max((row for row in slots if row[0] == "epoch"), key=lambda row: int(row[1]))
    if newest[4] + policy.epoch * SECOND <= now:
        done.append(f"{epoch_slot(await advance_epoch(database, provider, tenant, now, report))} begun")
    await sweep_epochs(database, provider, tenant, now, report)
    await sweep_keks(database, provider, tenant, now, report)
    done += await destroy_due(database, provider, policy, now)
    done += await drop_keks(database, tenant, now)
    return done + await drop_searches(database, tenant, policy, now)


async def destroy_due(database: Database, provider: Provider, policy: Policy, now: int) -> list[str]:
    """Destroy superseded slots whose grace time is over and under which nothing living stands any more."""
    used = await _used(database)
    done = []
    for kind, number, _, _, _, superseded, destroyed in await database.fetch(store.SLOTS, {}):
        grace = policy.grace if kind == "epoch" else policy.epoch + policy.grace  # KEKs under an old root stand in backups of keys
        if superseded is None or destroyed is not None or superseded + max(grace, SETTLED) * SECOND > now or (kind, number) in used:
            continue
        slot = epoch_slot(number) if kind == "epoch" else root_slot(number)
        await beside(lambda slot=slot: provider.destroy(slot))  # type: ignore[misc]
        values = {"this_kind": kind, "this_number": number, "destroyed": now}
        await database.commit(Unit((Alter(store.DESTROYED, values),)))
        done.append(f"{slot} destroyed")
    return done


async def _used(database: Database) -> set[tuple[str, int]]:
    counts = await database.fetch(store.COUNTS, {})
    return {("root", row[2]) for row in counts if row[1] == KEK} | {("epoch", row[3]) for row in counts if row[3]}


async def drop_keks(database: Database, tenant: TenantId, now: int) -> list[str]:
    """Drop superseded KEKs once every process makes keys under the newest one, and none is left under them."""
    keks = [KeyRow(*row) for row in await database.fetch(store.OF_KIND, {"tenant": tenant, "kind": KEK})]
    newest = max(keks, key=lambda row: row.generation)
    used = {row[2] for row in await database.fetch(store.COUNTS, {}) if row[0] == tenant and row[1] != KEK}
    done = []
    for row in keks:
        if row.generation < newest.generation and row.generation not in used and newest.created + SETTLED * SECOND <= now:
            await database.commit(Unit((Alter(store.DROP, {"this": row.key_ref}),)))
            done.append(f"kek-{row.generation} dropped")
    return done


async def renew_searches(ring: Keyring, database: Database, tenant: TenantId, policy: Policy, now: int) -> list[str]:
    """Make the next key of searches once the current one is as old as an epoch, so that what was searched for dies week by week."""
    values = {"tenant": tenant, "kind": DEK, "subject": NO_SUBJECT, "class": PurposeClass.SEARCHES.value}
    rows = [KeyRow(*row) for row in await database.fetch(store.CURRENT, values)]
    if not rows or rows[0].created + policy.epoch * SECOND > now:
        return []
    await ring.renew(tenant, NO_SUBJECT, PurposeClass.SEARCHES, now)
    return [f"searches-{rows[0].generation + 1} begun"]


async def drop_searches(database: Database, tenant: TenantId, policy: Policy, now: int) -> list[str]:
    """Drop the keys of searches that are old enough; what was searched for then can no longer be read."""
    values = {"tenant": tenant, "kind": DEK, "subject": NO_SUBJECT, "class": PurposeClass.SEARCHES.value}
    rows = [KeyRow(*row) for row in await database.fetch(store.GENERATIONS, values)]
    done = []
    for row, following in itertools.pairwise(rows):
        if following.created + policy.searches * SECOND <= now:  # its last search is as old as the next key
            await database.commit(Unit((Alter(store.DROP, {"this": row.key_ref}, None),)))
            done.append(f"searches-{row.generation} dropped")
    return done
