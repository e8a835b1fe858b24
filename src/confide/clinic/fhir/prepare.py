"""From validated resources to drafts: identifiers, compartments, tokens. Every write of the FHIR surface goes through here."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from confide.clinic.fhir.definitions.compartment import compartment_references
from confide.clinic.fhir.definitions.meta import with_meta
from confide.clinic.fhir.errors import UnresolvedReference
from confide.clinic.fhir.search.index import entries
from confide.clinic.fhir.validate import encode
from confide.clinic.records import read, write
from confide.clinic.records.blind import SALTED
from confide.clinic.records.model import NO_COMPARTMENT, ONE_COMPARTMENT, SEVERAL_COMPARTMENTS, Found, Home
from confide.crypto.random import new_pseudonym
from confide.values.ids import NO_SUBJECT, DocumentKey, Pseudonym, SubjectId, uuid_bytes, uuid_text
from confide.values.permit import Action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confide.clinic.fhir.call import Call
    from confide.clinic.fhir.search.index import Entry
    from confide.clinic.records.write import Draft
    from confide.store.work import Add, Alter

PATIENT = "Patient"
YIELD_EVERY = 32
"""Entries of a bundle between two turns of the event loop, so that a large import does not hold up a read."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A validated resource with the place it is to be stored in."""

    type: str
    resource: Any
    key: DocumentKey
    id: bytes
    before: Found | None


@dataclass(frozen=True, slots=True)
class Owner:
    """A patient that a resource is about."""

    key: DocumentKey
    subject: SubjectId
    pseudonym: Pseudonym


@dataclass(frozen=True, slots=True)
class Prepared:
    """What will be stored, and about whom."""

    draft: Draft
    owners: tuple[Owner, ...]
    steps: tuple[Add | Alter, ...]

    @property
    def concerned(self) -> tuple[Pseudonym, ...]:
        """Whose charts change: of the patients it is about from now on, and of the one it was about."""
        before = self.draft.before.patient_pseudonym if self.draft.before else None
        return (*(owner.pseudonym for owner in self.owners), *((before,) if before else ()))


def instant(now: int) -> str:
    """Return a FHIR instant with milliseconds."""
    return datetime.fromtimestamp(now // 1000 / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def prepare(call: Call, incoming: Sequence[Incoming]) -> list[Prepared]:
    """Return sealed drafts for resources that are stored together.

    Raises:
        UnresolvedReference: a patient that a resource is about does not exist, or may not be known of.
    """
    pseudonyms = {one.id: one.before.pseudonym if one.before else new_pseudonym() for one in incoming}
    owners = {uuid_text(one.id): Owner(one.key, SubjectId(one.id), pseudonyms[one.id]) for one in incoming if one.type == PATIENT}
    indexed, marks = await index_of(call, [one.resource for one in incoming])
    prepared = []
    for at, one in enumerate(incoming):
        if at % YIELD_EVERY == YIELD_EVERY - 1:
            await asyncio.sleep(0)
        steps, marks = write.mark(marks), []
        prepared.append(await _prepare_one(call, one, pseudonyms[one.id], owners, indexed[at], steps))
    return prepared


async def index_of(call: Call, resources: Sequence[Any]) -> tuple[list[tuple[list[Entry], list[int]]], list[int]]:
    """Return the plain entries and salted tokens of each resource, and the marks of them all."""
    base, across = call.parts.base, call.parts.limits.across_patients
    found = [entries(one, base=base, across_patients=across) for one in resources]
    placed = await call.parts.index.place(call.parts.database, [one.salted for one in found])
    return [(one.plain, tokens) for one, tokens in zip(found, placed.tokens, strict=True)], placed.marks


def tokens_of(call: Call, plain: list[Entry], salted: list[int], subjects: list[SubjectId]) -> list[tuple[int, int]]:
    """Return the (parameter, token) pairs of a resource that is about these subjects."""
    return call.parts.index.tokens(plain, subjects) + [(SALTED, token) for token in salted]


async def _prepare_one(
    call: Call,
    one: Incoming,
    pseudonym: Pseudonym,
    owners: dict[str, Owner],
    indexed: tuple[list[Entry], list[int]],
    steps: list[Add | Alter],
) -> Prepared:
    about = await _owners(call, one, owners)
    home = _home(about)
    number = one.before.current + 1 if one.before else 1
    identifier = uuid_text(one.id)
    content = encode(with_meta(one.resource, identifier, str(number), instant(call.now)))
    plain, salted = indexed
    draft = write.Draft(
        tenant=call.principal.tenant,
        type=one.type,
        key=one.key,
        id=one.id,
        pseudonym=pseudonym,
        number=number,
        home=home,
        content=content,
        tokens=tokens_of(call, plain, salted, [owner.subject for owner in about]),
        shared_with=[owner.key for owner in about],
        before=one.before,
    )
    return Prepared(draft, about, (*await write.put(call.parts.keyring, draft, call.now), *steps))


def _home(about: tuple[Owner, ...]) -> Home:
    if not about:
        return Home(None, NO_COMPARTMENT, NO_SUBJECT)
    if len(about) == 1:
        return Home(about[0].key, ONE_COMPARTMENT, about[0].subject)
    return Home(None, SEVERAL_COMPARTMENTS, NO_SUBJECT)


async def _owners(call: Call, one: Incoming, known: dict[str, Owner]) -> tuple[Owner, ...]:
    if one.type == PATIENT:  # a Patient is its own compartment, whatever it links to
        return (known[uuid_text(one.id)],)
    found: dict[str, Owner] = {}
    for reference in compartment_references(one.resource):
        identifier = local_patient(reference, call.parts.base)
        if identifier is None:
            continue
        owner = known.get(identifier)
        if owner is None:
            owner = known[identifier] = await _find_owner(call, identifier)
        found[identifier] = owner
    return tuple(found[identifier] for identifier in sorted(found))


def local_patient(reference: str, base: str) -> str | None:
    """Return the identifier in a reference to a Patient of this server; None for a contained or foreign one.

    Raises:
        UnresolvedReference: the reference names an entry of a bundle that is not there.
    """
    if reference.startswith("#"):
        return None
    path = reference.removeprefix(base + "/").split("/_history/", 1)[0]
    if path.startswith(("http://", "https://")):
        return None
    if path.startswith("urn:"):
        message = "A reference to a patient names an entry that this request does not hold."
        raise UnresolvedReference(message)
    return path.removeprefix("Patient/")


async def _find_owner(call: Call, identifier: str) -> Owner:
    value = uuid_bytes(identifier)
    if value is not None:
        rows = call.rows(PATIENT, Action.READ)
        found = await read.current(call.parts.database, rows, PATIENT, value)
        if found is not None and not found.deleted:
            return Owner(found.key, SubjectId(found.id), found.pseudonym)
    message = "The resource is about a patient that does not exist here: create the Patient first."
    raise UnresolvedReference(message)
