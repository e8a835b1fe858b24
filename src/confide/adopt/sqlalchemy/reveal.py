"""Open values of selects that return columns in place of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect
from sqlalchemy.orm import Bundle

from confide.adopt.refusals import Unbound
from confide.adopt.scope import current
from confide.adopt.sqlalchemy.described import describe, vault_of
from confide.adopt.sqlalchemy.migrating import note_plain
from confide.adopt.sqlalchemy.search import bound_of
from confide.sealed.cell import Envelope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Row

    from confide.adopt.sqlalchemy.described import Bound, Described


class Opened(Bundle[Any]):
    """A personal column in a select of a session, opened: `select(Customer.id, Opened(Customer.name))`."""

    def __init__(self, attribute: Any) -> None:
        """Take an attribute of a model or of an alias; what its values are bound to is selected with it."""
        expression = attribute.__clause_element__()
        self._bound: Bound = bound_of(expression)
        entity = expression._annotations["parententity"].entity  # noqa: SLF001 - where the ORM says whose attribute it is
        super().__init__(self._bound.key, attribute, *(getattr(entity, key) for key in _beside(self._bound)))

    def create_row_processor(
        self, _query: Any, procs: Sequence[Callable[[Row[Any]], Any]], _labels: Sequence[str]
    ) -> Callable[[Row[Any]], Any]:
        """Return what makes a value of a row."""
        bound = self._bound

        def opened(row: Row[Any]) -> Any:
            envelope, *given = (proc(row) for proc in procs)
            return _value(bound, envelope, dict(zip(_beside(bound), given, strict=True)))

        return opened


def open_rows(model: type, rows: Iterable[Mapping[Any, Any]]) -> Iterator[dict[str, Any]]:
    """Yield rows of a Core select (`result.mappings()`) with what is personal opened; the rest is as it was.

    Raises:
        Unbound: a column that values are bound to was not selected; the message names it.
    """
    described = describe(inspect(model))
    listed = [dict(row) for row in rows]
    if described is None:
        yield from listed
        return
    vault = vault_of(described.mapper)
    vault.keys.load([value for row in listed for value in row.values() if type(value) is Envelope])
    for row in listed:
        yield {name: _opened(described, str(name), value, row) for name, value in row.items()}


def _beside(bound: Bound) -> tuple[str, ...]:
    """Return the attributes that are selected with a personal one."""
    return (*bound.needs(), bound.was) if bound.was else bound.needs()


def _opened(described: Described, name: str, value: Any, row: Mapping[str, Any]) -> Any:
    bound = described.bound.get(described.names.get(name, name))
    if bound is None:
        if type(value) is not Envelope:
            return value
        message = f"There is no sealed column {name} in {described.mapper.class_.__name__}: select it under its own name."
        raise Unbound(message)
    if value is None and not bound.was:
        return None
    values = {described.names.get(one, one): held for one, held in row.items()}
    missing = [described.mapper.column_attrs[key].columns[0].name for key in _beside(bound) if key not in values]
    if missing:
        message = f"{bound.field.name} is bound to {', '.join(missing)} of its row: select that as well."
        raise Unbound(message)
    return _value(bound, value, values)


def _value(bound: Bound, envelope: Envelope | None, values: Mapping[str, Any]) -> Any:
    if envelope is not None:
        return vault_of(bound.mapper).open(bound.field, *bound.where(values), envelope)
    plain = values[bound.was] if bound.was else None
    if plain is not None:
        note_plain(current(), bound, values[bound.person.key])
    return plain
