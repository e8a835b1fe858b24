"""What the models hold of a person, taken out of the database: rows, single values, tokens. See `rights/erase.py` for the order of things.

It runs in the vault's thread, on the vault's own connection, so that an erasure that was interrupted, or that a restored backup is behind
with, can be carried out before the backend does anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from confide.adopt.storing import store
from confide.keys.ledger import State
from confide.rights.holdings import Plan
from confide.store.sqlite import SqliteDatabase
from confide.store.statements import Change, Insert, Query
from confide.store.work import Add, Alter, Unit
from confide.values.ids import SubjectId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from confide.adopt.tables import Tables
    from confide.keys.ledger import Entry
    from confide.store.work import Database
    from confide.values.ids import KeyRef, TenantId

PATIENCE_SECONDS = 30.0
"""How long a step of an erasure waits for another writer of an SQLite file."""


@dataclass(frozen=True)
class Step:
    """What an erasure does with a person's rows in one table."""

    table: sa.Table
    person: sa.Column[Any]
    emptied: tuple[sa.Column[Any], ...]
    left: tuple[sa.Column[Any], ...]
    """Columns that may not be empty: they stay as ciphertext without a key."""
    deletes: bool

    @property
    def kind(self) -> str:
        """What a plan calls it."""
        return f"{self.table.fullname} rows {'deleted' if self.deletes else 'emptied'}"

    @cached_property
    def count(self) -> Query:
        """Counts the rows."""
        return Query(sa.select(sa.func.count()).select_from(self.table).where(self.person == self._subject))

    @cached_property
    def change(self) -> Change | None:
        """Deletes or empties them; None where only keys are destroyed."""
        if self.deletes:
            return Change(sa.delete(self.table).where(self.person == self._subject))
        if not self.emptied:
            return None
        empty = {column: sa.null() for column in self.emptied}
        return Change(sa.update(self.table).where(self.person == self._subject).values(empty))

    @property
    def _subject(self) -> sa.BindParameter[Any]:
        return sa.bindparam("subject", type_=self.person.type)


class ModelHoldings:
    """The models of a backend, as `rights` sees them."""

    def __init__(self, steps: Callable[[], Iterable[Step]], tables: Tables, database: Database, tenant: TenantId) -> None:
        """Take what an erasure does, tables that refer to others first, the vault's tables and the vault's own connection."""
        self._steps, self._tables, self._database, self._tenant = steps, tables, database, tenant

    async def plan(self, subject: SubjectId, now: int) -> Plan | None:  # noqa: ARG002 - as `Holdings` has it
        """See `Holdings.plan`."""
        items = []
        for step in self._steps():
            rows = await self._database.fetch(step.count, self._values(step, subject))
            if rows[0][0]:
                items.append((step.kind, int(rows[0][0])))
        for table in (self._tables.token, self._tables.unique):
            counted = Query(sa.select(sa.func.count()).select_from(table).where(table.c.subject == sa.bindparam("subject")))
            rows = await self._database.fetch(counted, {"subject": subject})
            if rows[0][0]:
                items.append((f"{table.name} rows deleted", int(rows[0][0])))
        return Plan(subject, tuple(items), 0) if items else None

    async def reached(self) -> State:
        """See `Holdings.reached`."""
        shredded = self._tables.shredded
        found = Query(sa.select(shredded.c.entries, shredded.c.head).where(shredded.c.tenant == sa.bindparam("tenant")))
        rows = await self._database.fetch(found, {"tenant": self._tenant})
        return State(rows[0][0], bytes(rows[0][1])) if rows else State()

    async def erase(self, entry: Entry, after: State, report: Callable[[int], None], now: int) -> tuple[KeyRef, ...]:  # noqa: ARG002 - as `Holdings` has it
        """See `Holdings.erase`: everything of an entry in one transaction, which remembers it as well."""
        work: list[Add | Alter] = []
        for subject in map(SubjectId, entry.subject_ids()):
            for table in (self._tables.token, self._tables.unique):
                dropped = Change(sa.delete(table).where(table.c.subject == sa.bindparam("subject")))
                work.append(Alter(dropped, {"subject": subject}, None))
            changes = [(step, step.change) for step in self._steps()]
            work += [Alter(change, self._values(step, subject), None) for step, change in changes if change is not None]
        await store(self._database, Unit((*work, await self._mark(after))), PATIENCE_SECONDS)
        report(len(work))
        return ()

    async def _mark(self, after: State) -> Add | Alter:
        shredded, before = self._tables.shredded, await self.reached()
        if before.entries == 0:
            return Add(Insert(shredded), [(self._tenant, after.entries, after.head)])
        advance = (
            sa.update(shredded)
            .where(shredded.c.tenant == sa.bindparam("this"), shredded.c.entries == sa.bindparam("seen"))
            .values(entries=sa.bindparam("entries"), head=sa.bindparam("head"))
        )
        values = {"this": self._tenant, "seen": before.entries, "entries": after.entries, "head": after.head}
        return Alter(Change(advance), values)

    def _values(self, step: Step, subject: SubjectId) -> dict[str, Any]:
        if not isinstance(step.person.type, sa.Uuid):
            return {"subject": subject}
        return {"subject": subject.hex() if isinstance(self._database, SqliteDatabase) else UUID(bytes=subject)}
