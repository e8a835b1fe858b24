"""Seal rows, a batch in each transaction. What is left to do stands in the rows, so whoever was stopped just goes on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from confide.adopt.identifiers import as_bytes
from confide.adopt.index import Indexed
from confide.adopt.refusals import NoSubject, NotUnique
from confide.adopt.sealing import seal_cells
from confide.adopt.sqlalchemy import indexing
from confide.adopt.sqlalchemy.claim import claim_owner
from confide.adopt.sqlalchemy.described import vault_of
from confide.adopt.sqlalchemy.subjects import subjects_in_database
from confide.sealed.cell import Cell
from confide.values.ids import NO_SUBJECT

if TYPE_CHECKING:
    from collections.abc import Callable

    from confide.adopt.sqlalchemy.migrate.work import Work

    Report = Callable[[int], None]
    """Told how many rows were done, batch by batch."""

BATCH = 500
"""Rows in one transaction: short enough that nobody waits for it."""
PAUSE_SECONDS = 0.1


def seal(engine: sa.Engine, work: Work, report: Report, size: int = BATCH) -> int:
    """Seal every row of a table that has something in the clear; return how many there were.

    Other programs read and write meanwhile. Rows that they hold are left to a later pass, and passes go on until nothing is left.

    Raises:
        NotUnique: two rows have one value where no two may; rows before are sealed, these are as they were.
        NoSubject, WrongKind, TooLong, KeysError
    """
    done, last, skipped = 0, None, False
    while True:
        with engine.begin() as connection:
            rows = _next(connection, work, last, size)
            if rows:
                try:
                    _seal(connection, work, rows)
                except sa.exc.IntegrityError:
                    raise NotUnique(_alike(work)) from None
        if rows:
            done, last = done + len(rows), rows[-1][: len(work.keys)]
            report(len(rows))
            continue
        with engine.connect() as connection:
            skipped = bool(connection.scalar(sa.select(sa.exists().where(work.unfinished()))))
        if not skipped:
            return done
        last = None
        time.sleep(PAUSE_SECONDS)  # whoever holds those rows is given time


def _alike(work: Work) -> str:
    columns = ", ".join(bound.field.declared.was for bound in work.bounds if bound.field.declared.unique)
    return (
        f"Two rows of {work.table.fullname} have one value in a column that is declared unique ({columns}), where upper and lower case are "
        "one: make them different, or take unique=True away. Their batch was left as it was; what was sealed before is kept."
    )


def _columns(work: Work) -> dict[str, sa.Column[Any]]:
    """Return what is read of a row behind its primary key, by attribute."""
    mapper = work.described.mapper
    names = sorted({key for bound in work.bounds for key in bound.needs()} | {person.key for person in work.described.persons})
    links = {link for person in work.described.persons for link in person.links}
    found: dict[str, Any] = {key: mapper.column_attrs[key].columns[0] for key in dict.fromkeys([*names, *sorted(links)])}
    for bound in work.bounds:
        found[bound.key] = bound.column
        found[bound.was] = work.was(bound)
    return found


def _next(connection: sa.Connection, work: Work, last: Any, size: int) -> list[Any]:
    statement = sa.select(*work.keys, *_columns(work).values()).where(work.unfinished(), work.after(last)).order_by(*work.keys).limit(size)
    return list(connection.execute(statement.with_for_update(skip_locked=True)).all())


def _seal(connection: sa.Connection, work: Work, rows: list[Any]) -> None:
    described, names, width = work.described, list(_columns(work)), len(work.keys)
    vault = vault_of(described.mapper)
    tenant = vault.tenant()
    values = [dict(zip(names, row[width:], strict=True)) for row in rows]
    for one in values:
        if one[described.row_key] is None:
            one[described.row_key] = described.new_row()
    _fill_persons(connection, work, values)
    plain = [[(bound, Cell(one[bound.was])) for bound in work.bounds if one[bound.was] is not None] for one in values]
    owners = {
        (NO_SUBJECT if bound.field.tenant_wide else bound.where(one)[0], bound.group.purpose)
        for one, cells in zip(values, plain, strict=True)
        for bound, _ in cells
    }
    vault.keys.sealing((tenant, owner, purpose) for owner, purpose in owners)
    indexed: list[Indexed] = []
    dropped: dict[int, list[bytes]] = {}
    for one, cells in zip(values, plain, strict=True):
        if cells:
            seal_cells(vault, tenant, one, cells)
        for bound, cell in cells:
            for number in bound.numbers if one[bound.key] is not None else ():  # a program of before wrote over what was sealed
                dropped.setdefault(number, []).append(bound.row_of(one))
            one[bound.key] = cell
            if bound.numbers:
                indexed.append(Indexed(bound.field, cell.value, bound.row_of(one), bound.subject_of(one)))
    _store(connection, work, rows, values)
    for number, gone in dropped.items():
        indexing.drop_values(connection, described.tables, number, gone)
    indexing.add(connection, described.tables, vault, tenant, indexed)


def _fill_persons(connection: sa.Connection, work: Work, values: list[dict[str, Any]]) -> None:
    for person in work.described.persons:
        if not person.relationship:
            continue
        keys = [tuple(one[link] for link in person.links) for one in values]
        wanted = [key for key in dict.fromkeys(keys) if None not in key]
        found: dict[tuple[Any, ...], Any] = dict(subjects_in_database(person, work.described, wanted, connection))
        for key in wanted:
            if key not in found:
                claimed = claim_owner(person, work.described, key, connection)
                if claimed is None:
                    message = (
                        f"{work.table.name} refers by {person.relationship} to somebody without an identifier: migrate that table first."
                    )
                    raise NoSubject(message)
                found[key] = as_bytes(claimed)
        for one, key in zip(values, keys, strict=True):
            one[person.key] = person.as_stored(found[key]) if key in found else None


def _store(connection: sa.Connection, work: Work, rows: list[Any], values: list[dict[str, Any]]) -> None:
    changed: dict[Any, Any] = {column: sa.bindparam(f"new_{column.name}", type_=column.type) for column in work.identifiers()}
    changed |= {bound.column: sa.bindparam(f"new_{bound.column.name}", type_=bound.column.type) for bound in work.bounds}
    changed |= {work.was(bound): sa.null() for bound in work.bounds}
    by_column = {column.name: key for key, column in _columns(work).items()}
    parameters = []
    for row, one in zip(rows, values, strict=True):
        found = {f"key_{at}": row[at] for at in range(len(work.keys))}
        for column in (*work.identifiers(), *(bound.column for bound in work.bounds)):
            found[f"new_{column.name}"] = one[by_column[column.name]]
        parameters.append(found)
    connection.execute(sa.update(work.table).where(work.this()).values(changed), parameters)
