"""What a model declares, read once: its personal attributes, and what their values are bound to.

A value is bound to the identifier of its row and to the person. Where that person is found through a foreign key, the key is bound too: a
row that was pointed at somebody else does not open.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as made_by
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import ColumnProperty, MapperProperty, RelationshipProperty

from confide.adopt import bound
from confide.adopt.bound import where_of
from confide.adopt.identifiers import ID_BYTES
from confide.adopt.numbering import numbers_of
from confide.adopt.refusals import Undeclared
from confide.adopt.sqlalchemy.identifiers import as_stored
from confide.adopt.sqlalchemy.marks import BOUND, PERSONAL, ROW, SUBJECT
from confide.adopt.tables import tables_in
from confide.sealed.columns import TENANT_WIDE, Field
from confide.sealed.kinds import JSON, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy.orm import Mapper

    from confide.adopt.sqlalchemy.marks import PersonalMark, SubjectMark
    from confide.adopt.tables import Tables
    from confide.adopt.vault import Vault
    from confide.sealed.kinds import Kind


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Person(bound.Person):
    """An attribute that says whose a row is."""

    column: sa.Column[Any]
    linked: tuple[sa.Column[Any], ...] = ()
    """The columns of `links`."""
    kind: type | None = made_by(init=False)
    """Of the identifiers that the attribute holds; None for texts, which have several forms."""

    def __post_init__(self) -> None:
        """Note the kind."""
        kind = type(self.as_stored(bytes(ID_BYTES)))
        object.__setattr__(self, "kind", None if kind is str else kind)

    def as_stored(self, subject: bytes) -> Any:
        """Return an identifier as the attribute holds it."""
        return as_stored(self.column.type, subject)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Group(bound.Group):
    """Attributes of a model that are sealed under one key."""

    person: Person


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Bound(bound.Bound):
    """A personal attribute of one model."""

    mapper: Mapper[Any]
    column: sa.Column[Any]
    row_column: sa.Column[Any]
    person: Person
    group: Group
    was: str
    """Attribute with the value in the clear, while the table is being migrated; else empty."""


def was_key(key: str) -> str:
    """Return the attribute with the values of another in the clear."""
    return f"confide_was_{key}"


@dataclass(frozen=True, eq=False, slots=True)
class Described:
    """A model with personal attributes."""

    mapper: Mapper[Any]
    vault: Vault | None
    row_key: str
    row_column: sa.Column[Any]
    persons: tuple[Person, ...] = ()
    """Subject attributes that are filled in, without the row identifier itself."""
    bound: dict[str, Bound] = made_by(default_factory=dict)
    groups: tuple[Group, ...] = ()
    bound_to: frozenset[str] = frozenset()
    """Attributes that values are bound to."""
    watched: frozenset[str] = frozenset()
    """Attributes whose change takes sealing."""
    names: dict[str, str] = made_by(default_factory=dict, repr=False)
    """Attribute of each column, by name."""
    indexed: bool = made_by(init=False)
    """Whether rows stand in the blind index."""

    def __post_init__(self) -> None:
        """Note what is asked for each row."""
        object.__setattr__(self, "indexed", any(bound.numbers for bound in self.bound.values()))

    def own(self) -> list[Bound]:
        """Return what the model adds to what it inherits."""
        above = {column for mapper in self.mapper.iterate_to_root() if mapper is not self.mapper for column in _columns(mapper).values()}
        return [bound for bound in self.bound.values() if bound.column not in above]

    @property
    def tables(self) -> Tables:
        """The vault's own tables beside the model's."""
        return tables_in(self.mapper.registry.metadata)

    @property
    def new_row(self) -> Callable[[], Any]:
        """Returns a new row identifier as the attribute holds it."""
        made: Callable[[], Any] = self.row_column.info[ROW]
        return made


_DESCRIBED = "confide.described"
"""Where a model keeps what is read of it."""


def describe(mapper: Mapper[Any]) -> Described | None:
    """Return what a model declares; None for one without anything personal.

    Raises:
        Undeclared: it cannot be served; the message says what is missing.
    """
    known = mapper.class_manager.info
    try:
        return known[_DESCRIBED]  # type: ignore[no-any-return]  # of this module
    except KeyError:
        found = known[_DESCRIBED] = _read(mapper)
        return found


def _columns(mapper: Mapper[Any]) -> dict[str, sa.Column[Any]]:
    """Return the mapped columns by attribute."""
    found: dict[str, sa.Column[Any]] = {}
    for prop in mapper.column_attrs:
        column = prop.columns[0]
        if isinstance(column, sa.Column):
            found[prop.key] = column
    return found


def _read(mapper: Mapper[Any]) -> Described | None:
    columns = _columns(mapper)
    rows = {prop.key: prop.columns for prop in mapper.column_attrs if any(ROW in getattr(one, "info", {}) for one in prop.columns)}
    row = next(iter(rows), None)
    marked = {key: column for key, column in columns.items() if PERSONAL in column.info}
    persons = {key: column for key, column in columns.items() if SUBJECT in column.info}
    vault = VAULTS.get(mapper.registry)
    if not marked and not persons:
        if row is None:
            return None
        return Described(mapper, vault, row, _named(rows[row]), bound_to=frozenset({row}), watched=frozenset({row}))
    name = mapper.class_.__name__
    if row is None:
        message = f"{name} has personal columns and no row identifier to bind them to: add a column row_id(), or make its UUID key one."
        raise Undeclared(message)
    whose = {key: _person(mapper, key, column, columns) for key, column in persons.items()}
    bound: dict[str, Bound] = {}
    groups: dict[tuple[str, bytes], Group] = {}
    for key, column in marked.items():
        mark: PersonalMark = column.info[PERSONAL]
        beside: Any = next((one for one in rows[row] if getattr(one, "table", None) is column.table), _named(rows[row]))
        person = _whose(name, key, mark, whose, Person(key=row, column=beside))
        purpose = mark.declared.purpose
        among = person.key, purpose.value
        group = groups.get(among)
        if group is None:
            group = groups[among] = Group(
                person=person, purpose=purpose.value, tenant_wide=purpose in TENANT_WIDE, where=where_of(row, person), keys=[]
            )
        group.keys.append(key)
        bound[key] = column.info[BOUND] = _bind(mapper, key, mark, (row, beside), group)
    needed = {one for each in bound.values() for one in each.needs()} | {row}
    watched = {*bound, *needed, *(one for person in whose.values() for one in (person.key, person.relationship, *person.links))}
    names = {column.name: key for key, column in columns.items()}
    return Described(
        mapper, vault, row, _named(rows[row]), tuple(whose.values()), bound, tuple(groups.values()), frozenset(needed),
        frozenset(watched), names,
    )  # fmt: skip


def _named(columns: Iterable[Any]) -> sa.Column[Any]:
    """Return the column that was declared as row identifier, of those of an inherited attribute."""
    return next(one for one in columns if ROW in one.info)


def _bind(mapper: Mapper[Any], key: str, mark: PersonalMark, row: tuple[str, sa.Column[Any]], group: Group) -> Bound:
    column: Any = mapper.column_attrs[key].columns[0]
    limit = mark.type.length if isinstance(mark.type, sa.String) and not isinstance(mark.type, sa.Enum) else None
    of = Field(column.table.fullname, column.name, mark.declared, _kind(mark.type), limit)
    used = numbers_of(of)
    was = was_key(key) if mark.declared.was else ""
    return Bound(
        mapper=mapper, field=of, key=key, column=column, row_key=row[0], row_column=row[1], person=group.person, numbers=used, was=was,
        group=group, where=group.where,
    )  # fmt: skip


def _kind(of: sa.types.TypeEngine[Any]) -> Kind:
    return JSON if isinstance(of, sa.JSON) else kind_of(of.python_type)


def _whose(name: str, key: str, mark: PersonalMark, persons: dict[str, Person], row: Person) -> Person:
    wanted = mark.declared.whose
    if wanted:
        if wanted in persons:
            return persons[wanted]
        if wanted == row.key:
            return row
        message = f"{name}.{key} belongs to {wanted}, which is neither a subject_id() nor the row_id() of the model."
        raise Undeclared(message)
    if len(persons) > 1:
        message = f"{name} has several subject_id() columns: say with whose=… to which of them {key} belongs."
        raise Undeclared(message)
    return next(iter(persons.values()), row)


def _person(mapper: Mapper[Any], key: str, column: sa.Column[Any], columns: dict[str, sa.Column[Any]]) -> Person:
    mark: SubjectMark = column.info[SUBJECT]
    if not mark.relationship:
        return Person(key=key, column=column)
    prop: MapperProperty[Any] | None = mapper.attrs.get(mark.relationship)
    if not isinstance(prop, RelationshipProperty) or prop.uselist or prop.secondary is not None or prop.post_update:
        message = (
            f"{mapper.class_.__name__}.{key} follows {mark.relationship}, which must be a relationship to one object by a foreign key of "
            "this table, without post_update."
        )
        raise Undeclared(message)
    by_column = {id(one): name for name, one in columns.items()}
    pairs = sorted(prop.local_remote_pairs, key=lambda pair: str(pair[0].key))
    remote = [_attribute(prop.mapper, far) for _, far in pairs]
    links = tuple(by_column[id(near)] for near, _ in pairs if id(near) in by_column)
    if len(links) != len(pairs):
        message = f"The foreign key behind {mapper.class_.__name__}.{mark.relationship} is not mapped: values are bound to it, so map it."
        raise Undeclared(message)
    linked = tuple(columns[one] for one in links)
    return Person(
        key=key, column=column, relationship=mark.relationship, attribute=mark.attribute, links=links, linked=linked, remote=tuple(remote)
    )


def _attribute(mapper: Mapper[Any], column: Any) -> str:
    prop = mapper.get_property_by_column(column)
    if not isinstance(prop, ColumnProperty):  # pragma: no cover - a foreign key refers to columns
        raise TypeError
    return prop.key


def source(person: bound.Person, target: Mapper[Any]) -> str:
    """Return the attribute of the related model from which a subject is copied.

    Raises:
        Undeclared
    """
    found = describe(target)
    if person.attribute:
        return person.attribute
    if found is None:
        message = f"{target.class_.__name__} has neither row_id() nor subject_id(), so it cannot say whose rows refer to it."
        raise Undeclared(message)
    if len(found.persons) > 1:
        message = f"{target.class_.__name__} has several subject_id() columns: name one, subject_id('{person.relationship}.…')."
        raise Undeclared(message)
    return found.persons[0].key if found.persons else found.row_key


VAULTS: WeakKeyDictionary[Any, Vault] = WeakKeyDictionary()
"""The vault of each registry of models."""


def serve(registry: Any, vault: Vault) -> None:
    """Let a vault serve the models of a registry, whatever was read of them before."""
    VAULTS[registry] = vault
    for mapper in registry.mappers:
        mapper.class_manager.info.pop(_DESCRIBED, None)
        for column in _columns(mapper).values():
            column.info.pop(BOUND, None)


def vault_of(mapper: Any) -> Vault:
    """Return the vault of a model.

    Raises:
        Undeclared: there is none.
    """
    found = describe(mapper)
    if found is None or found.vault is None:
        message = f"The model {mapper.class_.__name__} has personal columns and no vault: make one with Vault(Base, …)."
        raise Undeclared(message)
    return found.vault
