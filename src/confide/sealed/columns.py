"""Personal columns, for any framework: what one is, and how its values are sealed, each bound to its row.

The associated data of an envelope is made of three parts: what the values of a row share (tenant, subject), what the values of a column
share (purpose class, table, column), and the row. Only the first and the last are made anew for each row.

What is sealed under a key of the tenant names no subject in the first part, since the key is nobody's. Whose it is stands before the row in
the last part: a row that was given to somebody else does not open.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from confide.crypto.envelope import FLAG_PADDED
from confide.datamap.terms import Category, Erase, Identifiability
from confide.sealed.errors import DeclarationRefused, TooLong
from confide.sealed.finding import Find
from confide.sealed.padding import pad, unpad
from confide.values.ids import NO_SUBJECT
from confide.values.place import length_prefixed
from confide.values.purpose import PurposeClass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from confide.sealed.kinds import Kind
    from confide.values.ids import SubjectId, TenantId

TENANT_WIDE = frozenset({PurposeClass.COMMONS, PurposeClass.STATUTORY})
"""Sealed under a key of the tenant: what belongs to nobody in particular, and what the law keeps beyond an erasure."""
_FLAGS = 2
"""Where the flags stand in an envelope."""
_ID_BYTES = 16
_EIGHT, _SIXTEEN = (length.to_bytes(8, "big") for length in (8, _ID_BYTES))


@dataclass(frozen=True, slots=True)
class Personal:
    """The declaration of a personal column: one, from which sealing, search, redaction, export and erasure derive."""

    category: Category
    identifiability: Identifiability = Identifiability.DIRECT
    purpose: PurposeClass = PurposeClass.CONTRACT
    find: frozenset[Find] = frozenset()
    erase: Erase = Erase.SHRED
    """SHRED: emptied, or where the column may not be empty left as ciphertext without a key. DELETE: the row goes. KEEP: the law."""
    whose: str = ""
    """Attribute that holds the subject; empty: the only one of the table."""
    unique: bool = False
    was: str = ""
    """Column that holds the value in the clear while a table is being migrated …"""
    until: date | None = None
    """… which must be over by this day: from then on nothing is read from it."""
    known_as: str = ""
    """`table.column` that values are bound to, where one of the two was renamed since."""

    def __post_init__(self) -> None:
        """Refuse what cannot be kept."""
        if self.erase is Erase.KEEP and self.purpose not in TENANT_WIDE:
            message = "What is kept when a person is erased must not be sealed under their key: declare the purpose STATUTORY."
            raise DeclarationRefused(message)
        if bool(self.was) != (self.until is not None):
            message = "A column that is being migrated says until when: was=… and until=… go together."
            raise DeclarationRefused(message)
        if self.unique and Find.EXACT not in self.find:
            message = "Only a column with Find.EXACT can be unique: its keyed hash is what is compared."
            raise DeclarationRefused(message)


class Here(NamedTuple):
    """A place with its context made already; stands for `Place` where a value is opened."""

    tenant: TenantId
    subject: SubjectId
    purpose_class: PurposeClass
    made: bytes

    def context(self) -> bytes:
        """Return the context."""
        return self.made


@dataclass(frozen=True, eq=False, slots=True)
class Field:
    """A declared column at home in its table."""

    table: str
    column: str
    declared: Personal
    kind: Kind
    limit: int | None = None
    """Longest text, in characters: the database no longer sees it."""
    tenant_wide: bool = field(init=False)
    flags: int = field(init=False, repr=False)
    plaintext: Callable[[Any], bytes] = field(init=False, repr=False)
    """Returns the bytes of a value, padded where their length would tell something; raises WrongKind, TooLong."""
    decode: Callable[[bytes], Any] = field(init=False, repr=False)
    middle: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the part of the context that all values of the column share."""
        table, _, column = (self.declared.known_as or f"{self.table}.{self.column}").rpartition(".")
        object.__setattr__(self, "tenant_wide", self.declared.purpose in TENANT_WIDE)
        object.__setattr__(self, "flags", FLAG_PADDED if self.kind.padded else 0)
        object.__setattr__(self, "plaintext", _plaintext(self))
        object.__setattr__(self, "decode", self.kind.decode)
        object.__setattr__(self, "middle", length_prefixed(self.declared.purpose.value, table.encode(), column.encode()))

    @property
    def name(self) -> str:
        """The name in audit events and errors."""
        return f"{self.table}.{self.column}"

    def value(self, envelope: bytes, plaintext: bytes) -> Any:
        """Return the value of opened bytes."""
        return self.decode(unpad(plaintext) if envelope[_FLAGS] & FLAG_PADDED else plaintext)


def _plaintext(of: Field) -> Callable[[Any], bytes]:
    """Return the function for a column, as short as it can be: every value that is sealed passes it."""
    encode, limit, padded = of.kind.encode, of.limit, of.kind.padded

    def plaintext(value: Any) -> bytes:
        content = encode(value)
        if limit is not None and len(value) > limit:
            message = f"A text for {of.name} is longer than the {limit} characters that its column allows."
            raise TooLong(message)
        return pad(content) if padded else content

    return plaintext


def places(tenant: TenantId, of: Field) -> Callable[[SubjectId, bytes], Here]:
    """Return what makes the place of a column's value from a person and a row; every value that is opened passes it."""
    head, middle, purpose = _EIGHT + tenant.to_bytes(8, "big"), of.middle, of.declared.purpose
    usual_head, usual_middle, new = head + _SIXTEEN, middle + _SIXTEEN, tuple.__new__
    nobody = head + _prefixed(NO_SUBJECT) + middle

    def place(subject: SubjectId, row: bytes) -> Here:
        if len(subject) == len(row) == _ID_BYTES:  # nearly always
            context = usual_head + subject + usual_middle + row
        else:
            context = head + _prefixed(subject) + middle + _prefixed(row)
        return new(Here, (tenant, subject, purpose, context))

    def tenant_wide(subject: SubjectId, row: bytes) -> Here:
        return new(Here, (tenant, NO_SUBJECT, purpose, nobody + _prefixed(_owned(subject, row))))

    return tenant_wide if of.tenant_wide else place


def cells(tenant: TenantId, subject: bytes, row: bytes, values: Sequence[tuple[Field, Any]]) -> list[tuple[bytes, bytes, int]]:
    """Return context, plaintext and flags of the values of one row that are sealed under one key, a person's or the tenant's.

    Raises:
        WrongKind, TooLong
    """
    if values[0][0].tenant_wide:
        subject, row = NO_SUBJECT, _owned(subject, row)
    before = _EIGHT + tenant.to_bytes(8, "big") + _prefixed(subject)
    after = _prefixed(row)
    return [(before + of.middle + after, of.plaintext(value), of.flags) for of, value in values]


def _owned(subject: bytes, row: bytes) -> bytes:
    """Return the row part of what is sealed under a key of the tenant: whose the row is, and what names it."""
    return _prefixed(subject) + row


def _prefixed(part: bytes) -> bytes:
    return (_SIXTEEN if len(part) == _ID_BYTES else _length(len(part))) + part


def _length(of: int) -> bytes:
    return of.to_bytes(8, "big")
