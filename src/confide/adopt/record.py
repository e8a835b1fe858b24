"""Store what a scope opened and searched: an event for each person and action, and for each table, in the backend's own database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.adopt.parts import clock
from confide.adopt.storing import store
from confide.audit import append
from confide.audit.append import Origin, Told
from confide.store.work import Unit
from confide.values.ids import Pseudonym
from confide.values.permit import Action

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confide.adopt.parts import Parts
    from confide.adopt.scope import Scope
    from confide.keys.hierarchy import Keyring
    from confide.sealed.columns import Field
    from confide.values.ids import SubjectId, TenantId
    from confide.values.principal import Principal

TABLE, PERSON, ACTOR = b"confide adopt", b"person", b"actor"
BATCH = 500
"""Events in one transaction."""
PATIENCE = 0.5
"""Share of the time that anybody waits for the vault; the rest is left to say what is wrong."""


def pseudonym(keyring: Keyring, tenant: TenantId, column: bytes, of: bytes) -> Pseudonym:
    """Return what stands for a person or an actor in the audit trail; without the index key it leads back to nobody."""
    return Pseudonym(keyring.field(tenant, TABLE, column, 1).digest(of)[:16])


async def record(parts: Parts, scope: Scope) -> None:
    """Store the events of what was opened or searched and is not in the trail yet; durable on return.

    Raises:
        Unavailable, StillWriting: they are not stored, and stay on the list.
    """
    taken = scope.take()
    if scope.principal is None:
        return
    try:
        principal, origin = scope.principal, Origin(scope.request, None)
        told = [*_searches(scope, taken.searched), *(_told(parts.keyring, principal, scope, *one) for one in taken.opened.items())]
        for at in range(0, len(told), BATCH):
            batch = told[at : at + BATCH]
            steps = [await append.step(parts.keyring, principal.tenant, principal, origin, one, clock()) for one in batch]
            await store(parts.data, Unit(tuple(steps)), parts.settings.wait_seconds * PATIENCE)
    except BaseException:
        scope.put_back(taken)
        raise


def _told(keyring: Keyring, principal: Principal, scope: Scope, key: tuple[SubjectId, Action], columns: set[Field]) -> Told:
    subject, action = key
    permit = scope.permit(next(iter(columns)), action)
    names = tuple(sorted(of.name for of in columns))
    about = (pseudonym(keyring, principal.tenant, PERSON, subject),) if subject else ()
    return Told("open", action.value, "success", permit.explanation, permit.sentence, patients=about, parameters=names)


def _searches(scope: Scope, columns: set[Field]) -> Iterator[Told]:
    """Yield an event for each table that was searched; what was searched for is not told."""
    for table in sorted({of.table for of in columns}):
        among = [of for of in columns if of.table == table]
        permit = scope.permit(among[0], Action.SEARCH)
        names = tuple(sorted(of.name for of in among))
        yield Told("search", permit.action.value, "success", permit.explanation, permit.sentence, parameters=names)
