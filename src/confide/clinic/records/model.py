"""Values of the records: what a stored version is, and where it is at home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from confide.values.ids import NO_SUBJECT, DocumentKey, Pseudonym, SubjectId
from confide.values.place import Place
from confide.values.purpose import PurposeClass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confide.values.ids import TenantId

TABLE = bytes.fromhex("6f0d5e0ab4c94f0f9a3c2f5f0c3b7a11")
"""UUID of the version table in envelope contexts; it stays when the table is renamed."""
COLUMN = bytes.fromhex("b0a1f9d27f0e4c0d8b5d6a1e9c2f4d22")
"""UUID of its sealed column."""

NO_COMPARTMENT, ONE_COMPARTMENT, SEVERAL_COMPARTMENTS = 0, 1, 2
CREATE, UPDATE, DELETE = "create", "update", "delete"


class Home(Struct, frozen=True, gc=False):
    """Whose compartment a version is in, which says under whose key it is sealed."""

    patient: DocumentKey | None
    compartments: int
    owner: SubjectId
    """The patient's own identifier; empty outside exactly one compartment."""
    type: str
    among: tuple[DocumentKey, ...] = ()
    """The patients of a version in several compartments, sorted."""

    def place(self, tenant: TenantId, identifier: bytes, number: int) -> Place:
        """Return the envelope context of a version of the document with this identifier.

        Whatever access is decided by stands in it, so that a row whose columns were changed does not open.
        """
        about = self.among if self.patient is None else (self.patient,)
        numbers = (number, self.compartments, len(about), *about)
        row = b"".join([identifier, *[one.to_bytes(8, "big", signed=True) for one in numbers], self.type.encode()])
        if self.compartments == NO_COMPARTMENT:
            return Place(tenant, NO_SUBJECT, PurposeClass.COMMONS, TABLE, COLUMN, row)
        subject = self.owner if self.compartments == ONE_COMPARTMENT else SubjectId(identifier)
        return Place(tenant, subject, PurposeClass.CARE, TABLE, COLUMN, row)


class Found(Struct, frozen=True, gc=False):
    """A stored version that the caller may see, still sealed."""

    key: DocumentKey
    id: bytes
    pseudonym: Pseudonym
    current: int
    deleted: bool
    number: int
    home: Home
    updated: int
    method: str
    sealed: bytes | None
    """Null in a version that says deleted."""
    patient_pseudonym: Pseudonym | None

    def is_hollow(self) -> bool:
        """Return whether it has no content although nothing says that it was deleted: nobody who stores versions does that."""
        says_deleted = self.method == DELETE and (self.deleted or self.number != self.current)
        return self.sealed is None and not says_deleted


def found(row: Sequence[Any]) -> Found:
    """Return a row of the queries in `store` as a value."""
    key, identifier, pseudonym, current, deleted, kind, number, patient, compartments, among = row[:10]
    updated, method, sealed, owner, owner_pseudonym = row[10:]
    keys = tuple(sorted(DocumentKey(int(one)) for one in among.split(","))) if among else ()
    home = Home(patient, compartments, SubjectId(owner or b""), kind, keys)
    return Found(key, identifier, pseudonym, current, bool(deleted), number, home, updated, method, sealed, owner_pseudonym)
