"""`GET [base]/[type]/[id]` and `GET [base]/[type]/[id]/_history/[vid]` (https://hl7.org/fhir/R4/http.html#read).

The one function of each that knows the order of things: authorise, gather, unseal, append the event, answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.audit.append import granted
from confide.clinic.fhir.answer import Answer
from confide.clinic.fhir.errors import Gone, NotFound
from confide.clinic.records import read as records
from confide.values.ids import uuid_bytes, uuid_text
from confide.values.permit import Action

if TYPE_CHECKING:
    from confide.clinic.fhir.call import Call
    from confide.clinic.records.model import Found
    from confide.values.permit import Permit

MAX_VERSION = 2**31 - 1


async def read(call: Call, resource_type: str, identifier: str) -> Answer:
    """Return the current version of a resource.

    Raises:
        Denied, NotFound, Gone
    """
    rows = call.rows(resource_type, Action.READ)
    value = uuid_bytes(identifier)
    found = await records.current(call.parts.database, rows, resource_type, value) if value else None
    return await _show(call, rows.permit, found)


async def vread(call: Call, resource_type: str, identifier: str, version: str) -> Answer:
    """Return one version of a resource.

    Raises:
        Denied, NotFound, Gone
    """
    rows = call.rows(resource_type, Action.READ)
    value = uuid_bytes(identifier)
    number = int(version) if version.isascii() and version.isdecimal() and len(version) <= 10 else 0  # noqa: PLR2004 - digits of 2³¹
    found = None
    if value and 0 < number <= MAX_VERSION:
        found = await records.version(call.parts.database, rows, resource_type, value, number)
    return await _show(call, rows.permit, found)


async def _show(call: Call, permit: Permit, found: Found | None) -> Answer:
    if found is None:
        await call.commit([granted(permit, "not-found")])
        message = "There is no such resource."
        raise NotFound(message)
    about = (found.patient_pseudonym,) if found.patient_pseudonym else ()
    if found.sealed is None:
        await call.commit([granted(permit, "deleted", patients=about, resources=(found.pseudonym,))])
        message = "The resource was deleted."
        raise Gone(message)
    content = await records.unseal(call.parts.keyring, permit, [found], call.now)
    await call.commit([granted(permit, patients=about, resources=(found.pseudonym,))])
    shown = f"{call.parts.base}/{permit.resource_type}/{uuid_text(found.id)}/_history/{found.number}"
    return Answer(200, content[0], found.number, found.updated, shown=shown)
