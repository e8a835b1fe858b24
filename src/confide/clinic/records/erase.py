"""Take a person's rows out of the database, for good: documents, every version, tokens. What names others too is left to the caller.

Every step may be repeated: a kill in between is made good by doing it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.clinic.records import store
from confide.clinic.records.model import Found, found
from confide.keys.ledger import State
from confide.store.work import Add, Alter, Unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from confide.store.work import Database
    from confide.values.ids import DocumentKey, TenantId

BATCH = 200
"""Documents in one transaction."""


async def count(database: Database, patient: DocumentKey) -> list[tuple[str, int]]:
    """Return how many documents of each type are in a patient's compartment alone."""
    return [(row[0], row[1]) for row in await database.fetch(store.COUNT_OWN, {"patient": patient})]


async def count_naming(database: Database, patient: DocumentKey) -> int:
    """Return how many documents name the patient among others, or did in an older version."""
    return int((await database.fetch(store.COUNT_NAMING, {"patient": patient}))[0][0])


async def naming(database: Database, patient: DocumentKey, after: int = 0) -> list[Found]:
    """Return the current versions of up to 200 documents above a key that name the patient among others, or did in an older version."""
    return [found(row) for row in await database.fetch(store.NAMING, {"patient": patient, "after": after, "count": BATCH})]


def leave(patient: DocumentKey) -> Alter:
    """Return the step after which nothing new can be stored about the patient."""
    return Alter(store.LEAVE, {"this": patient}, None)


def older(document: DocumentKey, below: int) -> list[Alter]:
    """Return the steps that destroy the versions of a document below a number."""
    values = {"this": document, "below": below}
    return [Alter(store.DROP_VERSIONS, values, None), Alter(store.DROP_SHARED, values, None)]


def whole(document: DocumentKey) -> list[Alter]:
    """Return the steps that destroy a document."""
    gone = {"this": document}
    return [Alter(store.DROP_TOKENS, gone, None), *older(document, store.ALL_VERSIONS), Alter(store.DROP_DOCUMENT, gone, None)]


async def own(database: Database, patient: DocumentKey, report: Callable[[int], None]) -> None:
    """Destroy every document in the patient's compartment but the Patient, and every version that was there before it moved."""
    while rows := await database.fetch(store.OWN, {"patient": patient, "count": BATCH}):
        await database.commit(Unit(tuple(step for row in rows for step in whole(row[0]))))
        report(len(rows))
    while moved := [row[0] for row in await database.fetch(store.MOVED, {"patient": patient, "count": BATCH}) if row[0] != patient]:
        await database.commit(Unit(tuple(Alter(store.DROP_MOVED, {"patient": patient, "this": one}, None) for one in moved)))


async def reached(database: Database, tenant: TenantId) -> State:
    """Return how far the shred ledger has been carried out in this database."""
    rows = await database.fetch(store.REACHED, {"tenant": tenant})
    return State(rows[0][0], rows[0][1]) if rows else State()


def mark(tenant: TenantId, before: State, after: State) -> Add | Alter:
    """Return the step that remembers that an entry of the ledger has been carried out here."""
    if before.entries == 0:
        return Add(store.BEGIN_ERASED, [(tenant, after.entries, after.head)])
    values = {"this": tenant, "seen": before.entries, "entries": after.entries, "head": after.head}
    return Alter(store.ADVANCE_ERASED, values)
