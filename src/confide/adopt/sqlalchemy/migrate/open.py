"""Open rows again: to look whether all of them open before the clear text goes, or to put the clear text back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from confide.adopt.scope import current
from confide.adopt.sqlalchemy import indexing
from confide.adopt.sqlalchemy.described import vault_of
from confide.adopt.sqlalchemy.migrate.seal import BATCH, PAUSE_SECONDS
from confide.values.errors import ConfideError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confide.adopt.sqlalchemy.migrate.seal import Report
    from confide.adopt.sqlalchemy.migrate.work import Work


def verify(engine: sa.Engine, work: Work, report: Report, size: int = BATCH) -> int:
    """Open every sealed value of a table; return how many rows have one that does not open."""
    failed, last = 0, None
    while True:
        with engine.connect() as connection:
            rows = _next(connection, work, last, size)
        if not rows:
            return failed
        for values in _opened(work, rows):
            failed += any(isinstance(value, ConfideError) for value in values.values())
        _record(work)
        last = rows[-1][: len(work.keys)]
        report(len(rows))


def undo(engine: sa.Engine, work: Work, report: Report, size: int = BATCH) -> int:
    """Put every sealed value of a table back into the column that it came from; return how many rows there were.

    Raises:
        ConfideError: a value does not open; rows before it are put back, it is as it was.
    """
    done, last = 0, None
    while True:
        with engine.begin() as connection:
            rows = _next(connection, work, last, size, locked=True)
            if rows:
                _put_back(connection, work, rows)
        _record(work)
        if rows:
            done, last = done + len(rows), rows[-1][: len(work.keys)]
            report(len(rows))
            continue
        with engine.connect() as connection:
            if not connection.scalar(sa.select(sa.exists().where(work.sealed()))):
                return done
        last = None
        time.sleep(PAUSE_SECONDS)


def _names(work: Work) -> list[str]:
    needed = sorted({key for bound in work.bounds for key in bound.needs()})
    return [*needed, *(bound.key for bound in work.bounds), *(bound.was for bound in work.bounds)]


def _next(connection: sa.Connection, work: Work, last: Any, size: int, *, locked: bool = False) -> list[Any]:
    mapper = work.described.mapper
    columns = [mapper.column_attrs[name].columns[0] for name in _names(work)]
    statement = sa.select(*work.keys, *columns).where(work.sealed(), work.after(last)).order_by(*work.keys).limit(size)
    return list(connection.execute(statement.with_for_update(skip_locked=True) if locked else statement).all())


def _opened(work: Work, rows: list[Any]) -> Iterator[dict[str, Any]]:
    """Yield the opened values of each row by attribute; an error in the place of one that does not open."""
    vault, scope, names = vault_of(work.described.mapper), current(), _names(work)
    listed = [dict(zip(names, row[len(work.keys) :], strict=True)) for row in rows]
    vault.keys.load([one[bound.key] for one in listed for bound in work.bounds if one[bound.key] is not None])
    for one in listed:
        found: dict[str, Any] = {}
        for bound in work.bounds:
            if one[bound.key] is not None:
                try:
                    found[bound.key] = vault.read(scope.reader(bound.field), *bound.where(one), one[bound.key])
                except ConfideError as error:
                    found[bound.key] = error
        yield found


def _put_back(connection: sa.Connection, work: Work, rows: list[Any]) -> None:
    described, names = work.described, _names(work)
    changed: dict[Any, Any] = {bound.column: sa.null() for bound in work.bounds}
    changed |= {work.was(bound): sa.bindparam(f"new_{bound.was}", type_=work.was(bound).type) for bound in work.bounds}
    parameters, gone = [], []
    for row, opened in zip(rows, _opened(work, rows), strict=True):
        one = dict(zip(names, row[len(work.keys) :], strict=True))
        found = {f"key_{at}": row[at] for at in range(len(work.keys))}
        for bound in work.bounds:
            value = opened.get(bound.key)
            if isinstance(value, ConfideError):
                raise value
            found[f"new_{bound.was}"] = value if one[bound.was] is None else one[bound.was]  # the clear text is the newer one
        parameters.append(found)
        gone.append(work.bounds[0].row_of(one))
    connection.execute(sa.update(work.table).where(work.this()).values(changed), parameters)
    for bound in work.bounds:
        for number in bound.numbers:
            indexing.drop_values(connection, described.tables, number, gone)


def _record(work: Work) -> None:
    """Store the events of a batch, so that a scope of millions of rows remembers few of them."""
    vault_of(work.described.mapper).record(current())
