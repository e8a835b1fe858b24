"""Store what a scope opened: an event for each person and action, in the backend's own database."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from confide.adopt.errors import StillWriting
from confide.adopt.parts import clock
from confide.audit import append
from confide.audit.append import Origin, Told
from confide.store.errors import Unavailable
from confide.store.work import Unit
from confide.values.ids import Pseudonym

if TYPE_CHECKING:
    from confide.adopt.parts import Parts
    from confide.adopt.scope import Scope
    from confide.keys.hierarchy import Keyring
    from confide.values.ids import SubjectId, TenantId
    from confide.values.principal import Principal

TABLE, PERSON, ACTOR = b"confide adopt", b"person", b"actor"
BATCH = 500
"""Events in one transaction."""
RETRY_SECONDS = 0.02
PATIENCE = 0.5
"""Share of the time that anybody waits for the vault; the rest is left to say what is wrong."""


def pseudonym(keyring: Keyring, tenant: TenantId, column: bytes, of: bytes) -> Pseudonym:
    """Return what stands for a person or an actor in the audit trail; without the index key it leads back to nobody."""
    return Pseudonym(keyring.field(tenant, TABLE, column, 1).digest(of)[:16])


async def record(parts: Parts, scope: Scope) -> None:
    """Store the events of what was opened and is not in the trail yet; durable on return.

    Raises:
        Unavailable: they are not stored, and stay on the list.
    """
    taken = scope.take()
    if not taken or scope.principal is None:
        return
    try:
        principal, origin = scope.principal, Origin(scope.request, None)
        told = [_told(parts.keyring, principal, scope, key, names) for key, names in taken.items()]
        for at in range(0, len(told), BATCH):
            batch = told[at : at + BATCH]
            steps = [await append.step(parts.keyring, principal.tenant, principal, origin, one, clock()) for one in batch]
            await _store(parts, Unit(tuple(steps)))
    except BaseException:
        scope.put_back(taken)
        raise


async def _store(parts: Parts, unit: Unit) -> None:
    """Store events; where another writer holds an SQLite file, wait for it while the event loop goes on."""
    until = time.monotonic() + parts.settings.wait_seconds * PATIENCE
    while True:
        try:
            await parts.data.commit(unit)
        except Unavailable as error:
            if "SQLITE_BUSY" not in str(error):
                raise
            if time.monotonic() > until:
                message = (
                    "A transaction that writes to the database was still open while what was opened was to be recorded: commit it or roll "
                    "it back before the scope ends or the answer leaves. SQLite takes one writer."
                )
                raise StillWriting(message) from None
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


def _told(keyring: Keyring, principal: Principal, scope: Scope, key: tuple[SubjectId, object], names: set[str]) -> Told:
    subject, _ = key
    permit, columns = scope.told(key, names)  # type: ignore[arg-type]  # an Action
    about = (pseudonym(keyring, principal.tenant, PERSON, subject),) if subject else ()
    return Told("open", permit.action.value, "success", permit.explanation, permit.sentence, patients=about, parameters=columns)
