"""The steps that store versions: seal, index, advance. The caller submits them together with the audit event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from confide.clinic.records import file_rows, store
from confide.clinic.records.blind import SALTED
from confide.clinic.records.model import CREATE, DELETE, SEVERAL_COMPARTMENTS, UPDATE
from confide.crypto.random import STRANGER_BITS, new_stranger
from confide.sealed import documents
from confide.store.work import Add, Alter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confide.clinic.records.filing import Filed
    from confide.clinic.records.model import Found, Home
    from confide.keys.hierarchy import Keyring
    from confide.values.ids import DocumentKey, Pseudonym, TenantId


@dataclass(frozen=True, slots=True)
class Draft:
    """A new version, ready to be sealed."""

    tenant: TenantId
    type: str
    key: DocumentKey
    id: bytes
    pseudonym: Pseudonym
    number: int
    home: Home
    content: bytes
    tokens: Sequence[tuple[int, int]]
    """(parameter, 63-bit token) pairs."""
    shared_with: Sequence[DocumentKey]
    """The patients of a document in several compartments."""
    before: Found | None
    """The version that this one replaces; None for a new document."""
    framed: bytes | None = None
    """What is sealed in place of `content`, where parts of it lie in files."""
    files: Sequence[Filed] = ()


async def put(keyring: Keyring, draft: Draft, now: int) -> list[Add | Alter]:
    """Return the steps of a create or an update."""
    home = draft.home
    place = home.place(draft.tenant, draft.id, draft.number)
    is_new = draft.before is None and home.owner == draft.id
    key = await keyring.sealer(draft.tenant, place.subject, place.purpose_class, now, is_new=is_new)
    sealed = documents.seal(key, place, draft.framed or draft.content)
    method = UPDATE if draft.before else CREATE
    version = (draft.key, draft.number, draft.tenant, home.patient, home.compartments, now, method, sealed)
    steps: list[Add | Alter] = []
    if draft.before is None:
        row = (draft.key, draft.tenant, draft.type, draft.id, draft.pseudonym, home.patient, home.compartments, draft.number, now, 0)
        steps.append(Add(store.ADD_DOCUMENT, [row]))
    else:
        steps += _advance(draft.before, home, now, deleted=0)
    steps.append(Add(store.ADD_VERSION, [version]))
    steps.append(Add(store.ADD_TOKEN, [(parameter, token, draft.key) for parameter, token in draft.tokens]))
    if home.compartments == SEVERAL_COMPARTMENTS:
        steps.append(Add(store.ADD_SHARED, [(patient, draft.key, draft.number) for patient in draft.shared_with]))
    if draft.files:
        of = (draft.tenant, draft.key, draft.number, home.patient)
        steps.append(Add(file_rows.ADD_FILE, [(one.file, *of, one.object, one.key_ref, one.size, now) for one in draft.files]))
    return steps


def index(version: Found, tokens: Sequence[tuple[int, int]]) -> list[Add | Alter]:
    """Return the steps that give a document these tokens in place of those that it has; a conflict where it has a newer version."""
    unchanged = Alter(store.UNCHANGED, {"this": version.key, "seen": version.number})
    drop = Alter(store.DROP_TOKENS, {"this": version.key}, None)
    return [unchanged, drop, Add(store.ADD_TOKEN, [(parameter, token, version.key) for parameter, token in tokens])]


def mark(marks: Sequence[int], generation: int) -> list[Add | Alter]:
    """Return the step that stores marks of the blind index; each stands under a random number that is no document's."""
    return [Add(store.ADD_TOKEN, [(SALTED, one, new_stranger(generation)) for one in marks])] if marks else []


def unmark(generation: int) -> Alter:
    """Return the step that takes away the marks of a generation under which nothing is indexed any more."""
    above, below = (-(number << STRANGER_BITS) for number in (generation + 1, generation))
    return Alter(store.DROP_MARKS, {"above": above, "below": below}, None)


def delete(tenant: TenantId, before: Found, shared_with: Sequence[DocumentKey], now: int) -> list[Add | Alter]:
    """Return the steps of a soft delete: a version without content, and no tokens any more."""
    home = before.home
    version = (before.key, before.current + 1, tenant, home.patient, home.compartments, now, DELETE, None)
    steps: list[Add | Alter] = [Alter(store.ADVANCE, _next(before, home, now, deleted=1))]
    steps.append(Alter(store.DROP_TOKENS, {"this": before.key}, None))
    steps.append(Add(store.ADD_VERSION, [version]))
    steps.append(Add(store.ADD_SHARED, [(patient, before.key, before.current + 1) for patient in shared_with]))
    return steps


def _advance(before: Found, home: Home, now: int, *, deleted: int) -> list[Add | Alter]:
    return [
        Alter(store.ADVANCE, _next(before, home, now, deleted=deleted)),
        Alter(store.DROP_TOKENS, {"this": before.key}, None),
    ]


def _next(before: Found, home: Home, now: int, *, deleted: int) -> dict[str, object]:
    return {
        "this": before.key,
        "seen": before.current,
        "version": before.current + 1,
        "updated": now,
        "deleted": deleted,
        "patient": home.patient,
        "compartments": home.compartments,
    }
