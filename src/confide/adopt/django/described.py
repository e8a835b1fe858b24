"""What a Django model declares, read once: its personal fields, and what their values are bound to.

Only the fields of the model's own table count: what is inherited from another table belongs to that table's row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from django.db import models

from confide.adopt.bound import Bound, Group, Person, where_of
from confide.adopt.numbering import numbers_of
from confide.adopt.refusals import Undeclared
from confide.sealed.columns import TENANT_WIDE, Field

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, eq=False, slots=True)
class Described:
    """A model with personal fields or people."""

    model: Any
    row: Any
    """The field that names the row."""
    persons: tuple[Person, ...] = ()
    """Subject fields, without the row identifier itself."""
    bound: dict[str, Bound] = field(default_factory=dict)
    bound_to: frozenset[str] = frozenset()
    """Attributes that values are bound to."""


_KNOWN: WeakKeyDictionary[Any, Described | None] = WeakKeyDictionary()


def describe(model: Any) -> Described | None:
    """Return what the table of a model declares; None for one without anything personal.

    Raises:
        Undeclared: it cannot be served; the message says what is missing.
    """
    concrete = model._meta.concrete_model  # noqa: SLF001 - Django's documented way to ask a model
    if concrete not in _KNOWN:
        _KNOWN[concrete] = _read(concrete)
    return _KNOWN[concrete]


def is_personal(of: Any) -> bool:
    """Tell whether a field is a Personal one."""
    return hasattr(of, "declared")


def personal_fields(model: Any) -> list[Any]:
    """Return the personal fields of a model, inherited ones included."""
    return [one for one in model._meta.concrete_fields if is_personal(one)]  # noqa: SLF001 - as above


def row_field(model: Any) -> Any:
    """Return what names the rows of a model's table: its RowId, else a primary key that is a UUID; None where there is neither."""
    own = model._meta.concrete_model._meta  # noqa: SLF001 - as above
    marked = [one for one in own.local_concrete_fields if getattr(one, "is_row_id", False)]
    if marked:
        return marked[0]
    return own.pk if isinstance(own.pk, models.UUIDField) and own.pk in own.local_concrete_fields else None


def _read(model: Any) -> Described | None:
    own = model._meta.local_concrete_fields  # noqa: SLF001 - as above
    marked = [one for one in own if is_personal(one)]
    subjects = [one for one in own if hasattr(one, "follows")]
    row = row_field(model)
    if not marked and not subjects and not hasattr(row, "is_row_id"):
        return None
    if row is None:
        message = f"{model.__name__} has personal fields and no row identifier to bind them to: add a RowId(), or make its key a UUID."
        raise Undeclared(message)
    persons = {one.attname: _person(model, one) for one in subjects}
    bound: dict[str, Bound] = {}
    groups: dict[tuple[str, bytes], Group] = {}
    for one in marked:
        person = _whose(model, one, persons, Person(key=row.attname))
        purpose = one.declared.purpose
        where = where_of(row.attname, person)
        made = Group(person=person, purpose=purpose.value, tenant_wide=purpose in TENANT_WIDE, where=where, keys=[])
        group = groups.setdefault((person.key, purpose.value), made)
        group.keys.append(one.attname)
        at_home = Field(model._meta.db_table, one.column, one.declared, one.kind, one.limit)  # noqa: SLF001 - as above
        bound[one.attname] = Bound(
            field=at_home, key=one.attname, row_key=row.attname, person=person, numbers=numbers_of(at_home), group=group,
            where=group.where,
        )  # fmt: skip
    needed = {name for each in bound.values() for name in each.needs()} | {row.attname}
    return Described(model, row, tuple(persons.values()), bound, frozenset(needed))


def _person(model: Any, subject: Any) -> Person:
    relationship, _, attribute = subject.follows.partition(".")
    if not relationship:
        return Person(key=subject.attname)
    try:
        key = model._meta.get_field(relationship)  # noqa: SLF001 - as above
    except models.FieldDoesNotExist:
        key = None
    if not isinstance(key, models.ForeignKey):
        message = f"{model.__name__}.{subject.name} follows {relationship}, which must be a foreign key of this model."
        raise Undeclared(message)
    links, remote = (key.attname,), (key.target_field.attname,)
    return Person(key=subject.attname, relationship=relationship, attribute=attribute, links=links, remote=remote)


def _whose(model: Any, personal: Any, persons: dict[str, Person], row: Person) -> Person:
    wanted = personal.declared.whose
    if wanted:
        if wanted in persons:
            return persons[wanted]
        if wanted == row.key:
            return row
        message = f"{model.__name__}.{personal.name} belongs to {wanted}, which is neither a SubjectId() nor the RowId() of the model."
        raise Undeclared(message)
    if len(persons) > 1:
        message = f"{model.__name__} has several SubjectId() fields: say with whose=… to which of them {personal.name} belongs."
        raise Undeclared(message)
    return next(iter(persons.values()), row)


def source(person: Person, target: Any) -> str:
    """Return the attribute of the related model from which a subject is copied.

    Raises:
        Undeclared
    """
    if person.attribute:
        return person.attribute
    found, row = describe(target), row_field(target)
    if found is not None and len(found.persons) > 1:
        message = f"{target.__name__} has several SubjectId() fields: name one, SubjectId('{person.relationship}.…')."
        raise Undeclared(message)
    if found is not None and found.persons:
        return found.persons[0].key
    if row is None:
        message = f"{target.__name__} has neither a RowId() nor a SubjectId(), so it cannot say whose rows refer to it."
        raise Undeclared(message)
    return str(row.attname)


def all_described(models_of: Any) -> Iterator[Described]:
    """Yield every model with something personal, by the name of its table."""
    for model in sorted(models_of.get_models(), key=lambda model: str(model._meta.db_table)):  # noqa: SLF001 - as above
        described = None if model._meta.proxy else describe(model)  # noqa: SLF001 - as above
        if described is not None and described.bound:
            yield described
