"""Seal again what is sealed under superseded keys, in every table, while the backend reads and writes.

What is left to do is read off the headers of the envelopes, so a killed run is simply repeated. A value is replaced only where the row
still holds the envelope that was read. Rows that a transaction of the backend holds are left to a later run, so that nobody waits for
anybody; but that SQLite takes one writer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from confide.adopt.scope import current
from confide.adopt.sqlalchemy.described import vault_of
from confide.adopt.sqlalchemy.holdings import all_described
from confide.adopt.sqlalchemy.migrate.count import is_prepared
from confide.adopt.sqlalchemy.migrate.engine import reader
from confide.adopt.sqlalchemy.migrate.seal import BATCH
from confide.adopt.sqlalchemy.migrate.work import Work
from confide.crypto.envelope import key_ref_of
from confide.crypto.errors import CryptoError
from confide.keys.errors import KeyMissing
from confide.keys.rotate import living
from confide.sealed.cell import Envelope
from confide.values.ids import NO_SUBJECT
from confide.values.permit import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Sequence

    from confide.adopt.parts import Parts
    from confide.adopt.sqlalchemy.described import Bound
    from confide.adopt.sqlalchemy.migrate.seal import Report
    from confide.adopt.vault import Vault
    from confide.values.ids import KeyRef


@dataclass(frozen=True, slots=True)
class Old:
    """A value under a superseded key."""

    bound: Bound
    row: dict[str, Any]
    """The attributes that it is bound to."""
    key: tuple[Any, ...]
    """The primary key of the row."""
    envelope: Envelope

    @property
    def reference(self) -> KeyRef:
        """The key that it is under."""
        return key_ref_of(self.envelope)

    @property
    def home(self) -> tuple[Any, bytes]:
        """Whose the value is, and what names its row."""
        return self.bound.where(self.row)

    @property
    def whose_key(self) -> Any:
        """The person under whose key it is sealed; nobody where that is the tenant's."""
        return NO_SUBJECT if self.bound.field.tenant_wide else self.home[0]


def holding(registry: Any, connection: sa.Connection) -> list[Work]:
    """Return every table with sealed columns, once for each model that adds some to it; what is not prepared yet holds nothing."""
    found = []
    for described in all_described(registry):
        by_table: dict[Any, list[Bound]] = {}
        for bound in described.own():
            by_table.setdefault(bound.column.table, []).append(bound)
        works = [Work(described, table, tuple(bounds)) for table, bounds in by_table.items()]
        found += [work for work in works if not any(bound.was for bound in work.bounds) or is_prepared(connection, work)]
    return found


def rows(connection: sa.Connection, works: Sequence[Work]) -> int:
    """Return how many rows there are to look at."""
    return sum(connection.scalar(sa.select(sa.func.count()).select_from(work.table).where(work.sealed())) or 0 for work in works)


def reseal(engine: sa.Engine, work: Work, superseded: Collection[KeyRef], report: Report, size: int = BATCH) -> int:
    """Seal every value of a table that is under a superseded key under the newest one of its person; return how many do not open.

    The caller owes the audit trail an event.

    Raises:
        Denied: whoever acts may not maintain the table.
        KeysError, TimedOut: what was sealed before stays so.
    """
    failed, last = 0, None
    while True:
        with reader(engine).connect() as connection:
            found = _next(connection, work, last, size)
        if not found:
            return failed
        old = [one for row in found for one in _old(work, row, superseded)]
        renewed, broken = _renewed(vault_of(work.described.mapper), old) if old else ([], 0)
        if renewed:
            with engine.begin() as connection:
                _store(connection, work, renewed)
        failed += broken
        last = found[-1][: len(work.keys)]
        report(len(found))


def _names(work: Work) -> list[str]:
    return [*dict.fromkeys(name for bound in work.bounds for name in bound.needs()), *(bound.key for bound in work.bounds)]


def _next(connection: sa.Connection, work: Work, last: Any, size: int) -> list[Any]:
    mapper = work.described.mapper
    columns = [mapper.column_attrs[name].columns[0] for name in _names(work)]
    statement = sa.select(*work.keys, *columns).select_from(mapper.persist_selectable).where(work.sealed(), work.after(last))
    return list(connection.execute(statement.order_by(*work.keys).limit(size)).all())


def _old(work: Work, row: Any, superseded: Collection[KeyRef]) -> Iterator[Old]:
    values = dict(zip(_names(work), row[len(work.keys) :], strict=True))
    for bound in work.bounds:
        envelope = values[bound.key]
        if envelope is not None and key_ref_of(envelope) in superseded:
            yield Old(bound, values, tuple(row[: len(work.keys)]), envelope)


def _renewed(vault: Vault, old: Sequence[Old]) -> tuple[list[tuple[Old, bytes]], int]:
    """Return what opens with its new envelope, and how many do not open.

    Whoever was erased since the run began has no key, and gets none. New keys are asked for before the old ones are opened, and neither out
    of memory: a person who is erased just then loses both. The other way round a key could be made for them after their erasure, and what
    is left of them would open again.
    """
    tenant, found, failed = vault.tenant(), [], 0
    there = vault.run(_living([one.reference for one in old]))
    vault.keys.forget_all()
    old = [one for one in old if one.reference in there]
    keys = vault.keys.sealing((tenant, one.whose_key, one.bound.group.purpose) for one in old)
    vault.keys.load(one.envelope for one in old)
    with current().doing(Action.MAINTAIN) as scope:
        for one in old:
            key = keys[tenant, one.whose_key, one.bound.group.purpose]
            try:
                again = scope.reader(one.bound.field).again(*one.home, one.envelope, key)
            except CryptoError:
                failed += 1
            except KeyMissing:  # erased meanwhile
                continue
            else:
                found.append((one, again))
    return found, failed


def _living(references: Iterable[KeyRef]) -> Callable[[Parts], Coroutine[Any, Any, set[KeyRef]]]:
    async def work(parts: Parts) -> set[KeyRef]:
        parts.keyring.forget()
        return await living(parts.keys, references)

    return work


def _store(connection: sa.Connection, work: Work, renewed: Sequence[tuple[Old, bytes]]) -> None:
    # Locked first, in one statement that waits for nobody: whoever waited while holding rows could be waited for in turn.
    wanted = {one.key for one, _ in renewed}
    these = work.keys[0].in_([key[0] for key in wanted]) if len(work.keys) == 1 else sa.tuple_(*work.keys).in_(list(wanted))
    locked = sa.select(*work.keys).where(these).with_for_update(key_share=True, skip_locked=True)
    free = {tuple(row) for row in connection.execute(locked)}
    for bound in work.bounds:
        parameters = [
            {"confide_read": bytes(one.envelope), "confide_new": Envelope(again)} | {f"key_{at}": value for at, value in enumerate(one.key)}
            for one, again in renewed
            if one.bound is bound and one.key in free
        ]
        if parameters:
            connection.execute(_replace(work, bound), parameters)


def _replace(work: Work, bound: Bound) -> sa.Update:
    """Return the statement that gives a column a new envelope where it holds the one that was read, and changes nothing else."""
    holds = sa.type_coerce(bound.column, sa.LargeBinary) == sa.bindparam("confide_read", type_=sa.LargeBinary)
    kept = {column: column for column in work.table.columns if column.onupdate is not None}  # the backend changed nothing
    new = sa.bindparam("confide_new", type_=bound.column.type)
    return sa.update(work.table).where(work.this(), holds).values({**kept, bound.column: new})
