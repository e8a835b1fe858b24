"""Binary as it is: `POST [base]/Binary`, `PUT` and `GET [base]/Binary/[id]` with the content itself (https://hl7.org/fhir/R4/binary.html).

Content comes and goes in pieces and is never held whole. It is sealed in its place on the way in, before the version that names it is
stored, and authenticated on the way out, before each piece is sent. FHIR JSON of a Binary goes the way of every other resource.
"""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from confide.audit.append import granted
from confide.clinic.fhir.answer import Answer, Stream
from confide.clinic.fhir.contents import ahead, tell_before
from confide.clinic.fhir.definitions.structs import decoder, type_of
from confide.clinic.fhir.errors import TooLarge, UnsupportedMediaType
from confide.clinic.fhir.interactions import create as creating
from confide.clinic.fhir.interactions import update as updating
from confide.clinic.fhir.interactions.read import chosen, existing
from confide.clinic.fhir.owners import BINARY, Known, home_of, owners_of
from confide.clinic.fhir.prepare import Held, Incoming, prepare
from confide.clinic.fhir.validate import parse
from confide.clinic.records import read as records
from confide.clinic.records.filing import keep_stream
from confide.clinic.records.framed import STAND_IN, Form
from confide.crypto.random import new_uuid4
from confide.values.ids import uuid_text
from confide.values.permit import Action

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from confide.clinic.fhir.answer import Pieces
    from confide.clinic.fhir.call import Call
    from confide.clinic.records.attachments import Opened, Reader

FHIR_JSON = frozenset({"application/fhir+json", "application/json+fhir"})
_JSON = "application/json"
_KIND = re.compile(r'[!#-.0-9A-Z^-z|~]+/[!#-.0-9A-Z^-z|~]+(?: ?; ?[!#-.0-9A-Z^-z|~]+=(?:[!#-.0-9A-Z^-z|~]+|"[ !#-\[\]-~]*"))*')
"""RFC 9110 8.3.1, with single spaces only, as a FHIR code has them. Whatever else a Binary calls itself is served as octets."""
_REFERENCE = re.compile(r"[A-Za-z0-9\-._~:/%#|]{1,1024}")
_OCTETS = "application/octet-stream"
_BEGINS_AS_BINARY = re.compile(rb'\s*\{\s*"resourceType"\s*:\s*"Binary"')
SANDBOX = ((b"content-security-policy", b"sandbox; default-src 'none'"), (b"content-disposition", b"attachment"))
"""Content is whatever somebody sent: a browser must neither run it in the name of this server nor show it as a page of it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a client sends."""

    kind: str
    """Its Content-Type."""
    context: str | None
    """Its X-Security-Context: a reference to the resource whose access rules the content has."""
    body: AsyncIterator[bytes]


async def create(call: Call, sent: Sent) -> Answer:
    """Store content under an identifier that the server chooses.

    Raises:
        Denied, InvalidResource, UnsupportedMediaType, TooLarge, UnresolvedReference, AmbiguousContext
    """
    call.rows(BINARY, Action.CREATE)
    body = await _resource(call, sent)
    if isinstance(body, bytes):
        return await creating.create(call, BINARY, body)
    identifier = new_uuid4()
    incoming = Incoming(BINARY, _described(sent), call.new_key(), identifier, None)
    return await _store(call, incoming, body)


async def update(call: Call, identifier: str, sent: Sent, if_match: str | None) -> Answer:
    """Store content as the next version. Without X-Security-Context, it stays whose it was.

    Raises:
        Denied, InvalidResource, UnsupportedMediaType, TooLarge, NothingToUpdate, VersionConflict, UnresolvedReference, AmbiguousContext
    """
    permit = call.rows(BINARY, Action.UPDATE).permit
    body = await _resource(call, sent)
    if isinstance(body, bytes):
        return await updating.update(call, BINARY, identifier, body, if_match)
    resource = _described(sent)
    resource.id = identifier
    before = await updating.target(call, BINARY, identifier, resource, if_match)
    if sent.context is None and before.sealed is not None:
        [opened] = await call.reader(permit).open([before])
        resource.securityContext = _decoded(opened).securityContext
    return await _store(call, Incoming(BINARY, resource, before.key, before.id, before), body)


async def read(call: Call, identifier: str, version: str | None = None) -> Answer:
    """Return the content of a Binary as it was sent.

    Raises:
        Denied, NotFound, Gone
    """
    rows = call.rows(BINARY, Action.READ)
    found = await existing(call, rows.permit, await chosen(call, rows, BINARY, identifier, version))
    reader = call.reader(rows.permit)
    [opened] = await reader.open([found])
    resource = _decoded(opened)
    about = await records.concerned(call.parts.database, [found])
    pieces, length = await _content(reader, opened, resource)
    await tell_before(call, granted(rows.permit, patients=about, resources=(found.pseudonym,)), pieces)
    return Answer(200, version=found.number, updated=found.updated, stream=Stream(pieces, length, *_labels(resource)))


