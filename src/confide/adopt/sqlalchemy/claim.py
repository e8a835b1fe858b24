"""Rows from before a migration have no identifiers yet: whoever comes first gives them one, and everybody else takes that.

The database decides who is first: the row is changed only where the identifier is still missing, and read back in the same transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from confide.adopt.sqlalchemy.described import describe, source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from confide.adopt.sqlalchemy.described import Described, Person


def is_migrating(described: Described) -> bool:
    """Tell whether rows of a model may lack their identifier."""
    return any(bound.was for bound in described.bound.values())


def claim(described: Described, keys: Mapping[Any, Any], connection: Connection) -> Any:
    """Return the identifier of the row with these values of columns, given to it now where it had none."""
    return _claim(described.row_column, described.new_row(), keys, connection)


def claim_owner(person: Person, described: Described, keys: tuple[Any, ...], connection: Connection) -> Any:
    """Return the identifier of the person whom a row refers to by a foreign key; None where nobody is there, or none may be given."""
    target = describe(described.mapper.relationships[person.relationship].mapper)
    if target is None or not is_migrating(target):
        return None
    wanted = source(person, target.mapper)
    this = {target.mapper.column_attrs[name].columns[0]: key for name, key in zip(person.remote, keys, strict=True)}
    if wanted == target.row_key:
        return claim(target, this, connection)
    further = next(one for one in target.persons if one.key == wanted)
    links = connection.execute(sa.select(*further.linked).where(*(column == key for column, key in this.items()))).one_or_none()
    above = None if links is None else claim_owner(further, target, tuple(links), connection)
    return None if above is None else _claim(further.column, above, this, connection)


def _claim(column: sa.Column[Any], new: Any, keys: Mapping[Any, Any], connection: Connection) -> Any:
    this = [key == value for key, value in keys.items()]
    connection.execute(sa.update(column.table).where(*this, column.is_(None)).values({column: new}))
    return connection.execute(sa.select(column).where(*this)).scalar_one_or_none()
