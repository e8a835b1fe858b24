"""Seal rows while they are flushed.

Before a flush, new rows get their identifiers and the keys of their people are fetched all at once. Each row is sealed right before its
INSERT or UPDATE, when every foreign key is known. After it the blind index follows, in the same transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import class_mapper
from sqlalchemy.orm.attributes import set_attribute, set_committed_value

from confide.adopt.index import Indexed
from confide.adopt.refusals import Unbound
from confide.adopt.sealing import seal_cells
from confide.adopt.sqlalchemy.claim import claim
from confide.adopt.sqlalchemy.described import describe, vault_of
from confide.adopt.sqlalchemy.indexing import pending, write
from confide.adopt.sqlalchemy.subjects import known_subject, subject_in_database
from confide.sealed.cell import Cell, Envelope
from confide.values.ids import NO_SUBJECT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection
    from sqlalchemy.orm import InstanceState, Mapper, Session, UOWTransaction

    from confide.adopt.keys import Identity
    from confide.adopt.sqlalchemy.described import Bound, Described, Group
    from confide.adopt.vault import Vault
    from confide.values.ids import SubjectId


def before_flush(session: Session, _context: UOWTransaction, _instances: object) -> None:
    """Give new rows their identifiers, and fetch the keys that they need."""
    models: dict[type, list[Any]] = {}
    for one in session.new:
        models.setdefault(type(one), []).append(one)
    found = [(described, rows) for kind, rows in models.items() if (described := describe(class_mapper(kind))) and described.vault]
    fresh = {id(one) for described, rows in found for one in _identified(rows, described)}
    wanted: dict[tuple[bool, Vault], set[Identity]] = {}
    for described, rows in found:
        vault: Any = described.vault
        for group in described.groups:
            own = group.person.key == described.row_key and not group.tenant_wide  # the person came to be with the row
            for one, subject in _subjects(rows, group, described):
                wanted.setdefault((own and id(one) in fresh, vault), set()).add((vault.tenant(), subject, group.purpose))
    for (are_new, vault), identities in sorted(wanted.items(), key=lambda found: not found[0][0]):  # the new ones first
        vault.keys.sealing(identities, are_new=are_new)


def _identified(rows: list[Any], described: Described) -> Iterator[Any]:
    """Give rows their identifiers, and yield those that had none."""
    key, new_row = described.row_key, described.new_row
    for one in rows:
        held = one.__dict__
        if held.get(key) is None:
            held[key] = new_row()
            yield one


def _subjects(rows: list[Any], group: Group, described: Described) -> Iterator[tuple[Any, SubjectId]]:
    """Yield new rows with the person whose key they need; rows of a person who was met before may be left out."""
    person, met = group.person, set[int]()
    for one in rows:
        held = one.__dict__
        # By identity, since the rows hold the objects meanwhile. Behind a relationship stands what will be copied, not what is there.
        known = 0 if person.relationship or group.tenant_wide else id(held.get(person.key))
        if known in met or not any(type(held.get(key)) is Cell for key in group.keys):
            continue
        subject = NO_SUBJECT if group.tenant_wide else known_subject(one, person, described)
        if subject is not None:
            if known:
                met.add(known)
            yield one, subject


def before_insert(mapper: Mapper[Any], connection: Connection, state: InstanceState[Any]) -> None:
    """Seal a new row."""
    described = describe(mapper)
    if described is None:
        return
    held = state.dict
    if held.get(described.row_key) is None:
        held[described.row_key] = described.new_row()
    if described.persons:
        _fill_persons(state, described, connection)
    cells = []
    for key, bound in described.bound.items():
        value = held.get(key)
        if value is None:
            continue
        if type(value) is Envelope:
            value = held[key] = _taken_along(held, bound, value)
        elif type(value) is not Cell:
            value = _wrapped(held, bound, value)
        cells.append((bound, value))
    if cells:
        _seal(state, described, cells, fresh=True)


def _wrapped(held: dict[str, Any], bound: Bound, value: Any) -> Cell:
    """Return a cell for a value that came in past the attribute, as by `set_attribute`."""
    cell = held[bound.key] = Cell(value)
    return cell


def _taken_along(held: Mapping[str, Any], bound: Bound, value: Envelope) -> Cell:
    """Return the opened value of a row that is stored anew under its former identity.

    Raises:
        NobodyActs, DoesNotOpen: it cannot be told that the value is at home here.
    """
    where = bound.where({key: held.get(key) for key in bound.needs()})
    return Cell(vault_of(bound.mapper).open(bound.field, *where, value))


def _fill_persons(state: InstanceState[Any], described: Described, connection: Connection) -> None:
    held, target = state.dict, state.obj()
    for person in described.persons:
        if not person.relationship and type(held.get(person.key)) is person.kind:  # the backend has set it
            continue
        found = known_subject(target, person, described)
        if found is None:
            found = subject_in_database(held, person, described, connection)
        if found is not None:
            kept = person.as_stored(found)
            if held.get(person.key) != kept:
                set_attribute(target, person.key, kept)
        elif held.get(person.key) is not None and person.relationship:
            set_attribute(target, person.key, None)
        for key in (person.key, *person.links):
            held.setdefault(key, None)


def before_update(mapper: Mapper[Any], connection: Connection, state: InstanceState[Any]) -> None:
    """Seal what was changed in a row; all of it, where it belongs to somebody else now."""
    described = describe(mapper)
    if described is None or described.watched.isdisjoint(state.committed_state):
        return
    held, before, target = state.dict, state.committed_state, state.obj()
    for key in described.bound_to:
        if key not in held:  # expired, or deferred: loaded now
            getattr(target, key)
    if held.get(described.row_key) is None:  # from before a migration that is going on
        _claim(state, described, connection)
    if described.row_key in before and before[described.row_key] != held.get(described.row_key):
        message = f"The row identifier of {mapper.class_.__name__} never changes: everything in the row is bound to it."
        raise Unbound(message)
    linked = any(link in before for person in described.persons for link in (person.key, person.relationship, *person.links))
    moved = linked and _move(state, described, connection)
    cells = _changed(state, described, {} if moved else before)
    for key, bound in described.bound.items():
        if bound.was and key in before:
            set_attribute(target, bound.was, None)
    if cells:
        _seal(state, described, cells, fresh=False)


def _claim(state: InstanceState[Any], described: Described, connection: Connection) -> None:
    """Give a row its identifiers, or take those that another program gave it just now."""
    keys = dict(zip(described.mapper.primary_key, state.identity or (), strict=True))
    set_committed_value(state.obj(), described.row_key, claim(described, keys, connection))
    _fill_persons(state, described, connection)


def _changed(state: InstanceState[Any], described: Described, kept: Mapping[str, Any]) -> list[tuple[Bound, Cell]]:
    """Return what is to be sealed; what was emptied leaves the index, and what is as it was keeps its envelope."""
    held, before = state.dict, state.committed_state
    cells = []
    for key, bound in described.bound.items():
        value, former = held.get(key), kept.get(key)
        if type(value) is Cell:
            if value.envelope is None and type(former) is Cell and former == value:
                value.envelope = former.envelope
            if value.envelope is None:
                cells.append((bound, value))
        elif key in before and value is None:
            pending(state.session).drop(described, bound, held)
        elif key in before and type(value) is not Envelope:
            cells.append((bound, _wrapped(held, bound, value)))
    return cells


def _move(state: InstanceState[Any], described: Described, connection: Connection) -> bool:
    """Open what is bound to the former owner, so that it is sealed for the new one; return whether there is one."""
    mapper = described.mapper
    _fill_persons(state, described, connection)
    wanted = {key: mapper.column_attrs[key].columns[0] for key in (*described.bound_to, *described.bound)}
    identity = zip(mapper.primary_key, state.identity or (), strict=True)
    rows = connection.execute(sa.select(*wanted.values()).select_from(mapper).where(*(column == value for column, value in identity)))
    former = dict(zip(wanted, rows.one(), strict=True))
    if all(former[key] == state.dict[key] for key in described.bound_to):
        return False
    for key, bound in described.bound.items():
        envelope = former[key]
        if envelope is not None and not _is_written(state, key):
            value = vault_of(mapper).open(bound.field, *bound.where(former), envelope)
            set_attribute(state.obj(), key, Cell(value))
    return True


def _is_written(state: InstanceState[Any], key: str) -> bool:
    """Tell whether the program gave an attribute another value, so that the stored one does not matter any more."""
    value = state.dict.get(key)
    return key in state.committed_state and not (type(value) is Cell and value.envelope is not None)


def _seal(state: InstanceState[Any], described: Described, cells: list[tuple[Bound, Cell]], *, fresh: bool) -> None:
    vault, held = described.vault or vault_of(described.mapper), state.dict
    seal_cells(vault, vault.tenant(), held, cells)
    if not described.indexed:
        return
    for bound, cell in cells:
        if bound.numbers:
            waiting = pending(state.session)
            if not fresh:
                waiting.drop(described, bound, held)
            waiting.add(described, Indexed(bound.field, cell.value, bound.row_of(held), bound.subject_of(held)))


def before_delete(mapper: Mapper[Any], _connection: Connection, state: InstanceState[Any]) -> None:
    """Take a row out of the blind index."""
    described = describe(mapper)
    if described is not None and described.indexed:
        row = getattr(state.obj(), described.row_key)  # loaded now, where it expired
        if row is not None:
            pending(state.session).drop_row(described, {described.row_key: row})


def after_flush(session: Session, _context: UOWTransaction) -> None:
    """Bring the blind index up to date."""
    write(session)
