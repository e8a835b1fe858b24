"""`POST [base]` with a transaction bundle (https://hl7.org/fhir/R4/http.html#transaction): all of it or none of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from confide.audit.append import Told, granted
from confide.clinic.fhir.answer import Answer
from confide.clinic.fhir.bundle import Entry, bundle
from confide.clinic.fhir.definitions.structs import RESOURCE_TYPES
from confide.clinic.fhir.errors import InvalidResource, Issue, NotFound
from confide.clinic.fhir.interactions.update import check_version, target
from confide.clinic.fhir.links import Links
from confide.clinic.fhir.prepare import YIELD_EVERY, Incoming, Prepared, instant, prepare
from confide.clinic.fhir.validate import parse, parse_bundle
from confide.clinic.records import read as records
from confide.clinic.records import write
from confide.crypto.random import new_uuid4
from confide.values.ids import uuid_bytes, uuid_text
from confide.values.permit import Action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confide.clinic.fhir.call import Call
    from confide.clinic.records.model import Found
    from confide.store.work import Add, Alter

TYPES = ("transaction",)
LARGE_BYTES = 1024 * 1024

RESOURCES_PER_EVENT = 800
"""800 resources with 800 patients of 35 bytes each stay below the 65,535 bytes of an event."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One entry, understood."""

    method: str
    type: str
    id: str
    raw: bytes
    full_url: str | None
    if_match: str | None


async def transaction(call: Call, body: bytes, extra: Sequence[Add | Alter] = ()) -> Answer:
    """Store, change and delete what the bundle says, and `extra` with it.

    Raises:
        Denied, InvalidResource, NotSupported, NotFound, VersionConflict, UnresolvedReference
    """
    steps, links = _understand(await _parse(body))
    incoming = []
    for at, step in enumerate(steps):
        if at % YIELD_EVERY == YIELD_EVERY - 1:
            await asyncio.sleep(0)
        if step.method != "DELETE":
            incoming.append(await _incoming(call, at, step, links))
    # Whatever may refuse comes before what leaves keys and files behind.
    gone = {at: await _deleted(call, step) for at, step in enumerate(steps) if step.method == "DELETE"}
    prepared = iter(await prepare(call, incoming))
    work: list[Add | Alter] = list(extra)
    told: dict[Action, list[tuple[tuple[Any, ...], Any]]] = {}
    entries = []
    for at in range(len(steps)):
        if at in gone:
            before = gone[at]
            shared_with = await records.shared_with(call.parts.database, before)
            work += [] if before.deleted else write.delete(call.principal.tenant, before, shared_with, call.now)
            about = await records.concerned(call.parts.database, [before])
            told.setdefault(Action.DELETE, []).append((about, before.pseudonym))
            number = before.current + (0 if before.deleted else 1)
            entries.append(Entry(None, response=("204", f'W/"{number}"', instant(call.now))))
            continue
        made = next(prepared)
        work += made.steps
        action = Action.UPDATE if made.draft.before else Action.CREATE
        told.setdefault(action, []).append((made.concerned, made.draft.pseudonym))
        entries.append(_stored(call, made))
    await call.commit(_events(call, steps, told), work)
    return Answer(200, bundle("transaction-response", call.parts.base, entries, "", None))


async def _parse(body: bytes) -> list[Any]:
    """Read the outside; of a large bundle beside the event loop, since to say all that is wrong with one takes seconds."""
    if len(body) <= LARGE_BYTES:
        return parse_bundle(body, types=TYPES)
    return await asyncio.to_thread(parse_bundle, body, types=TYPES)


def _stored(call: Call, made: Prepared) -> Entry:
    address = f"{made.draft.type}/{uuid_text(made.draft.id)}"
    number = made.draft.number
    status = "200" if made.draft.before else "201"
    location = f"{call.parts.base}/{address}/_history/{number}"
    return Entry(None, response=(status, f'W/"{number}"', instant(call.now)), location=location)


def _events(call: Call, steps: Sequence[_Step], told: dict[Action, list[tuple[tuple[Any, ...], Any]]]) -> list[Told]:
    kind = next(iter(steps)).type if steps else "Bundle"
    events = []
    for action, stored in told.items():
        permit = call.rows(kind, action).permit
        for at in range(0, len(stored), RESOURCES_PER_EVENT):
            part = stored[at : at + RESOURCES_PER_EVENT]
            patients = tuple(dict.fromkeys(pseudonym for about, _ in part for pseudonym in about))
            events.append(granted(permit, patients=patients, resources=tuple(pseudonym for _, pseudonym in part)))
    return events or [granted(call.rows(kind, Action.CREATE).permit, "empty")]


def _understand(entries: Sequence[Any]) -> tuple[list[_Step], Links]:
    steps: list[_Step] = []
    links = Links()
    for at, entry in enumerate(entries):
        where = f"Bundle.entry[{at}].request"
        if entry.method not in {"POST", "PUT", "DELETE"}:
            _refuse(where + ".method", "not-supported", "A transaction here takes POST, PUT and DELETE.")
        if entry.if_none_exist is not None:
            _refuse(where + ".ifNoneExist", "not-supported", "Conditional creates are not offered yet.")
        kind, _, identifier = entry.url.partition("/")
        if kind not in RESOURCE_TYPES or (entry.method == "POST") != (identifier == ""):
            _refuse(where + ".url", "invalid", "The address must be Type for POST, and Type/id for PUT and DELETE.")
        if entry.method == "POST":
            identifier = uuid_text(new_uuid4())
        if entry.method != "DELETE" and entry.full_url:
            links.add(entry.full_url, f"{kind}/{identifier}")
        steps.append(_Step(entry.method, kind, identifier, bytes(entry.resource or b""), entry.full_url, entry.if_match))
    named = [(step.type, step.id) for step in steps]
    if len(set(named)) != len(named):
        _refuse("Bundle.entry", "duplicate", "A transaction may name each resource once.")
    return steps, links


def _refuse(location: str, code: str, diagnostics: str) -> None:
    raise InvalidResource((Issue("error", code, location, diagnostics),))


async def _incoming(call: Call, at: int, step: _Step, links: Links) -> Incoming:
    """Validate one entry, with references to other entries replaced by the identifiers they were given."""
    call.rows(step.type, Action.CREATE if step.method == "POST" else Action.UPDATE)
    where = f"Bundle.entry[{at}].resource"
    try:
        resource = parse(links.resolved(step.raw, step.full_url), type_name=step.type)
    except InvalidResource as error:
        located = tuple(
            Issue(one.severity, one.code, where + one.location.removeprefix(step.type), one.diagnostics) for one in error.issues
        )
        raise InvalidResource(located) from None
    if step.method == "POST":
        identifier = uuid_bytes(step.id)
        return Incoming(step.type, resource, call.new_key(), identifier or b"", None, where=where)
    before = await target(call, step.type, step.id, resource, step.if_match)
    return Incoming(step.type, resource, before.key, before.id, before, where=where)


async def _deleted(call: Call, step: _Step) -> Found:
    rows = call.rows(step.type, Action.DELETE)
    value = uuid_bytes(step.id)
    before = await records.current(call.parts.database, rows, step.type, value) if value else None
    if before is None:
        await call.commit([granted(rows.permit, "not-found")])
        message = "The transaction deletes a resource that does not exist."
        raise NotFound(message)
    check_version(before, step.if_match)
    return before
