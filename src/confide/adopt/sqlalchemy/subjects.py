"""Whose a row is: the identifier of the person, found through the relationship that its model names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import object_mapper

from confide.adopt.identifiers import as_bytes
from confide.adopt.sqlalchemy.claim import claim_owner
from confide.adopt.sqlalchemy.described import Person, describe, source
from confide.values.ids import SubjectId

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection
    from sqlalchemy.orm import Mapper

    from confide.adopt.bound import Person as AnyPerson
    from confide.adopt.sqlalchemy.described import Described

DEPTH = 8
"""Relationships that are followed from row to row while nothing is stored yet."""


def known_subject(target: Any, person: AnyPerson, described: Described, depth: int = DEPTH) -> SubjectId | None:
    """Return whose a row is, as far as it can be told from what is in memory."""
    held = target.__dict__
    if person.key == described.row_key or not person.relationship:
        given = held.get(person.key)
        if type(given) is bytes:
            return SubjectId(given)
        return None if given is None else SubjectId(as_bytes(given))
    related = held.get(person.relationship)
    if related is None or not depth or not _refers(held, related, person):
        return None
    mapper = object_mapper(related)
    key, far = source(person, mapper), describe(mapper)
    if far is None:
        return None
    deeper = next((one for one in far.persons if one.key == key), Person(key=far.row_key, column=far.row_column))
    found = known_subject(related, deeper, far, depth - 1)
    given = related.__dict__.get(key)
    return found if found is not None or given is None else SubjectId(as_bytes(given))


def _refers(held: dict[str, Any], related: Any, person: AnyPerson) -> bool:
    """Tell whether the foreign key leads to an object; while it is not set it will be by the relationship."""
    keys = [held.get(key) for key in person.links]
    if all(key is None for key in keys):
        return True
    return keys == [related.__dict__.get(key) for key in person.remote]


def subject_in_database(held: Mapping[str, Any], person: Person, described: Described, connection: Connection) -> SubjectId | None:
    """Return whose a row is from the row that its foreign key leads to."""
    keys = tuple(held.get(key) for key in person.links)
    if not person.links or any(key is None for key in keys):
        return None
    found = subjects_in_database(person, described, [keys], connection).get(keys)
    if found is not None:
        return found
    claimed = claim_owner(person, described, keys, connection)
    return None if claimed is None else SubjectId(as_bytes(claimed))


def subjects_in_database(
    person: Person, described: Described, keys: Iterable[tuple[Any, ...]], connection: Connection
) -> dict[tuple[Any, ...], SubjectId]:
    """Return the people behind foreign keys, in one look."""
    target: Mapper[Any] = described.mapper.relationships[person.relationship].mapper
    wanted = target.column_attrs[source(person, target)].columns[0]
    referred = [target.column_attrs[key].columns[0] for key in person.remote]
    distinct = list(dict.fromkeys(keys))
    condition = referred[0].in_([key[0] for key in distinct]) if len(referred) == 1 else sa.tuple_(*referred).in_(distinct)
    rows = connection.execute(sa.select(*referred, wanted).select_from(target).where(condition)).all()
    return {tuple(row[:-1]): SubjectId(as_bytes(row[-1])) for row in rows if row[-1] is not None}
