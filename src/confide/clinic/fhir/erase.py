"""Erase a patient: the clinic's part of `rights/erase.py`, the only place that knows its order.

1. Nothing new can be stored about the patient.
2. Documents that name others too are rewritten without the patient, under new keys; their older versions are destroyed.
3. Everything in the patient's compartment is destroyed, batch by batch.
4. The Patient, the accounts and the mark of the ledger go in one transaction with the audit event.
5. Files go after the versions that had them. Their keys die with the others, so a kill in between leaves nothing readable; the rows
   that name them stay until they are gone.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confide.audit.append import granted
from confide.clinic.fhir.contents import without_files
from confide.clinic.fhir.forget import without
from confide.clinic.fhir.owners import PATIENT
from confide.clinic.fhir.prepare import Incoming, prepare
from confide.clinic.fhir.validate import parse
from confide.clinic.records import erase as rows
from confide.clinic.records import file_sweep
from confide.clinic.records import read as records
from confide.clinic.records.errors import FileMissing
from confide.clinic.records.model import SEVERAL_COMPARTMENTS
from confide.identity import erase as accounts
from confide.keys.errors import KeyMissing
from confide.rights.holdings import Plan
from confide.store.errors import Unavailable
from confide.store.objects.errors import ObjectMissing, ObjectsRefused
from confide.values.ids import KeyRef, SubjectId, uuid_text
from confide.values.permit import Action
from confide.values.purpose import PurposeClass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from confide.clinic.fhir.call import Call
    from confide.clinic.records.attachments import Opened, Reader
    from confide.clinic.records.filing import Files
    from confide.clinic.records.model import Found
    from confide.keys.ledger import Entry, State
    from confide.store.work import Database
    from confide.values.ids import DocumentKey


@dataclass(frozen=True, slots=True)
class ClinicHoldings:
    """The clinic's store of personal data, as `rights` sees it."""

    call: Call

    async def plan(self, subject: SubjectId, _now: int) -> Plan | None:
        """See `Holdings.plan`."""
        return await plan(self.call, subject)

    async def reached(self) -> State:
        """See `Holdings.reached`."""
        return await rows.reached(self.call.parts.database, self.call.principal.tenant)

    async def erase(self, entry: Entry, after: State, report: Callable[[int], None], _now: int) -> tuple[KeyRef, ...]:
        """See `Holdings.erase`."""
        return await carry_out(self.call, entry, after, report)


async def plan(call: Call, subject: SubjectId) -> Plan | None:
    """Return what an erasure of a patient will do; None where there is no such Patient. Nothing is changed.

    Raises:
        Denied
    """
    database = call.parts.database
    patient = await records.current(database, call.rows(PATIENT, Action.ERASE), PATIENT, subject)
    if patient is None:
        return None
    keys: list[KeyRef] = []
    after = 0
    while documents := await rows.naming(database, patient.key, after):
        for document in documents:
            keys += await call.parts.keyring.references(call.principal.tenant, SubjectId(document.id))
        after = documents[-1].key
    known = await accounts.accounts_of(database, patient.key)
    items = [*await rows.count(database, patient.key), ("account", len(known))]
    rewritten = await rows.count_naming(database, patient.key)
    return Plan(subject, tuple((kind, number) for kind, number in items if number), rewritten, tuple(known), tuple(keys))


async def carry_out(call: Call, entry: Entry, after: State, report: Callable[[int], None]) -> tuple[KeyRef, ...]:
    """Carry an entry of the shred ledger out; return the keys that nothing needs any more.

    Raises:
        Denied
    """
    permitted = call.rows(PATIENT, Action.ERASE)
    tenant, database = call.principal.tenant, call.parts.database
    unneeded: list[KeyRef] = []
    gone: list[DocumentKey] = []
    last = [rows.mark(tenant, await rows.reached(database, tenant), after)]
    for subject in entry.subject_ids():
        patient = await records.current(database, permitted, PATIENT, subject)
        if patient is None:  # an account, or a Patient that this (restored) database does not know
            last += accounts.steps(subject)
            continue
        await call.commit([granted(permitted.permit, "begun", patients=(patient.pseudonym,))], [rows.leave(patient.key)])
        while naming := await rows.naming(database, patient.key):
            for document in naming:
                unneeded += await _rewrite(call, document, SubjectId(subject))
        await rows.own(database, patient.key, report)
        gone.append(patient.key)
        for account in await accounts.accounts_of(database, patient.key):
            last += accounts.steps(account)
        last += rows.whole(patient.key)
    await call.commit([granted(permitted.permit)], last)
    call.parts.keyring.forget()
    for patient_key in gone:
        await _drop_files(file_sweep.of_patient, call, patient_key)
    return tuple(unneeded)


async def _rewrite(call: Call, document: Found, patient: SubjectId) -> list[KeyRef]:
    """Store the document without the patient, under another key, and destroy its older versions; return the keys of those."""
    keyring, tenant = call.parts.keyring, call.principal.tenant
    permit = call.rows(PATIENT, Action.ERASE).permit
    old = await keyring.references(tenant, SubjectId(document.id))
    try:
        reader = call.reader(permit)
        [opened] = await reader.open([document])
        content = await _whole(reader, opened)
    except KeyMissing:  # a restored document whose key died in this very erasure: nobody can read it any more
        content = b""
    if not content:  # that, or a deleted one: there is nothing to rewrite, only to destroy
        await call.commit([granted(permit, resources=(document.pseudonym,))], rows.whole(document.key))
        await _drop_files(file_sweep.of_document, call, document.key)
        return old
    name = f"{PATIENT}/{uuid_text(patient)}"
    resource = parse(without(content, frozenset({name, f"{call.parts.base}/{name}"})))
    renewed = await keyring.renew(tenant, SubjectId(document.id), PurposeClass.CARE, call.now)
    [made] = await prepare(call, [Incoming(type(resource).__name__, resource, document.key, document.id, document)])
    told = granted(permit, patients=tuple(owner.pseudonym for owner in made.owners), resources=(document.pseudonym,))
    await call.commit([told], [*made.steps, *rows.older(document.key, made.draft.number)])
    await _drop_files(file_sweep.of_document, call, document.key)
    return old if made.draft.home.compartments == SEVERAL_COMPARTMENTS else [*old, renewed.key_ref]


async def _whole(reader: Reader, opened: Opened) -> bytes:
    """Return the JSON of a document with its files; files that are lost hold up no erasure."""
    try:
        return await reader.whole(opened)
    except (FileMissing, ObjectMissing):
        return without_files(opened)


async def _drop_files(sweep: Callable[[Files, Database, DocumentKey], Awaitable[int]], call: Call, key: DocumentKey) -> None:
    """Delete the files that no version has any more; where the store cannot be reached, their rows remember them for the next sweep."""
    with suppress(Unavailable, ObjectsRefused):
        await sweep(call.parts.files, call.parts.database, key)
