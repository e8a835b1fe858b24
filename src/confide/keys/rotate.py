"""Rotation of root, KEK and epoch, while reads and writes go on: key rows are wrapped anew, and no data is touched.

Every function may be killed and called again: what is left to do is read off the rows. Rows are compared before they are changed, so
several processes may do the same work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.crypto.random import new_key_ref, wipe
from confide.keys import store, wraps
from confide.keys.asking import beside
from confide.keys.begin import add, begin_epoch, make_kek, newest_root
from confide.keys.tenant import PROVIDER_SECONDS, open_between, root_slot
from confide.keys.wraps import KEK, KeyRow
from confide.store.work import Add, Alter, Unit
from confide.values.ids import SubjectId
from confide.values.purpose import PurposeClass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from confide.keys.hierarchy import Keyring
    from confide.keys.provider import Provider
    from confide.store.statements import Query
    from confide.store.work import Database
    from confide.values.ids import KeyRef, TenantId

    Report = Callable[[int], None]
    """Told how many rows were wrapped anew, batch by batch."""

BATCH = 500
"""Rows in one transaction: a few milliseconds of work between two turns of the event loop."""
SETTLED = 2 * PROVIDER_SECONDS
"""Seconds after which every process has learned of a new KEK or epoch, and makes no more keys under the old one."""


DOCUMENTS = frozenset({PurposeClass.CARE, PurposeClass.COMMONS})
"""What versions of documents are sealed under."""


def ignore(_count: int) -> None:
    """Report to nobody."""


async def rotate_root(database: Database, provider: Provider, now: int) -> int:
    """Make a new root slot and wrap every KEK under it; return its number. The old slot lives until `tend.destroy_due`."""
    slots = await database.fetch(store.SLOTS, {})
    number = newest_root(slots)
    if all(row[6] == number for row in await database.fetch(store.KEKS, {})):  # else an earlier run was stopped: finish it
        number += 1
        await beside(lambda: provider.make(root_slot(number)))
        await add(database, Add(store.ADD_SLOT, [("root", number, new_key_ref(), None, now)]))
    for found in await database.fetch(store.KEKS, {}):
        row = KeyRow(*found)
        if row.wrapper < number:
            await _rewrap_kek(database, provider, row, number)
    for kind, old, *_ in await database.fetch(store.SLOTS, {}):
        if kind == "root" and old < number:
            await database.commit(Unit((_supersede("root", old, now),)))
    return number


async def _rewrap_kek(database: Database, provider: Provider, row: KeyRow, number: int) -> None:
    context = wraps.kek_context(row.tenant, row.generation)
    secret = await beside(lambda: provider.unwrap(root_slot(row.wrapper), row.wrapped, context))
    try:
        wrapped = await beside(lambda: provider.wrap(root_slot(number), secret, context))
    finally:
        wipe(secret)
    await database.commit(Unit((_change(row, row._replace(wrapper=number, wrapped=wrapped)),)))


async def rotate_kek(database: Database, provider: Provider, tenant: TenantId, now: int, report: Report = ignore) -> int:
    """Make the next generation of the KEK and wrap every key of the organisation under it; return the generation."""
    keks = [KeyRow(*row) for row in await database.fetch(store.OF_KIND, {"tenant": tenant, "kind": KEK})]
    generation = max(row.generation for row in keks)
    if len(keks) == 1:  # else an earlier run was stopped: finish it
        generation += 1
        await make_kek(database, provider, tenant, generation, newest_root(await database.fetch(store.SLOTS, {})), now)
    await sweep_keks(database, provider, tenant, now, report)
    return generation


async def sweep_keks(database: Database, provider: Provider, tenant: TenantId, now: int, report: Report = ignore) -> None:
    """Wrap every key of the organisation under its newest KEK."""
    between = await open_between(database, provider, tenant, now)
    newest = between.kek

    def renew(row: KeyRow) -> KeyRow:
        return wraps.under_kek(row, between.keks[row.wrapper], between.keks[newest], newest, between.outer(row))

    await _sweep(database, store.UNDER_OLDER_KEKS, {"tenant": tenant, "wrapper": newest}, renew, report)


async def advance_epoch(database: Database, provider: Provider, tenant: TenantId, now: int, report: Report = ignore) -> int:
    """Begin an epoch and move every living subject key into it; return its number. What was shredded stays behind.

    The key of the old epoch lives until `tend.destroy_due`.
    """
    epochs = [row for row in await database.fetch(store.SLOTS, {}) if row[0] == "epoch"]
    number = max(int(row[1]) for row in epochs) + 1
    await begin_epoch(database, provider, number, now)
    await database.commit(Unit(tuple(_supersede("epoch", row[1], now) for row in epochs if row[5] is None)))
    await sweep_epochs(database, provider, tenant, now, report)
    return number


async def sweep_epochs(database: Database, provider: Provider, tenant: TenantId, now: int, report: Report = ignore) -> None:
    """Move every living subject key into the newest epoch."""
    between = await open_between(database, provider, tenant, now)
    newest = between.epoch

    def renew(row: KeyRow) -> KeyRow:
        return wraps.into_epoch(row, between.epochs[row.epoch], between.epochs[newest], newest)

    await _sweep(database, store.IN_OLDER_EPOCHS, {"epoch": newest}, renew, report)


async def _sweep(database: Database, query: Query, values: dict[str, int], renew: Callable[[KeyRow], KeyRow], report: Report) -> None:
    after = b""
    while True:
        rows = [KeyRow(*row) for row in await database.fetch(query, {**values, "after": after, "count": BATCH})]
        if not rows:
            return
        await database.commit(Unit(tuple(_changes((row, renew(row)) for row in rows))))
        after = rows[-1].key_ref
        report(len(rows))


def _changes(pairs: Iterable[tuple[KeyRow, KeyRow]]) -> Iterable[Alter]:
    return (_change(old, new) for old, new in pairs)


def _change(old: KeyRow, new: KeyRow) -> Alter:
    values = {
        "this": old.key_ref,
        "old_wrapper": old.wrapper,
        "old_epoch": old.epoch,
        "wrapped": new.wrapped,
        "wrapper": new.wrapper,
        "epoch": new.epoch,
    }
    return Alter(store.REWRAP, values, None)  # touches nothing where the key was shredded meanwhile, or another process was first


def _supersede(kind: str, number: int, now: int) -> Alter:
    return Alter(store.SUPERSEDE, {"this_kind": kind, "this_number": number, "superseded": now}, None)


async def renew_data_keys(
    database: Database,
    ring: Keyring,
    tenant: TenantId,
    before: int,
    now: int,
    classes: Collection[PurposeClass] = DOCUMENTS,
    report: Report = ignore,
) -> None:
    """Make the next generation of every data key of some classes made before a time; what they sealed still opens.

    Values are sealed under the new keys as they are written; `clinic/records/reseal.py` and `adopt/sqlalchemy/reseal.py` do the rest.
    """
    after = b""
    while rows := await database.fetch(store.OUTDATED, {"tenant": tenant, "created": before, "after": after, "count": BATCH}):
        for row in map(KeyRow._make, rows):
            if PurposeClass(row.purpose_class) in classes:
                await ring.renew(tenant, SubjectId(row.subject), PurposeClass(row.purpose_class), now)
        after = rows[-1][0]
        report(len(rows))


async def superseded(database: Database, tenant: TenantId) -> list[tuple[KeyRef, int]]:
    """Return the data keys that have a newer generation, each with the time at which that was made."""
    return [(row[0], row[1]) for row in await database.fetch(store.SUPERSEDED, {"tenant": tenant})]


async def living(database: Database, keys: Iterable[KeyRef]) -> set[KeyRef]:
    """Return those of some keys that are still there: neither destroyed nor shredded."""
    return {row[0] for row in await database.fetch_each(store.BY_REF, [{"key_ref": one} for one in set(keys)])}


async def drop(database: Database, keys: Iterable[KeyRef]) -> None:
    """Destroy data keys that nothing is sealed under any more, here or in a backup that is kept."""
    steps = tuple(Alter(store.DROP, {"this": key_ref}, None) for key_ref in keys)
    if steps:
        await database.commit(Unit(steps))
