"""The first keys of an instance: a root slot, an epoch, the organisation's KEK. What is there stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.crypto.random import new_key, new_key_ref, wipe
from confide.keys import store, wraps
from confide.keys.asking import beside
from confide.keys.tenant import epoch_slot, root_slot
from confide.keys.wraps import KEK, NO_EPOCH, KeyRow
from confide.store.errors import Conflict
from confide.store.work import Add, Unit
from confide.values.ids import NO_SUBJECT

if TYPE_CHECKING:
    from confide.keys.provider import Provider
    from confide.store.work import Database
    from confide.values.ids import TenantId

FIRST = 1


async def make_first(database: Database, provider: Provider, tenant: TenantId, now: int) -> None:
    """Make what an empty key database lacks, each step durable before the next.

    Raises:
        ProviderUnavailable, ProviderRefused
    """
    living = {(kind, number) for kind, number, *_ in await database.fetch(store.SLOTS, {})}
    if ("root", FIRST) not in living:
        await beside(lambda: provider.make(root_slot(FIRST)))
        await add(database, Add(store.ADD_SLOT, [("root", FIRST, new_key_ref(), None, now)]))
    if not any(kind == "epoch" for kind, _ in living):
        await begin_epoch(database, provider, FIRST, now)
    if not await database.fetch(store.OF_KIND, {"tenant": tenant, "kind": KEK}):
        await make_kek(database, provider, tenant, FIRST, newest_root(await database.fetch(store.SLOTS, {})), now)


def newest_root(slots: list[tuple[object, ...]]) -> int:
    """Return the number of the root slot that wraps new KEKs."""
    return max(int(str(row[1])) for row in slots if row[0] == "root")


async def begin_epoch(database: Database, provider: Provider, number: int, now: int) -> None:
    """Make an epoch's slot and its key."""
    await beside(lambda: provider.make(epoch_slot(number)))
    key = new_key()
    wrapped = await beside(lambda: provider.wrap(epoch_slot(number), key, wraps.epoch_context(number)))
    wipe(key)
    await add(database, Add(store.ADD_SLOT, [("epoch", number, new_key_ref(), wrapped, now)]))


async def make_kek(database: Database, provider: Provider, tenant: TenantId, generation: int, root: int, now: int) -> None:
    """Make a generation of an organisation's KEK under a root slot."""
    key = new_key()
    wrapped = await beside(lambda: provider.wrap(root_slot(root), key, wraps.kek_context(tenant, generation)))
    wipe(key)
    row = KeyRow(new_key_ref(), tenant, KEK, NO_SUBJECT, b"", generation, root, NO_EPOCH, wrapped, now)
    await add(database, Add(store.ADD_KEY, [row]))


async def add(database: Database, step: Add) -> None:
    """Store a step; another process that did the same first is let stand."""
    try:
        await database.commit(Unit((step,)))
    except Conflict:
        return
