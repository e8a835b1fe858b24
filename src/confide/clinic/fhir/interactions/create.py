"""`POST [base]/[type]` (https://hl7.org/fhir/R4/http.html#create)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.audit.append import granted
from confide.clinic.fhir.answer import Answer
from confide.clinic.fhir.prepare import Incoming, prepare
from confide.clinic.fhir.validate import parse
from confide.crypto.random import new_uuid4
from confide.values.ids import uuid_text
from confide.values.permit import Action

if TYPE_CHECKING:
    from confide.clinic.fhir.call import Call


async def create(call: Call, resource_type: str, body: bytes) -> Answer:
    """Store a new resource under an identifier that the server chooses.

    Raises:
        Denied, InvalidResource, UnresolvedReference
    """
    permit = call.rows(resource_type, Action.CREATE).permit
    resource = parse(body, type_name=resource_type)
    [made] = await prepare(call, [Incoming(resource_type, resource, call.new_key(), new_uuid4(), None)])
    told = granted(permit, patients=made.concerned, resources=(made.draft.pseudonym,))
    await call.commit([told], made.steps)
    location = f"{call.parts.base}/{resource_type}/{uuid_text(made.draft.id)}/_history/1"
    return Answer(201, made.draft.content, 1, call.now, location)
