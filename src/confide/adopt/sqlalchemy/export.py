"""Everything personal that the models hold of one person (GDPR Art. 15 and 20), opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from confide.adopt.identifiers import as_bytes
from confide.adopt.scope import current
from confide.adopt.sqlalchemy.described import vault_of
from confide.adopt.sqlalchemy.holdings import all_described
from confide.rights.errors import UnknownSubject
from confide.values.permit import Action

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from confide.adopt.sqlalchemy.described import Bound, Described, Person
    from confide.values.ids import SubjectId


def export(registry: Any, session: Session, subject: SubjectId) -> dict[str, list[dict[str, Any]]]:
    """Return, for each table, the rows of a person: primary key and every personal attribute, also what the law keeps.

    Raises:
        UnknownSubject: no row is of this person.
        NobodyActs, Denied, NotYours, KeysError, CryptoError
    """
    found: dict[str, list[dict[str, Any]]] = {}
    with current().doing(Action.EXPORT):
        for described in all_described(registry):
            for person, bounds in _by_person(described):
                rows = list(_rows(session, described, person, bounds, subject))
                if rows:
                    found.setdefault(bounds[0].column.table.fullname, []).extend(rows)
    if not found:
        message = "No row is of this person: look at the identifier. Nothing was exported."
        raise UnknownSubject(message)
    return found


def _by_person(described: Described) -> Iterator[tuple[Person, list[Bound]]]:
    """Yield the attributes that a model adds to those it inherits, by the person they belong to."""
    mine: dict[str, tuple[Person, list[Bound]]] = {}
    for bound in described.own():
        mine.setdefault(bound.person.key, (bound.person, []))[1].append(bound)
    yield from mine.values()


def _rows(session: Session, described: Described, person: Person, bounds: list[Bound], subject: SubjectId) -> Iterator[dict[str, Any]]:
    mapper, scope, vault = described.mapper, current(), vault_of(described.mapper)
    keys = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    names = list(dict.fromkeys([*keys, *(key for bound in bounds for key in (bound.key, *bound.needs()))]))
    whose = getattr(mapper.entity, person.key)
    statement = sa.select(*(getattr(mapper.entity, name) for name in names)).where(whose == person.as_stored(subject))
    for row in session.execute(statement).all():
        values = dict(zip(names, row, strict=True))
        vault.keys.load([values[bound.key] for bound in bounds if values[bound.key] is not None])
        opened = {key: _shown(values[key]) for key in keys}
        for bound in bounds:
            envelope = values[bound.key]
            reader = scope.reader(bound.field)
            opened[bound.key] = None if envelope is None else vault.read(reader, *bound.where(values), envelope)
        yield opened


def _shown(key: Any) -> Any:
    return as_bytes(key).hex() if isinstance(key, bytes) else key
