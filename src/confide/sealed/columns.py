"""Personal columns, for any framework: what one is, and how its values are sealed, each bound to its row.

The associated data of an envelope is made of three parts: what the values of a row share (tenant, subject), what the values of a column
share (purpose class, table, column), and the row. Only the first and the last are made anew for each row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from confide.crypto.envelope import FLAG_PADDED
from confide.datamap.terms import Category, Erase, Identifiability
from confide.sealed.errors import DeclarationRefused, TooLong
from confide.sealed.finding import Find
from confide.sealed.padding import pad, unpad
from confide.values.ids import NO_SUBJECT
from confide.values.place import length_prefixed
from confide.values.purpose import PurposeClass

if TYPE_CHECKING:
    from collections.abc import Callable

    from confide.crypto.envelope import DataKey
    from confide.sealed.kinds import Kind
    from confide.values.ids import SubjectId, TenantId
    from confide.values.place import Place

_TENANT_WIDE = frozenset({PurposeClass.COMMONS, PurposeClass.STATUTORY})
"""Sealed under a key of the tenant: what belongs to nobody in particular, and what the law keeps beyond an erasure."""
_FLAGS = 2
"""Where the flags stand in an envelope."""


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
    """Column that holds the value in the clear while a table is being migrated."""
    known_as: str = ""
    """`table.column` that values are bound to, where one of the two was renamed since."""

    def __post_init__(self) -> None:
        """Refuse what cannot be kept."""
        if self.erase is Erase.KEEP and self.purpose not in _TENANT_WIDE:
            message = "What is kept when a person is erased must not be sealed under their key: declare the purpose STATUTORY."
            raise DeclarationRefused(message)
        if self.unique and Find.EXACT not in self.find:
            message = "Only a column with Find.EXACT can be unique: its keyed hash is what is compared."
            raise DeclarationRefused(message)


class Here:
    """A place with its context made already; stands for `Place` where a value is opened."""

    __slots__ = ("_context", "purpose_class", "subject", "tenant")

    def __init__(self, tenant: TenantId, subject: SubjectId, purpose_class: PurposeClass, context: bytes) -> None:
        """Take what a key is looked up by, and the context."""
        self.tenant = tenant
        self.subject = subject
        self.purpose_class = purpose_class
        self._context = context

    def context(self) -> bytes:
        """Return the context."""
        return self._context


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
    middle: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the part of the context that all values of the column share."""
        table, _, column = (self.declared.known_as or f"{self.table}.{self.column}").rpartition(".")
        object.__setattr__(self, "tenant_wide", self.declared.purpose in _TENANT_WIDE)
        object.__setattr__(self, "middle", length_prefixed(self.declared.purpose.value, table.encode(), column.encode()))

    @property
    def name(self) -> str:
        """The name in audit events and errors."""
        return f"{self.table}.{self.column}"

    def plaintext(self, value: Any) -> bytes:
        """Return the bytes of a value, padded where their length would tell something.

        Raises:
            WrongKind, TooLong
        """
        content = self.kind.encode(value)
        if self.limit is not None and len(value) > self.limit:
            message = f"A text for {self.name} is longer than the {self.limit} characters that its column allows."
            raise TooLong(message)
        return pad(content) if self.kind.padded else content

    def value(self, envelope: bytes, plaintext: bytes) -> Any:
        """Return the value of opened bytes."""
        return self.kind.decode(unpad(plaintext) if envelope[_FLAGS] & FLAG_PADDED else plaintext)


class Home:
    """A row: whose it is, and which one."""

    __slots__ = ("_head", "_nobody", "_tail", "subject", "tenant")

    def __init__(self, tenant: TenantId, subject: SubjectId, row: bytes) -> None:
        """Take the tenant, the subject and what names the row for good."""
        self.tenant = tenant
        self.subject = subject
        ours = b"\x00\x00\x00\x00\x00\x00\x00\x08" + tenant.to_bytes(8, "big")
        self._head = ours + len(subject).to_bytes(8, "big") + subject
        self._nobody = ours + bytes(8)
        self._tail = len(row).to_bytes(8, "big") + row

    def owner(self, of: Field) -> SubjectId:
        """Return under whose key a column's value is sealed."""
        return NO_SUBJECT if of.tenant_wide else self.subject

    def context(self, of: Field) -> bytes:
        """Return the associated data of a column's value in this row."""
        return (self._nobody if of.tenant_wide else self._head) + of.middle + self._tail

    def place(self, of: Field) -> Here:
        """Return the place of a column's value in this row."""
        return Here(self.tenant, self.owner(of), of.declared.purpose, self.context(of))


def seal(key: DataKey, home: Home, values: list[tuple[Field, Any]]) -> list[bytes]:
    """Return the envelopes of several values of one row whose key is the same.

    Raises:
        WrongKind, TooLong
    """
    return key.seal_cells([(home.context(of), of.plaintext(value), FLAG_PADDED if of.kind.padded else 0) for of, value in values])


def unseal(opener: Callable[[Place, bytes], bytes], home: Home, of: Field, envelope: bytes) -> Any:
    """Return the value.

    Raises:
        CryptoError: the envelope is not at home here, or was changed.
    """
    return of.value(envelope, opener(home.place(of), envelope))  # type: ignore[arg-type]  # `Here` has what is asked of a Place
