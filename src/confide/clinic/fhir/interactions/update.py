"""`PUT [base]/[type]/[id]` with If-Match (https://hl7.org/fhir/R4/http.html#update)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from confide.audit.append import granted
from confide.clinic.fhir.answer import Answer
from confide.clinic.fhir.errors import FhirError, InvalidResource, Issue, NothingToUpdate, VersionConflict
from confide.clinic.fhir.prepare import Incoming, prepare
from confide.clinic.fhir.validate import parse
from confide.clinic.records import read as records
from confide.values.ids import uuid_bytes, uuid_text
from confide.values.permit import Action

if TYPE_CHECKING:
    from typing import Any

    from confide.clinic.fhir.call import Call
    from confide.clinic.records.model import Found

_ETAG = re.compile(r'(?:W/)?"(\d{1,9})"')


async def update(call: Call, resource_type: str, identifier: str, body: bytes, if_match: str | None) -> Answer:
    """Store a new version of a resource.

    Raises:
        Denied, InvalidResource, NothingToUpdate, VersionConflict, UnresolvedReference
    """
    permit = call.rows(resource_type, Action.UPDATE).permit
    resource = parse(body, type_name=resource_type)
    before = await target(call, resource_type, identifier, resource, if_match)
    [made] = await prepare(call, [Incoming(resource_type, resource, before.key, before.id, before)])
    told = granted(permit, patients=made.concerned, resources=(before.pseudonym,))
    await call.commit([told], made.steps)
    location = f"{call.parts.base}/{resource_type}/{uuid_text(before.id)}/_history/{made.draft.number}"
    return Answer(200, made.draft.content, made.draft.number, call.now, location)


async def target(call: Call, resource_type: str, identifier: str, resource: Any, if_match: str | None) -> Found:
    """Return the version that an update replaces."""
    if resource.id != identifier:
        location = f"{resource_type}.id"
        raise InvalidResource((Issue("error", "invalid", location, "The id in the resource must be the id in the address."),))
    value = uuid_bytes(identifier)
    rows = call.rows(resource_type, Action.UPDATE)
    before = await records.current(call.parts.database, rows, resource_type, value) if value else None
    if before is None:
        await call.commit([granted(rows.permit, "not-found")])
        message = "There is no such resource to update, and this server chooses identifiers itself: create it with POST."
        raise NothingToUpdate(message)
    check_version(before, if_match)
    return before


def check_version(before: Found, if_match: str | None) -> None:
    """Raise `VersionConflict` unless If-Match, where it is given, names the current version; `*` is any that is not deleted."""
    if if_match is None:
        return
    text = if_match.strip()
    match = _ETAG.fullmatch(text)
    if match is None and text != "*":
        message = 'If-Match must be an entity tag such as W/"3".'
        raise FhirError(message)
    if before.deleted if match is None else int(match[1]) != before.current:
        message = "The resource has another version by now: read it again and repeat the change."
        raise VersionConflict(message)
