"""Find versions that the caller may see, and open them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.access.unseal import opener
from confide.clinic.records import store
from confide.clinic.records.errors import HoldsFiles, Hollow
from confide.clinic.records.framed import unpack
from confide.clinic.records.model import SEVERAL_COMPARTMENTS, Found, found
from confide.crypto.envelope import key_ref_of
from confide.sealed import documents
from confide.values.ids import DocumentKey, Pseudonym, SubjectId

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from confide.access.authorise import Rows
    from confide.keys.hierarchy import Keyring
    from confide.store.work import Database
    from confide.values.permit import Permit


async def current(database: Database, rows: Rows, resource_type: str, identifier: bytes) -> Found | None:
    """Return the current version of a document (which may say deleted), or None where there is none to see."""
    result = await database.fetch(store.read_one(rows.permit.reach), {**rows.values, "type": resource_type, "id": identifier})
    return found(result[0]) if result else None


async def version(database: Database, rows: Rows, resource_type: str, identifier: bytes, number: int) -> Found | None:
    """Return one version of a document, or None where there is none to see."""
    values = {**rows.values, "type": resource_type, "id": identifier, "number": number}
    result = await database.fetch(store.read_version(rows.permit.reach), values)
    return found(result[0]) if result else None


async def history(database: Database, rows: Rows, resource_type: str, identifier: bytes, below: int, count: int) -> list[Found]:
    """Return up to `count` versions with numbers under `below`, newest first."""
    values = {**rows.values, "type": resource_type, "id": identifier, "below": below, "count": count}
    return [found(row) for row in await database.fetch(store.read_history(rows.permit.reach), values)]


async def unseal_stored(keyring: Keyring, permit: Permit, versions: Sequence[Found], now: int) -> list[bytes]:
    """Return what is sealed of each version, see `framed`; the caller owes an audit event before any of it leaves.

    Raises:
        KeysError, CryptoError, Hollow: a key was shredded, or a row is not what was stored there.
    """
    if any(one.is_hollow() for one in versions):
        message = "A version has no content although nothing says that it was deleted: restore it from a backup."
        raise Hollow(message)
    sealed = [one.sealed for one in versions if one.sealed is not None]
    open_one = await opener(keyring, permit, {key_ref_of(envelope) for envelope in sealed}, now)
    tenant = permit.principal.tenant
    return [
        documents.unseal(open_one, one.home.place(tenant, one.id, one.number), one.sealed) if one.sealed is not None else b""
        for one in versions
    ]


async def unseal(keyring: Keyring, permit: Permit, versions: Sequence[Found], now: int) -> list[bytes]:
    """Return the FHIR JSON of versions without files; `attachments` reads those that may have some.

    Raises:
        KeysError, CryptoError: a key was shredded, or a row is not what was stored there.
        HoldsFiles: one has files.
    """
    unpacked = [unpack(stored) for stored in await unseal_stored(keyring, permit, versions, now)]
    if any(marks for _, marks in unpacked):
        message = "A document has files, and this way of reading it would lose them."
        raise HoldsFiles(message)
    return [text for text, _ in unpacked]


async def shared_with(database: Database, version: Found) -> list[DocumentKey]:
    """Return the patients that a version in several compartments names; none for any other."""
    if version.home.compartments != SEVERAL_COMPARTMENTS:
        return []
    return [DocumentKey(row[0]) for row in await database.fetch(store.SHARED_WITH, {"document": version.key, "number": version.number})]


async def subjects(database: Database, version: Found) -> list[SubjectId]:
    """Return the patients that a version is about, by the identifiers that their keys are named by."""
    if version.home.compartments != SEVERAL_COMPARTMENTS:
        return [version.home.owner] if version.home.owner else []
    rows = await database.fetch(store.SUBJECTS, {"document": version.key, "number": version.number})
    return [SubjectId(row[0]) for row in rows]


async def all_current(database: Database, tenant: int, after: int, count: int) -> list[Found]:
    """Return up to `count` current versions of all documents with keys above `after`: for work on everything, never for an answer."""
    return [found(row) for row in await database.fetch(store.ALL_CURRENT, {"tenant": tenant, "after": after, "count": count})]


async def count_current(database: Database, tenant: int) -> int:
    """Return how many documents there are that are not deleted."""
    return int((await database.fetch(store.COUNT_CURRENT, {"tenant": tenant}))[0][0])


async def concerned(database: Database, versions: Iterable[Found]) -> tuple[Pseudonym, ...]:
    """Return the pseudonyms of all patients whom some versions are about, each once: whom an audit event about them names."""
    named: dict[Pseudonym, None] = {}
    for version in versions:
        if version.patient_pseudonym is not None:
            named[version.patient_pseudonym] = None
        elif version.home.compartments == SEVERAL_COMPARTMENTS:
            rows = await database.fetch(store.SUBJECTS, {"document": version.key, "number": version.number})
            named.update({Pseudonym(row[1]): None for row in rows})
    return tuple(named)
