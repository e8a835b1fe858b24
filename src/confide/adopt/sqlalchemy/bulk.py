"""Bulk statements of the ORM: rows given as parameters are sealed one by one; whatever else touches a sealed column is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.sql.dml import Delete, Insert, Update

from confide.adopt.identifiers import as_bytes
from confide.adopt.index import Indexed
from confide.adopt.refusals import PlainValue, Unbound
from confide.adopt.sealing import seal_cells
from confide.adopt.sqlalchemy import indexing
from confide.adopt.sqlalchemy.claim import claim, claim_owner
from confide.adopt.sqlalchemy.described import describe, vault_of
from confide.adopt.sqlalchemy.seek import seek
from confide.adopt.sqlalchemy.subjects import subjects_in_database
from confide.sealed.cell import Cell
from confide.values.ids import NO_SUBJECT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import ORMExecuteState

    from confide.adopt.sqlalchemy.described import Bound, Described

MANY = 500
"""Rows looked up in one statement."""


def bulk(state: ORMExecuteState) -> sa.Result[Any] | None:
    """Execute a bulk statement over a model with personal columns; None for any other."""
    mapper = state.bind_mapper
    described = describe(mapper) if mapper is not None and state.is_orm_statement else None
    if described is None or not described.bound:
        return None
    statement = state.statement
    if isinstance(statement, Insert):
        return _insert(state, described)
    if isinstance(statement, Update):
        return _update(state, described)
    if isinstance(statement, Delete):
        return _delete(state, described)
    return None


def _given(state: ORMExecuteState) -> list[dict[str, Any]]:
    parameters: Any = state.parameters
    rows = parameters if isinstance(parameters, list | tuple) else [parameters] if parameters else []
    return [dict(row) for row in rows]


def _insert(state: ORMExecuteState, described: Described) -> sa.Result[Any] | None:
    statement: Any = state.statement
    rows = _given(state)
    if getattr(statement, "_post_values_clause", None) is not None and described.bound:
        message = "An insert with ON CONFLICT cannot be sealed: whose the row will be is only known afterwards. Use session.merge()."
        raise PlainValue(message)
    if not rows:
        return None  # .values(…): a value in the clear is refused by the type of its column
    vault = vault_of(described.mapper)
    tenant = vault.tenant()
    connection = state.session.connection(bind_arguments={"mapper": described.mapper})
    for row in rows:
        if row.get(described.row_key) is None:
            row[described.row_key] = described.new_row()
    _fill_persons(rows, described, connection)
    indexed = _seal(rows, described)
    state.parameters = rows
    result = state.invoke_statement()
    indexing.add(connection, described.tables, vault, tenant, indexed)
    return result


def _fill_persons(rows: list[dict[str, Any]], described: Described, connection: sa.Connection) -> None:
    for person in described.persons:
        if not person.relationship:
            continue
        keys = [tuple(row.get(link) for link in person.links) for row in rows]
        wanted = [key for key in dict.fromkeys(keys) if None not in key]
        found: dict[tuple[Any, ...], Any] = {}
        for at in range(0, len(wanted), MANY):
            found |= subjects_in_database(person, described, wanted[at : at + MANY], connection)
        for key in set(wanted) - set(found):
            claimed = claim_owner(person, described, key, connection)
            if claimed is not None:
                found[key] = as_bytes(claimed)
        for row, key in zip(rows, keys, strict=True):
            row[person.key] = person.as_stored(found[key]) if key in found else None


def _seal(rows: list[dict[str, Any]], described: Described) -> list[Indexed]:
    """Put sealed cells in the place of values, and return what is to be indexed."""
    vault = vault_of(described.mapper)
    tenant, indexed = vault.tenant(), []
    work: list[tuple[dict[str, Any], list[tuple[Bound, Cell]]]] = []
    for row in rows:
        cells = [(bound, Cell(row[key])) for key, bound in described.bound.items() if row.get(key) is not None]
        if cells:
            work.append((row, cells))
    vault.keys.sealing(identity for row, cells in work for identity in _identities(tenant, row, cells))
    for row, cells in work:
        seal_cells(vault, tenant, row, cells)
        for bound, cell in cells:
            row[bound.key] = cell
            if bound.numbers:
                indexed.append(Indexed(bound.field, cell.value, bound.row_of(row), bound.subject_of(row)))
    return indexed


def _identities(tenant: Any, row: dict[str, Any], cells: list[tuple[Bound, Cell]]) -> Iterable[tuple[Any, Any, Any]]:
    for bound, _ in cells:
        owner = NO_SUBJECT if bound.field.tenant_wide else bound.where(row)[0]
        if owner != NO_SUBJECT or bound.field.tenant_wide:
            yield tenant, owner, bound.group.purpose


def _update(state: ORMExecuteState, described: Described) -> sa.Result[Any] | None:
    rows = _given(state)
    named = {key for row in rows for key in row} | _set_by(state.statement, described)
    if not named & (set(described.bound) | described.bound_to):
        return None
    by_key = bool(rows) and getattr(state.statement, "whereclause", None) is None
    if not by_key:
        if named & set(described.bound):
            message = (
                "A bulk update seals rows that are given by primary key, session.execute(update(Model), [{…}, …]); nothing was stored."
            )
            raise PlainValue(message)
        message = "A bulk update cannot change what the values of a row are bound to: change the objects, in a session."
        raise Unbound(message)
    return _update_by_key(state, described, rows)


def _set_by(statement: Any, described: Described) -> set[str]:
    """Return the attributes that an UPDATE … SET names."""
    values = dict(statement._values or ())  # noqa: SLF001 - no other way to ask
    return {described.names.get(str(getattr(column, "name", column)), "") for column in values}


def _update_by_key(state: ORMExecuteState, described: Described, rows: list[dict[str, Any]]) -> sa.Result[Any]:
    if any(key in row for row in rows for key in described.bound_to - set(_primary(described))):
        message = "A bulk update cannot change what the values of a row are bound to: change the objects, in a session."
        raise Unbound(message)
    vault = vault_of(described.mapper)
    connection = state.session.connection(bind_arguments={"mapper": described.mapper})
    stored = _stored(described, rows, connection)
    whole = []
    for row in rows:
        key = tuple(row.get(one) for one in _primary(described))
        if key not in stored:
            message = "A bulk update names a row that is not there; nothing was stored."
            raise Unbound(message)
        whole.append(_claimed(described, {**stored[key], **row}, key, connection))
    indexed = _seal(whole, described)
    gone = [(bound.key, bound.was) for bound in described.bound.values() if bound.was]
    state.parameters = [
        {key: full[key] for key in row} | {was: None for key, was in gone if key in row} for row, full in zip(rows, whole, strict=True)
    ]
    result = state.invoke_statement()
    tables = described.tables
    for bound in described.bound.values():
        changed = [bound.row_of(row) for row, given in zip(whole, rows, strict=True) if bound.key in given]
        for number in bound.numbers:
            indexing.drop_values(connection, tables, number, changed)
    indexing.add(connection, tables, vault, vault.tenant(), indexed)
    return result


def _claimed(described: Described, row: dict[str, Any], key: tuple[Any, ...], connection: sa.Connection) -> dict[str, Any]:
    """Return a row with its identifiers, which it may still lack while its table is being migrated."""
    if row[described.row_key] is None:
        this = dict(zip(described.mapper.primary_key, key, strict=True))
        row[described.row_key] = claim(described, this, connection)
        _fill_persons([row], described, connection)
        for person in described.persons:
            if person.relationship:
                table: Any = person.column.table
                where = [column == value for column, value in this.items()]
                connection.execute(sa.update(table).where(*where).values({person.column: row[person.key]}))
    return row


def _primary(described: Described) -> list[str]:
    return [described.mapper.get_property_by_column(column).key for column in described.mapper.primary_key]


def _stored(described: Described, rows: list[dict[str, Any]], connection: sa.Connection) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return what the values of rows are bound to, by primary key."""
    keys, wanted = _primary(described), sorted(described.bound_to)
    mapper = described.mapper
    columns = [mapper.column_attrs[key].columns[0] for key in keys]
    bound_to = [mapper.column_attrs[key].columns[0] for key in wanted]
    found = {}
    given = [tuple(row.get(key) for key in keys) for row in rows]
    for at in range(0, len(given), MANY):
        some = given[at : at + MANY]
        condition = columns[0].in_([key[0] for key in some]) if len(columns) == 1 else sa.tuple_(*columns).in_(some)
        statement = sa.select(*columns, *bound_to).select_from(mapper).where(condition)
        for row in connection.execute(statement):
            found[tuple(row[: len(keys)])] = dict(zip(wanted, row[len(keys) :], strict=True))
    return found


def _delete(state: ORMExecuteState, described: Described) -> sa.Result[Any] | None:
    if not any(bound.numbers for bound in described.bound.values()):
        return None
    connection = state.session.connection(bind_arguments={"mapper": described.mapper})
    statement: Any = state.statement
    doomed = sa.select(getattr(described.mapper.entity, described.row_key)).where(*statement._where_criteria)  # noqa: SLF001 - as above
    some = next(iter(described.bound.values()))
    rows = [some.row_of({described.row_key: row}) for row in state.session.execute(doomed).scalars()]
    result = seek(state) or state.invoke_statement()  # the condition may be a search, so the index goes last
    indexing.drop_rows(connection, described.tables, rows)
    return result
