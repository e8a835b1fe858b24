"""Declare what is personal in a model."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import MappedColumn, mapped_column

from confide.adopt.identifiers import ID_BYTES
from confide.adopt.refusals import Undeclared
from confide.adopt.sqlalchemy.identifiers import maker
from confide.adopt.sqlalchemy.marks import PERSONAL, ROW, SUBJECT, PersonalMark, SubjectMark
from confide.adopt.sqlalchemy.stored import Sealed
from confide.datamap.columns import RANDOM
from confide.datamap.terms import INFO, Category, Declaration, Erase, Identifiability, Protection
from confide.sealed.columns import Personal
from confide.sealed.finding import Find
from confide.values.purpose import PurposeClass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date


__all__ = ["Category", "Erase", "Find", "Identifiability", "PurposeClass", "personal", "row_id", "subject_id"]
"""What a model needs, in one import."""

_COLUMN = frozenset({"nullable", "comment", "key", "deferred", "deferred_group", "deferred_raiseload", "active_history", "sort_order"})
_DATACLASS = frozenset({"init", "repr", "kw_only", "compare", "hash", "dataclass_metadata"})


def personal(  # noqa: PLR0913 - one declaration, many parts
    *name_and_type: Any,
    is_a: Category,
    identifiability: Identifiability = Identifiability.DIRECT,
    purpose: PurposeClass = PurposeClass.CONTRACT,
    find: Iterable[Find] | Find = (),
    erase: Erase = Erase.SHRED,
    whose: str = "",
    unique: bool = False,
    was: str = "",
    until: date | None = None,
    known_as: str = "",
    **column: Any,
) -> MappedColumn[Any]:
    """Declare a personal column: sealed, searched, redacted, exported and erased as it says here, and nowhere else.

    Args:
        name_and_type: as in `mapped_column`: a column name, where it differs from the attribute, and the type that the attribute holds
            (default: text).
        is_a: what kind of personal data it is.
        identifiability: what it tells about who it is.
        purpose: which of the person's keys seals it; STATUTORY for what the law keeps beyond an erasure.
        find: how it can be searched; each way costs rows in the blind index.
        erase: what an erasure does with it.
        whose: attribute with the person's identifier, where the model has several.
        unique: no two rows may have the same value; needs Find.EXACT.
        was: column that holds the value in the clear while the table is being migrated, see `confide adopt migrate`.
        until: day by which that must be over.
        known_as: `table.column` that stored values are bound to, where one of the two was renamed since.
        column: nullable, comment, deferred and what dataclass models take.

    Raises:
        Undeclared, DeclarationRefused
    """
    unknown = set(column) - _COLUMN - _DATACLASS
    if unknown:
        message = f"A sealed column has no {', '.join(sorted(unknown))}: the database sees ciphertext only."
        raise Undeclared(message)
    ways = frozenset(find) if not isinstance(find, Enum) else frozenset({find})
    declared = Personal(is_a, identifiability, purpose, ways, erase, whose, unique, was, until, known_as)
    names: list[Any] = [one for one in name_and_type if isinstance(one, str)]
    types = [sa.types.to_instance(one) for one in name_and_type if not isinstance(one, str)] or [sa.String()]
    info = {
        INFO: Declaration(is_a, identifiability, Protection.SEALED, erase),
        PERSONAL: PersonalMark(declared, types[0]),
    }
    return mapped_column(*names, Sealed(), info=info, **column)


def row_id(*name_and_type: Any, default: Callable[[], Any] | None = None, **column: Any) -> MappedColumn[Any]:
    """Declare the identifier that the values of a row are bound to: 16 random, time-ordered bytes that never change and never return.

    A table whose primary key is a UUID made by the backend needs no other: `id: Mapped[UUID] = row_id(Uuid(), primary_key=True)`. In the
    model of a person it names the person as well.
    """
    names, kind = _name_and_type(name_and_type)
    made = default or maker(kind)
    info = dict(RANDOM) | {ROW: made}
    unique = None if column.get("primary_key") else True
    return mapped_column(*names, kind, unique=unique, nullable=False, insert_default=made, info=info, **column)


def subject_id(follows: str = "", *name_and_type: Any, **column: Any) -> MappedColumn[Any]:
    """Declare whose a row is: the person's identifier, beside the foreign key that the backend has for its own joins.

    Args:
        follows: a relationship to one object; the identifier is copied from its subject_id() or row_id(), or from the attribute that is
            named behind a dot. Empty: the backend sets the identifier itself.
        name_and_type: as in `row_id`.
        column: as `mapped_column` takes it.
    """
    names, kind = _name_and_type(name_and_type)
    relationship, _, attribute = follows.partition(".")
    info = dict(RANDOM) | {SUBJECT: SubjectMark(relationship, attribute)}
    return mapped_column(*names, kind, index=True, info=info, **({"nullable": False} | column))


def _name_and_type(given: tuple[Any, ...]) -> tuple[list[Any], Any]:
    kinds = [sa.types.to_instance(one) for one in given if not isinstance(one, str)] or [sa.LargeBinary(ID_BYTES)]
    return [one for one in given if isinstance(one, str)], kinds[0]
