"""What the values of a model are bound to, in any framework: the identifier of their row, the person, and the key that leads there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from confide.adopt.identifiers import as_bytes
from confide.values.ids import NO_SUBJECT
from confide.values.place import length_prefixed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from confide.sealed.columns import Field

    Where = Callable[[Mapping[str, Any]], tuple[Any, bytes]]
    """Returns whose a row is and what names it, from its loaded attributes; KeyError: one is not loaded."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Person:
    """An attribute that says whose a row is."""

    key: str
    relationship: str = ""
    """Attribute that leads to the row that the identifier comes from."""
    attribute: str = ""
    """Attribute of that row."""
    links: tuple[str, ...] = ()
    """Attributes with the foreign key of the relationship."""
    remote: tuple[str, ...] = ()
    """The attributes that they refer to."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Group:
    """Attributes of a model that are sealed under one key."""

    person: Person
    purpose: bytes
    tenant_wide: bool
    where: Where
    keys: list[str]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Bound:
    """A personal attribute of one model."""

    field: Field
    key: str
    row_key: str
    person: Person
    numbers: tuple[int, ...]
    """In the blind index."""
    group: Group
    where: Where

    def subject_of(self, values: Mapping[str, Any]) -> bytes | None:
        """Return the person with whom the value is erased; None for what the law keeps and for what is nobody's."""
        given = None if self.field.tenant_wide else values.get(self.person.key)
        return None if given is None else as_bytes(given)

    def row_of(self, values: Mapping[str, Any]) -> bytes:
        """Return the identifier of the row."""
        return as_bytes(values[self.row_key])

    def needs(self) -> tuple[str, ...]:
        """Return the attributes that `where` reads."""
        return (self.row_key, self.person.key, *self.person.links)


def where_of(row_key: str, person: Person) -> Where:
    """Return the function for a model, as short as it can be: every value that is sealed or opened passes it."""
    whose, links = person.key, person.links
    last: tuple[Any, Any, tuple[Any, bytes]] = object(), None, (NO_SUBJECT, b"")
    """The values of a row are asked for one after another. Replaced whole, so that any thread may read it."""

    def owned(values: Mapping[str, Any]) -> tuple[Any, bytes]:
        nonlocal last
        row, owner = values[row_key], values[whose]
        row_before, owner_before, found = last
        if row is row_before and owner is owner_before:  # the very same objects, of types that never change
            return found
        found = NO_SUBJECT if owner is None else as_bytes(owner), as_bytes(row)
        last = row, owner, found
        return found

    def linked(values: Mapping[str, Any]) -> tuple[Any, bytes]:
        owner, row = owned(values)
        return owner, row + b"".join([link(values[key]) for key in links])

    return linked if links else owned


def link(value: Any) -> bytes:
    """Return what of a foreign key is bound."""
    return length_prefixed(b"" if value is None else b"=" + str(value).encode())
