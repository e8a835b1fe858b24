"""Destroy keys that the ledger names. The entry is durable before this begins, so a kill in between is made good at the next start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.keys import store
from confide.keys.ledger import State
from confide.store.work import Add, Alter, Unit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from confide.keys.ledger import Entry
    from confide.store.work import Database


async def state_of(database: Database, tenant: int) -> State:
    """Return how far the key database has carried the ledger out."""
    rows = await database.fetch(store.PROGRESS, {"tenant": tenant})
    return State(rows[0][0], rows[0][1]) if rows else State()


async def destroy(database: Database, entry: Entry, reached: State, unneeded: Iterable[bytes] = ()) -> None:
    """Delete the key rows that an entry names, and those that nothing needs any more, and remember it, in one transaction.

    SQLite overwrites what it deletes (secure_delete); other copies of the rows die with their epoch.
    """
    before = await state_of(database, entry.tenant)
    drops = [Alter(store.DROP_SUBJECT, {"tenant": entry.tenant, "subject": subject}, None) for subject in entry.subject_ids()]
    drops += [Alter(store.DROP, {"this": key_ref}, None) for key_ref in (*entry.key_refs(), *unneeded)]
    if before.entries == 0:
        mark: Add | Alter = Add(store.BEGIN, [(entry.tenant, reached.entries, reached.head)])
    else:
        values = {"this": entry.tenant, "seen": before.entries, "entries": reached.entries, "head": reached.head}
        mark = Alter(store.ADVANCE, values)
    await database.commit(Unit((*drops, mark)))


async def keep_destroyed(database: Database, entries: Iterable[Entry], *, subjects: bool = True) -> None:
    """Delete again whatever some entry names: a key row that somebody put back would otherwise live on in the next epoch.

    Without `subjects`, only the keys that it names one by one: whoever may come back after their erasure has other keys since.
    """
    for entry in entries:
        named = entry.subject_ids() if subjects else ()
        gone = [Alter(store.DROP_SUBJECT, {"tenant": entry.tenant, "subject": subject}, None) for subject in named]
        gone += [Alter(store.DROP, {"this": key_ref}, None) for key_ref in entry.key_refs()]
        await database.commit(Unit(tuple(gone)))
