"""Make the search index anew from the sealed documents: after a restore, whose backup holds no index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.audit.append import granted
from confide.clinic.fhir.definitions.structs import decoder, type_of
from confide.clinic.fhir.owners import PATIENT
from confide.clinic.fhir.prepare import index_of, tokens_of
from confide.clinic.records import jobs, write
from confide.clinic.records import read as records
from confide.values.permit import Action

if TYPE_CHECKING:
    from collections.abc import Callable

    from confide.clinic.fhir.call import Call

BATCH = 100
"""Documents opened in one go and indexed in one transaction."""


async def reindex(call: Call, report: Callable[[int], None]) -> None:
    """Index every document that the job has not reached yet, then end the job; without one, nothing is done.

    Raises:
        KeysError, CryptoError: a document does not open; what was indexed before it stays, and the job goes on there.
    """
    database = call.parts.database
    permit = call.rows(PATIENT, Action.MAINTAIN).permit
    while (after := await jobs.position(database, jobs.REINDEX)) is not None:
        found = await records.all_current(database, call.principal.tenant, after, BATCH)
        if not found:
            await call.commit([granted(permit, "reindexed")], [jobs.end(jobs.REINDEX)])
            return
        opened = await call.reader(permit).open(found)
        resources = [decoder(type_of(one.text)).decode(one.text) for one in opened]
        indexed, marks = await index_of(call, resources)
        steps = [*write.mark(marks), jobs.move(jobs.REINDEX, found[-1].key)]
        for version, (plain, salted) in zip(found, indexed, strict=True):
            subjects = await records.subjects(database, version)
            steps += write.index(version.key, tokens_of(call, plain, salted, subjects))
        await call.commit([granted(permit, "reindexing")], steps)
        report(len(found))