def _described(sent: Sent) -> Any:
    """Return the Binary that goes with content, still without it.

    Raises:
        UnsupportedMediaType: the Content-Type is missing, or is none.
        InvalidResource: the security context is no reference.
    """
    if _KIND.fullmatch(sent.kind) is None:
        message = "Say with Content-Type what kind of content it is, such as application/pdf."
        raise UnsupportedMediaType(message)
    described: dict[str, object] = {"resourceType": BINARY, "contentType": sent.kind}
    if sent.context is not None:
        described["securityContext"] = {"reference": sent.context}
    return parse(msgspec.json.encode(described), type_name=BINARY)


async def _resource(call: Call, sent: Sent) -> bytes | AsyncIterator[bytes]:
    """Return the body where it is a resource in FHIR JSON, and otherwise its pieces.

    A FHIR resource of another type is content like any other; so is JSON that is no Binary. A Binary has the limit of every resource:
    larger content is sent by itself.
    """
    kind = sent.kind.partition(";")[0].strip().lower()
    if kind not in FHIR_JSON and kind != _JSON:
        return sent.body
    limit = call.parts.limits.resource_bytes
    taken = bytearray()
    async for piece in sent.body:
        taken += piece
        if len(taken) > limit:
            break
    if len(taken) > limit:
        if kind in FHIR_JSON or _BEGINS_AS_BINARY.match(taken):
            message = f"A resource has at most {limit} bytes: send larger content by itself, with its own Content-Type."
            raise TooLarge(message)
        return _joined(bytes(taken), sent.body)
    name = _type(bytes(taken))
    if name == BINARY or (name is None and kind in FHIR_JSON):  # what calls itself FHIR and is not is told why
        return bytes(taken)
    return _joined(bytes(taken), sent.body)


def _type(body: bytes) -> str | None:
    try:
        return type_of(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


async def _joined(taken: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield taken
    async for piece in rest:
        yield piece


async def _store(call: Call, incoming: Incoming, body: AsyncIterator[bytes]) -> Answer:
    about = await owners_of(call, incoming.name, incoming.resource, Known())
    number = incoming.before.current + 1 if incoming.before else 1
    place = home_of(BINARY, about).place(call.principal.tenant, incoming.id, number)
    key = await call.parts.keyring.sealer(place.tenant, place.subject, place.purpose_class, call.now)
    filed = await keep_stream(call.parts.files, key, place, body)
    if filed.size:
        incoming.resource.data = STAND_IN.decode()
        incoming = replace(incoming, held=Held(filed, about))
    [made] = await prepare(call, [incoming])
    permit = call.rows(BINARY, Action.UPDATE if incoming.before else Action.CREATE).permit
    await call.commit([granted(permit, patients=made.concerned, resources=(made.draft.pseudonym,))], made.steps)
    location = f"{call.parts.base}/{BINARY}/{uuid_text(made.draft.id)}/_history/{number}"
    return Answer(200 if incoming.before else 201, b"", number, call.now, location)


def _decoded(opened: Opened) -> Any:
    return decoder(BINARY).decode(opened.text)


async def _content(reader: Reader, opened: Opened, resource: Any) -> tuple[Pieces, int]:
    """Return the content in pieces, and its length."""
    mark = opened.content()
    if mark is not None and mark.form is Form.DECODED:
        return await ahead(reader.file(opened, mark), 1), mark.size
    text = resource.data
    if mark is not None:  # base64 that was kept as it was written, with line breaks
        text = msgspec.json.decode(b'"' + b"".join([piece async for piece in reader.file(opened, mark)]) + b'"')
    content = b"" if text is UNSET else b64decode(text)
    return _once(content), len(content)


async def _once(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content


def _labels(resource: Any) -> tuple[bytes, tuple[tuple[bytes, bytes], ...]]:
    """Return the Content-Type and the other headers that go with content."""
    kind = resource.contentType if _KIND.fullmatch(resource.contentType) else _OCTETS
    context = UNSET if resource.securityContext is UNSET else resource.securityContext.reference
    headers: tuple[tuple[bytes, bytes], ...] = SANDBOX
    if context is not UNSET and _REFERENCE.fullmatch(context):
        headers = (*headers, (b"x-security-context", context.encode()))
    return kind.encode(), headers
