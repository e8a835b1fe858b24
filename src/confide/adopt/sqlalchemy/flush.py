"""Seal rows while they are flushed.

Before a flush, new rows get their identifiers and the keys of their people are fetched all at once. Each row is sealed right before its
INSERT or UPDATE, when every foreign key is known. After it the blind index follows, in the same transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import object_mapper, object_session
from sqlalchemy.orm.attributes import set_attribute

from confide.adopt.index import Indexed
from confide.adopt.sqlalchemy.described import describe, vault_of
from confide.adopt.sqlalchemy.indexing import pending, write
from confide.adopt.sqlalchemy.refusals import Unbound
from confide.adopt.sqlalchemy.sealing import seal_cells
from confide.adopt.sqlalchemy.subjects import known_subject, subject_in_database
from confide.sealed.cell import Cell, Envelope
from confide.values.ids import NO_SUBJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection
    from sqlalchemy.orm import InstanceState, Mapper, Session, UOWTransaction

    from confide.adopt.sqlalchemy.described import Bound, Described
    from confide.values.ids import SubjectId, TenantId
    from confide.values.purpose import PurposeClass


def before_flush(session: Session, _context: UOWTransaction, _instances: object) -> None:
    """Give new rows their identifiers, and fetch the keys that they need."""
    new = [(one, found) for one in session.new if (found := describe(object_mapper(one))) is not None]
    if not new:
        return
    for one, described in new:
        if one.__dict__.get(described.row_key) is None:
            set_attribute(one, described.row_key, described.new_row())
    wanted: dict[Any, set[tuple[TenantId, SubjectId, PurposeClass]]] = {}
    for one, described in new:
        vault = vault_of(described.mapper)
        tenant = vault.tenant()
        for bound in described.bound.values():
            subject = NO_SUBJECT if bound.field.tenant_wide else known_subject(one, bound.person, described)
            if subject is not None and type(one.__dict__.get(bound.key)) is Cell:
                wanted.setdefault(vault, set()).add((tenant, subject, bound.field.declared.purpose))
    for vault, identities in wanted.items():
        vault.keys.sealing(identities)


def before_insert(mapper: Mapper[Any], connection: Connection, target: Any) -> None:
    """Seal a new row."""
    described = describe(mapper)
    if described is None:
        return
    held = target.__dict__
    if held.get(described.row_key) is None:
        held[described.row_key] = described.new_row()
    _fill_persons(target, described, connection)
    cells = []
    for bound in described.bound.values():
        value = held.get(bound.key)
        if value is None:
            continue
        if type(value) is Envelope:
            value = held[bound.key] = _taken_along(target, bound, value)
        cells.append((bound, value if type(value) is Cell else _wrapped(held, bound, value)))
    if cells:
        _seal(target, described, cells, fresh=True)


def _wrapped(held: dict[str, Any], bound: Bound, value: Any) -> Cell:
    """Return a cell for a value that came in past the attribute, as by `set_attribute`."""
    cell = held[bound.key] = Cell(value)
    return cell


def _taken_along(target: Any, bound: Bound, envelope: Envelope) -> Cell:
    """Return the opened value of a row that is stored anew under its former identity.

    Raises:
        NobodyActs, DoesNotOpen: it cannot be told that the value is at home here.
    """
    vault = vault_of(object_mapper(target))
    home = bound.home(vault.tenant(), {key: getattr(target, key) for key in bound.needs()})
    return Cell(vault.open(bound.field, home, envelope))


def _fill_persons(target: Any, described: Described, connection: Connection) -> None:
    held = target.__dict__
    for person in described.persons:
        found = known_subject(target, person, described)
        if found is None:
            found = subject_in_database(target, person, described, connection)
        if found is not None:
            kept = person.as_stored(found)
            if held.get(person.key) != kept:
                set_attribute(target, person.key, kept)
        elif held.get(person.key) is not None and person.relationship:
            set_attribute(target, person.key, None)
        for key in (person.key, *person.links):
            held.setdefault(key, None)


def before_update(mapper: Mapper[Any], connection: Connection, target: Any) -> None:
    """Seal what was changed in a row; all of it, where it belongs to somebody else now."""
    described = describe(mapper)
    if described is None:
        return
    state: InstanceState[Any] = target._sa_instance_state  # noqa: SLF001 - SQLAlchemy's own name for it
    held, before = target.__dict__, state.committed_state
    if not before.keys() & (described.bound.keys() | described.bound_to | {person.relationship for person in described.persons}):
        return
    for key in described.bound_to:
        if key not in held:  # expired, or deferred: loaded now
            getattr(target, key)
    if described.row_key in before and before[described.row_key] != held.get(described.row_key):
        message = f"The row identifier of {mapper.class_.__name__} never changes: everything in the row is bound to it."
        raise Unbound(message)
    linked = any(link in before for person in described.persons for link in (person.key, person.relationship, *person.links))
    moved = linked and _move(target, described, connection)
    cells = _changed(target, described, {} if moved else before)
    if cells:
        _seal(target, described, cells, fresh=False)


def _changed(target: Any, described: Described, kept: Mapping[str, Any]) -> list[tuple[Bound, Cell]]:
    """Return what is to be sealed; what was emptied leaves the index, and what is as it was keeps its envelope."""
    held, before = target.__dict__, target._sa_instance_state.committed_state  # noqa: SLF001 - as above
    cells = []
    for bound in described.bound.values():
        value, former = held.get(bound.key), kept.get(bound.key)
        if type(value) is Cell:
            if value.envelope is None and type(former) is Cell and former == value:
                value.envelope = former.envelope
            if value.envelope is None:
                cells.append((bound, value))
        elif bound.key in before and value is None:
            pending(object_session(target)).drop(described, bound, held)
        elif bound.key in before and type(value) is not Envelope:
            cells.append((bound, _wrapped(held, bound, value)))
    return cells


def _move(target: Any, described: Described, connection: Connection) -> bool:
    """Open what is bound to the former owner, so that it is sealed for the new one; return whether there is one."""
    held, mapper = target.__dict__, described.mapper
    _fill_persons(target, described, connection)
    wanted = {key: mapper.column_attrs[key].columns[0] for key in (*described.bound_to, *described.bound)}
    identity = zip(mapper.primary_key, target._sa_instance_state.identity, strict=True)  # noqa: SLF001 - as above
    rows = connection.execute(sa.select(*wanted.values()).select_from(mapper).where(*(column == value for column, value in identity)))
    former = dict(zip(wanted, rows.one(), strict=True))
    if all(former[key] == held[key] for key in described.bound_to):
        return False
    vault = vault_of(mapper)
    for bound in described.bound.values():
        envelope = former[bound.key]
        if envelope is not None and not _is_written(target, bound.key):
            value = vault.open(bound.field, bound.home(vault.tenant(), former), envelope)
            set_attribute(target, bound.key, Cell(value))
    return True


def _is_written(target: Any, key: str) -> bool:
    """Tell whether the program gave an attribute another value, so that the stored one does not matter any more."""
    value = target.__dict__.get(key)
    changed = key in target._sa_instance_state.committed_state  # noqa: SLF001 - as above
    return changed and not (type(value) is Cell and value.envelope is not None)


def _seal(target: Any, described: Described, cells: list[tuple[Bound, Cell]], *, fresh: bool) -> None:
    vault = vault_of(described.mapper)
    tenant = vault.tenant()
    held = target.__dict__
    seal_cells(vault, tenant, held, cells)
    for bound, cell in cells:
        if bound.numbers:
            waiting = pending(object_session(target))
            if not fresh:
                waiting.drop(described, bound, held)
            waiting.add(described, Indexed(bound.field, cell.value, bound.row_of(held), bound.subject_of(held)))


def before_delete(mapper: Mapper[Any], _connection: Connection, target: Any) -> None:
    """Take a row out of the blind index."""
    described = describe(mapper)
    if described is not None and any(bound.numbers for bound in described.bound.values()):
        row = getattr(target, described.row_key)  # loaded now, where it expired
        pending(object_session(target)).drop_row(described, {described.row_key: row})


def after_flush(session: Session, _context: UOWTransaction) -> None:
    """Bring the blind index up to date."""
    write(session)
