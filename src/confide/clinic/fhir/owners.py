"""Whose a resource is: the patients it is about, and so under whose key it is sealed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import UNSET

from confide.clinic.fhir.definitions.compartment import compartment_references
from confide.clinic.fhir.definitions.structs import RESOURCE_TYPES
from confide.clinic.fhir.errors import AmbiguousContext, UnresolvedReference
from confide.clinic.records import read
from confide.clinic.records.model import NO_COMPARTMENT, ONE_COMPARTMENT, SEVERAL_COMPARTMENTS, Home
from confide.values.ids import NO_SUBJECT, DocumentKey, Pseudonym, SubjectId, uuid_bytes
from confide.values.permit import Action

if TYPE_CHECKING:
    from confide.clinic.fhir.call import Call

PATIENT, BINARY = "Patient", "Binary"


@dataclass(frozen=True, slots=True)
class Owner:
    """A patient that a resource is about."""

    key: DocumentKey
    subject: SubjectId
    pseudonym: Pseudonym


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored together."""

    owners: dict[str, Owner] = field(default_factory=dict)
    """Patients by their identifiers."""
    resources: dict[str, Any] = field(default_factory=dict)
    """Resources by Type/id."""


def home_of(resource_type: str, about: tuple[Owner, ...]) -> Home:
    """Return the home of a version that is about these patients.

    A Binary without a patient may hold anything about anyone, so it has a key of its own, and only staff see it.
    """
    if len(about) == 1:
        return Home(about[0].key, ONE_COMPARTMENT, about[0].subject, resource_type)
    if about or resource_type == BINARY:
        return Home(None, SEVERAL_COMPARTMENTS, NO_SUBJECT, resource_type, tuple(sorted(owner.key for owner in about)))
    return Home(None, NO_COMPARTMENT, NO_SUBJECT, resource_type)


async def owners_of(call: Call, name: str, resource: Any, known: Known) -> tuple[Owner, ...]:
    """Return the patients that a resource is about; `name` is its Type/id.

    Raises:
        UnresolvedReference: a patient that it is about does not exist, or may not be known of.
        AmbiguousContext: see `_context`.
    """
    kind, _, identifier = name.partition("/")
    if kind == PATIENT:  # a Patient is its own compartment, whatever it links to
        return (known.owners[identifier],)
    if kind == BINARY:
        return await _context(call, resource, known)
    found: dict[str, Owner] = {}
    for reference in compartment_references(resource):
        path = local(reference, call.parts.base)
        if path is not None:
            patient = path.removeprefix(f"{PATIENT}/")
            found[patient] = await _owner(call, patient, known)
    return tuple(found[patient] for patient in sorted(found))


def local(reference: str, base: str) -> str | None:
    """Return the Type/id in a reference to a resource of this server; None for a contained or foreign one.

    Raises:
        UnresolvedReference: the reference names an entry of a bundle that is not there.
    """
    if reference.startswith("#"):
        return None
    path = reference.removeprefix(base + "/").split("/_history/", 1)[0]
    if "://" in path:
        if is_own(path, base):
            message = "A reference to a resource of this server is written in another way than its address: write it as Type/id."
            raise UnresolvedReference(message)
        return None
    if path.startswith("urn:"):
        message = "A reference to a patient names an entry that this request does not hold."
        raise UnresolvedReference(message)
    return path


def is_own(reference: str, base: str) -> bool:
    """Tell whether an address leads to the host of this server, however it is spelled (RFC 3986 6.2.2.1: neither is case-sensitive)."""
    try:
        given, own = urlsplit(reference), urlsplit(base)
        ports = given.port, own.port
    except ValueError:  # no port is written so
        return False
    return given.hostname == own.hostname and ports[0] == ports[1]


async def _context(call: Call, binary: Any, known: Known) -> tuple[Owner, ...]:
    """Return the patient of a Binary's security context (https://hl7.org/fhir/R4/binary.html): a Patient, or the one of a resource.

    Raises:
        UnresolvedReference: the context does not exist, or may not be known of.
        AmbiguousContext: it is about several patients. Content cannot be divided among them, nor one of them be erased from it.
    """
    context = binary.securityContext
    path = None if context is UNSET or context.reference is UNSET else local(context.reference, call.parts.base)
    if path is None:
        return ()
    kind, _, identifier = path.partition("/")
    if kind == PATIENT:
        return (await _owner(call, identifier, known),)
    if kind not in RESOURCE_TYPES or kind == BINARY:
        raise UnresolvedReference(_NO_CONTEXT)
    if path in known.resources:
        about = await owners_of(call, path, known.resources[path], known)
    else:
        about = await _owners_of_stored(call, kind, identifier)
    if len(about) > 1:
        message = "The security context is about several patients, and content cannot be divided among them: name one Patient."
        raise AmbiguousContext(message)
    return about


async def _owners_of_stored(call: Call, kind: str, identifier: str) -> tuple[Owner, ...]:
    value = uuid_bytes(identifier)
    found = await read.current(call.parts.database, call.rows(kind, Action.READ), kind, value) if value else None
    if found is None or found.deleted:
        raise UnresolvedReference(_NO_CONTEXT)
    if found.home.patient is not None and found.patient_pseudonym is not None:
        return (Owner(found.home.patient, found.home.owner, found.patient_pseudonym),)
    subjects = await read.subjects(call.parts.database, found)
    return tuple([Owner(DocumentKey(0), subject, Pseudonym(b"")) for subject in subjects])  # refused above: there are several


async def _owner(call: Call, identifier: str, known: Known) -> Owner:
    owner = known.owners.get(identifier)
    if owner is None:
        owner = known.owners[identifier] = await _find_owner(call, identifier)
    return owner


async def _find_owner(call: Call, identifier: str) -> Owner:
    value = uuid_bytes(identifier)
    if value is not None:
        rows = call.rows(PATIENT, Action.READ)
        found = await read.current(call.parts.database, rows, PATIENT, value)
        if found is not None and not found.deleted:
            return Owner(found.key, SubjectId(found.id), found.pseudonym)
    message = "The resource is about a patient that does not exist here: create the Patient first."
    raise UnresolvedReference(message)


_NO_CONTEXT = "The security context does not exist here: create it first, or name a Patient."
