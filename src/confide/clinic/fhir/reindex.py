"""Make the search index anew from the sealed documents: after a restore, whose backup holds no index, or under a new key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.audit.append import granted
from confide.clinic.fhir.definitions.structs import decoder, type_of
from confide.clinic.fhir.owners import PATIENT
from confide.clinic.fhir.prepare import index_of
from confide.clinic.records import jobs, write
from confide.clinic.records import read as records
from confide.keys.index import Turn, turn
from confide.store.errors import Conflict
from confide.store.work import Unit
from confide.values.permit import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from confide.clinic.fhir.call import Call
    from confide.clinic.records.model import Found
    from confide.store.work import Add, Alter

BATCH = 100
"""Documents opened in one go and indexed in one transaction."""


async def reindex(call: Call, job: str, report: Callable[[int], None]) -> None:
    """Index every document that a job has not reached yet, then end the job; without one, nothing is done.

    Others may read and write meanwhile: a document that changes just then is looked at again.

    Raises:
        KeysError, CryptoError: a document does not open; what was indexed before it stays, and the job goes on there.
    """
    database = call.parts.database
    permit = call.rows(PATIENT, Action.MAINTAIN).permit
    size = BATCH
    while (after := await jobs.position(database, job)) is not None:
        found = await records.all_current(database, call.principal.tenant, after, size)
        if not found:
            await call.commit([granted(permit, "reindexed")], [jobs.end(job)])
            return
        try:
            await call.commit([granted(permit, "reindexing")], [*await _index(call, found), jobs.move(job, found[-1].key)])
        except Conflict:
            size = max(1, size // 2)
            continue
        size = min(BATCH, 2 * size)
        report(len(found))


async def renew(call: Call, report: Callable[[int], None]) -> int | None:
    """Go on with a change of the index key as far as the clock allows; return the generation that has become the only one.

    Raises:
        KeysError, CryptoError: see `reindex`.
    """
    parts, tenant = call.parts, call.principal.tenant
    keys = await parts.keyring.search_keys(tenant, call.now)
    found = turn(keys, parts.keyring.settled, call.now)
    if found is Turn.NONE:
        return None
    newest = keys[-1].generation
    await jobs.remember(parts.database, newest)
    if found is not Turn.DUE:
        return None
    await jobs.begin(parts.database, jobs.renewal(newest), 0)
    await reindex(call, jobs.renewal(newest), report)
    await parts.database.commit(Unit(tuple(write.unmark(one.generation) for one in keys[:-1])))
    await parts.keyring.drop_search(tenant, newest, call.now)  # last: whoever was stopped before has two generations, and begins again
    return newest


async def _index(call: Call, found: Sequence[Found]) -> list[Add | Alter]:
    """Return the steps that give documents the tokens of what they hold, if that is still what they hold."""
    permit = call.rows(PATIENT, Action.MAINTAIN).permit
    opened = await call.reader(permit).open(found)
    resources = [decoder(type_of(one.text)).decode(one.text) for one in opened]
    under = await call.parts.index.writing(call.now)
    indexed, marks = await index_of(call, under, resources)
    steps = write.mark(marks, under.number)
    for version, (plain, salted) in zip(found, indexed, strict=True):
        subjects = await records.subjects(call.parts.database, version)
        steps += write.index(version, under.tokens(plain, salted, subjects))
    return steps
