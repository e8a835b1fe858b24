"""`DELETE [base]/[type]/[id]` (https://hl7.org/fhir/R4/http.html#delete): soft, the history stays until it is erased."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.audit.append import granted
from confide.clinic.fhir.answer import Answer
from confide.clinic.fhir.errors import NotFound
from confide.clinic.fhir.interactions.update import check_version
from confide.clinic.records import read as records
from confide.clinic.records import write
from confide.values.ids import uuid_bytes
from confide.values.permit import Action

if TYPE_CHECKING:
    from confide.clinic.fhir.call import Call


async def delete(call: Call, resource_type: str, identifier: str, if_match: str | None) -> Answer:
    """Mark a resource deleted and drop its search tokens; deleting a deleted one changes nothing.

    Raises:
        Denied, NotFound, VersionConflict
    """
    rows = call.rows(resource_type, Action.DELETE)
    value = uuid_bytes(identifier)
    before = await records.current(call.parts.database, rows, resource_type, value) if value else None
    if before is None:
        await call.commit([granted(rows.permit, "not-found")])
        message = "There is no such resource."
        raise NotFound(message)
    check_version(before, if_match)
    about = await records.concerned(call.parts.database, [before])
    told = granted(rows.permit, patients=about, resources=(before.pseudonym,))
    shared_with = await records.shared_with(call.parts.database, before)
    await call.commit([told], [] if before.deleted else write.delete(call.principal.tenant, before, shared_with, call.now))
    return Answer(204, version=before.current if before.deleted else before.current + 1)
