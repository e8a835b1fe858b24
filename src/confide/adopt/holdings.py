"""What the models hold of a person, taken out of the database: rows, single values, tokens. See `rights/erase.py` for the order of things.

It runs in the vault's thread, on the vault's own connection, so that an erasure that was interrupted, or that a restored backup is behind
with, can be carried out before the backend does anything.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from confide.adopt.errors import StillReferenced
from confide.adopt.identifiers import as_bytes
from confide.adopt.references import Deletions, references
from confide.adopt.storing import store
from confide.keys.ledger import State
from confide.rights.holdings import Plan
from confide.store.errors import Conflict
from confide.store.sqlite import SqliteDatabase
from confide.store.statements import Change, Insert, Query
from confide.store.work import Add, Alter, Unit
from confide.values.ids import SubjectId

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from confide.adopt.step import Step
    from confide.adopt.tables import Tables
    from confide.keys.ledger import Entry
    from confide.store.work import Database
    from confide.values.ids import KeyRef, TenantId

PATIENCE_SECONDS = 30.0
"""How long a step of an erasure waits for another writer of an SQLite file."""


class ModelHoldings:
    """The models of a backend, as `rights` sees them."""

    def __init__(self, steps: Callable[[], Iterable[Step]], tables: Tables, database: Database, tenant: TenantId) -> None:
        """Take what an erasure does, tables that refer to others first, the vault's tables and the vault's own connection."""
        self._steps, self._tables, self._database, self._tenant = steps, tables, database, tenant

    async def plan(self, subject: SubjectId, now: int) -> Plan | None:  # noqa: ARG002 - as `Holdings` has it
        """See `Holdings.plan`.

        Raises:
            StillReferenced: rows that would be deleted are referred to by rows that stay.
        """
        items = []
        for step in self._steps():
            rows = await self._database.fetch(step.count, self._values(subject))
            if rows[0][0]:
                items.append((step.kind, int(rows[0][0])))
        for table in (self._tables.token, self._tables.unique):
            counted = Query(sa.select(sa.func.count()).select_from(table).where(table.c.subject == sa.bindparam("subject")))
            rows = await self._database.fetch(counted, {"subject": subject})
            if rows[0][0]:
                items.append((f"{table.name} rows deleted", int(rows[0][0])))
        await self._check(subject)
        return Plan(subject, tuple(items), 0) if items else None

    async def _check(self, subject: SubjectId) -> None:
        folds = isinstance(self._database, SqliteDatabase)
        deletions = Deletions(self._steps(), await references(self._database), folds=folds)
        blocking = {name.table for name, query in deletions.blocking() if await self._database.fetch(query, self._values(subject))}
        if blocking:
            message = (
                f"Rows of {', '.join(sorted(blocking))} refer to rows that this erasure deletes, and it leaves them: nothing was deleted. "
                "Delete those rows first, or let the database do it (ON DELETE CASCADE)."
            )
            raise StillReferenced(message)

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
            work += [*self._of_subject(subject), *await self._of_rows(subject)]
            changes = [step.change for step in self._steps()]
            work += [Alter(change, self._values(subject), None) for change in changes if change is not None]
        try:
            await store(self._database, Unit((*work, await self._mark(after))), PATIENCE_SECONDS)
        except Conflict:
            for subject in map(SubjectId, entry.subject_ids()):
                await self._check(subject)  # which says what stands in the way
            raise
        report(len(work))
        return ()

    def _of_subject(self, subject: SubjectId) -> list[Alter]:
        """Return what takes a person out of the blind index."""
        return [Alter(change, {"subject": subject}, None) for change in self._drops]

    @cached_property
    def _drops(self) -> tuple[Change, ...]:
        mine: sa.BindParameter[Any] = sa.bindparam("subject")
        return tuple(Change(sa.delete(table).where(table.c.subject == mine)) for table in (self._tables.token, self._tables.unique))

    async def _of_rows(self, subject: SubjectId) -> list[Alter]:
        """Return what takes their rows out of it: an entry that lost its subject is theirs too."""
        work = []
        for step in self._steps():
            if not step.numbers:
                continue
            found = await self._database.fetch(step.rows, self._values(subject))
            for table in (self._tables.token, self._tables.unique):
                columns = sa.or_(*(table.c.number == number for number in step.numbers))
                dropped = Change(sa.delete(table).where(table.c.row == sa.bindparam("row"), columns))
                work += [Alter(dropped, {"row": as_bytes(row)}, None) for (row,) in found]
        return work

    async def sweep(self, subjects: Collection[SubjectId]) -> int:
        """Take people out of the blind index again, where somebody wrote for them after their erasure; return how many there were."""
        tables = (self._tables.token, self._tables.unique)
        wanted = [{"subject": subject} for subject in subjects]
        there = set()
        for table in tables:
            found = Query(sa.select(table.c.subject).where(table.c.subject == sa.bindparam("subject")).limit(1))
            there |= {SubjectId(bytes(row[0])) for row in (await self._database.fetch_each(found, wanted) if wanted else ())}
        if there:
            work = [step for subject in there for step in self._of_subject(subject)]
            await store(self._database, Unit(tuple(work)), PATIENCE_SECONDS)
        return len(there)

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

    def _values(self, subject: SubjectId) -> dict[str, Any]:
        return {"subject": subject, "uuid": subject.hex() if isinstance(self._database, SqliteDatabase) else UUID(bytes=subject)}
