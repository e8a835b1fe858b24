"""From validated resources to drafts: identifiers, compartments, tokens. Every write of the FHIR surface goes through here."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from confide.clinic.fhir.definitions.meta import with_meta
from confide.clinic.fhir.errors import UnresolvedReference
from confide.clinic.fhir.owners import BINARY, PATIENT, Known, Owner, home_of, owners_of
from confide.clinic.fhir.search.index import entries
from confide.clinic.fhir.validate import encode
from confide.clinic.records import filing, write
from confide.clinic.records.filing import Filed, Upload
from confide.clinic.records.framed import STAND_IN, Form, Mark, lift, pack
from confide.crypto.random import new_pseudonym
from confide.values.ids import SubjectId, uuid_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confide.clinic.fhir.call import Call
    from confide.clinic.fhir.search.index import Entry
    from confide.clinic.records.blind import Generation
    from confide.clinic.records.model import Found
    from confide.clinic.records.write import Draft
    from confide.store.work import Add, Alter
    from confide.values.ids import DocumentKey, Pseudonym
    from confide.values.place import Place

YIELD_EVERY = 32
"""Entries of a bundle between two turns of the event loop, so that a large import does not hold up a read."""


@dataclass(frozen=True, slots=True)
class Held:
    """The content of a Binary, stored already as it came, and in whose place."""

    filed: Filed
    owners: tuple[Owner, ...]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A validated resource with the place it is to be stored in."""

    type: str
    resource: Any
    key: DocumentKey
    id: bytes
    before: Found | None
    held: Held | None = None
    where: str = ""
    """Its place in the bundle that it came in."""

    @property
    def name(self) -> str:
        """Type/id."""
        return f"{self.type}/{uuid_text(self.id)}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What will be stored, and about whom."""

    draft: Draft
    owners: tuple[Owner, ...]
    steps: tuple[Add | Alter, ...]
    uploads: tuple[Upload, ...] = ()

    @property
    def concerned(self) -> tuple[Pseudonym, ...]:
        """Whose charts change: of the patients it is about from now on, and of the one it was about."""
        before = self.draft.before.patient_pseudonym if self.draft.before else None
        return (*(owner.pseudonym for owner in self.owners), *((before,) if before else ()))


@lru_cache(maxsize=16)
def instant(now: int) -> str:
    """Return a FHIR instant with milliseconds."""
    return datetime.fromtimestamp(now // 1000 / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def prepare(call: Call, incoming: Sequence[Incoming]) -> list[Prepared]:
    """Return sealed drafts for resources that are stored together; their files are stored by then.

    Raises:
        UnresolvedReference, AmbiguousContext: see `owners_of`.
        Unavailable, ObjectsRefused: a file cannot be stored.
    """
    pseudonyms = {one.id: one.before.pseudonym if one.before else new_pseudonym() for one in incoming}
    owners = {uuid_text(one.id): Owner(one.key, SubjectId(one.id), pseudonyms[one.id]) for one in incoming if one.type == PATIENT}
    known = Known(owners, {one.name: one.resource for one in incoming})
    about = [await _about(call, one, known) for one in incoming]  # first: a refusal leaves no key of anybody behind
    under = await call.parts.index.writing(call.now)
    indexed, marks = await index_of(call, under, [one.resource for one in incoming])
    prepared = []
    for at, one in enumerate(incoming):
        if at % YIELD_EVERY == YIELD_EVERY - 1:
            await asyncio.sleep(0)
        steps, marks = write.mark(marks, under.number), []
        prepared.append(await _prepare_one(call, under, one, pseudonyms[one.id], about[at], indexed[at], steps))
    await filing.keep(call.parts.files, [upload for one in prepared for upload in one.uploads])  # last: nothing is refused any more
    return prepared


async def index_of(call: Call, under: Generation, resources: Sequence[Any]) -> tuple[list[tuple[list[Entry], list[int]]], list[int]]:
    """Return the plain entries and salted tokens of each resource, and the marks of them all."""
    base, across = call.parts.base, call.parts.limits.across_patients
    found = [entries(one, base=base, across_patients=across) for one in resources]
    placed = await under.place(call.parts.database, [one.salted for one in found])
    return [(one.plain, tokens) for one, tokens in zip(found, placed.tokens, strict=True)], placed.marks


async def _about(call: Call, one: Incoming, known: Known) -> tuple[Owner, ...]:
    try:
        about = await owners_of(call, one.name, one.resource, known)
    except UnresolvedReference as error:
        error.location = one.where
        raise
    if one.held and about != one.held.owners:  # as when the patient is erased while a large file is being sent
        message = "The security context changed while the content was sent: send it again."
        raise UnresolvedReference(message)
    return about


async def _prepare_one(
    call: Call,
    under: Generation,
    one: Incoming,
    pseudonym: Pseudonym,
    about: tuple[Owner, ...],
    indexed: tuple[list[Entry], list[int]],
    steps: list[Add | Alter],
) -> Prepared:
    home = home_of(one.type, about)
    number = one.before.current + 1 if one.before else 1
    content = encode(with_meta(one.resource, uuid_text(one.id), str(number), instant(call.now)))
    framed, uploads = await _lift(call, one, content, home.place(call.principal.tenant, one.id, number))
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
        tokens=under.tokens(plain, salted, [owner.subject for owner in about]),
        shared_with=[owner.key for owner in about],
        before=one.before,
        framed=framed,
        files=[one.held.filed] if one.held else [upload.filed for upload in uploads],
    )
    return Prepared(draft, about, (*await write.put(call.parts.keyring, draft, call.now), *steps), uploads)


async def _lift(call: Call, one: Incoming, content: bytes, place: Place) -> tuple[bytes, tuple[Upload, ...]]:
    """Return what is sealed of a version, and the files that go with it."""
    if one.held:
        filed = one.held.filed
        return pack(content, [Mark(content.rindex(STAND_IN), Form.DECODED, True, filed.file, filed.size)]), ()  # noqa: FBT003 - its content
    binary = encode(one.resource.data)[1:-1] if one.type == BINARY and one.resource.data is not UNSET else None
    framed, lifted = lift(content, filing.new_file, binary)
    if not lifted:
        return framed, ()
    key = await call.parts.keyring.sealer(place.tenant, place.subject, place.purpose_class, call.now)
    filed_as = [Filed(each.mark.file, filing.new_file(), key.key_ref, each.mark.size) for each in lifted]
    return framed, tuple(
        Upload(filed, filing.place_of(place, filed.file), key, each.data) for filed, each in zip(filed_as, lifted, strict=True)
    )
