"""`GET [base]/[type]/[id]` and `GET [base]/[type]/[id]/_history/[vid]` (https://hl7.org/fhir/R4/http.html#read).

The one function of each that knows the order of things: authorise, gather, unseal, append the event, answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.audit.append import granted
from confide.clinic.fhir.answer import Answer, Stream
from confide.clinic.fhir.contents import ahead, tell_before
from confide.clinic.fhir.errors import Gone, NotFound
from confide.clinic.records import read as records
from confide.values.ids import uuid_bytes, uuid_text
from confide.values.permit import Action

if TYPE_CHECKING:
    from confide.access.authorise import Rows
    from confide.clinic.fhir.call import Call
    from confide.clinic.records.model import Found
    from confide.values.permit import Permit

MAX_VERSION = 2**31 - 1


async def read(call: Call, resource_type: str, identifier: str, version: str | None = None) -> Answer:
    """Return the current version of a resource, or the one with a number.

    Raises:
        Denied, NotFound, Gone
    """
    rows = call.rows(resource_type, Action.READ)
    found = await existing(call, rows.permit, await chosen(call, rows, resource_type, identifier, version))
    reader = call.reader(rows.permit)
    [opened] = await reader.open([found])
    about = await records.concerned(call.parts.database, [found])
    pieces = await ahead(reader.pieces(opened), 2) if opened.marks else None
    await tell_before(call, granted(rows.permit, patients=about, resources=(found.pseudonym,)), pieces)
    shown = f"{call.parts.base}/{resource_type}/{uuid_text(found.id)}/_history/{found.number}"
    if pieces is not None:
        return Answer(200, b"", found.number, found.updated, shown=shown, stream=Stream(pieces, opened.length()))
    return Answer(200, opened.text, found.number, found.updated, shown=shown)


async def chosen(call: Call, rows: Rows, resource_type: str, identifier: str, version: str | None) -> Found | None:
    """Return the version that an address names, or None where there is none to see."""
    value, database = uuid_bytes(identifier), call.parts.database
    if value is None:
        return None
    if version is None:
        return await records.current(database, rows, resource_type, value)
    number = int(version) if version.isascii() and version.isdecimal() and len(version) <= 10 else 0  # noqa: PLR2004 - digits of 2³¹
    return await records.version(database, rows, resource_type, value, number) if 0 < number <= MAX_VERSION else None


async def existing(call: Call, permit: Permit, found: Found | None) -> Found:
    """Return the version if it has content; what is not there is told about as well.

    Raises:
        NotFound, Gone
    """
    if found is None:
        await call.commit([granted(permit, "not-found")])
        message = "There is no such resource."
        raise NotFound(message)
    if found.sealed is None:
        about = await records.concerned(call.parts.database, [found])
        await call.commit([granted(permit, "deleted", patients=about, resources=(found.pseudonym,))])
        message = "The resource was deleted."
        raise Gone(message)
    return found
