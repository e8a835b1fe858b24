"""Let a vault serve the models of a declarative base."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import ColumnProperty, Session

from confide.adopt.redact import redact
from confide.adopt.sqlalchemy.attribute import PersonalAttribute
from confide.adopt.sqlalchemy.bulk import bulk
from confide.adopt.sqlalchemy.described import serve, was_key
from confide.adopt.sqlalchemy.flush import after_flush, before_delete, before_flush, before_insert, before_update
from confide.adopt.sqlalchemy.marks import PERSONAL, WAS
from confide.adopt.sqlalchemy.migrating import MigratingAttribute
from confide.adopt.sqlalchemy.seek import seek
from confide.adopt.sqlalchemy.sorting import check_sorting
from confide.adopt.sqlalchemy.stored import IsSealed
from confide.adopt.tables import Tables, tables_in
from confide.datamap.terms import INFO, Declaration, Protection

if TYPE_CHECKING:
    from sqlalchemy.orm import DeclarativeBase, Mapper, ORMExecuteState

    from confide.adopt.sqlalchemy.marks import PersonalMark
    from confide.adopt.vault import Vault

_MAPPED: dict[str, Any] = {"before_insert": before_insert, "before_update": before_update, "before_delete": before_delete}


def instrument(base: type[DeclarativeBase], vault: Vault) -> Tables:
    """Serve every model below a base, those that are still to be declared included, and return the vault's own tables."""
    registry = base.registry
    serve(registry, vault)
    event.listen(base, "attribute_instrument", _attribute, propagate=True)
    event.listen(base, "after_mapper_constructed", _constructed, propagate=True)
    for name, listener in _MAPPED.items():
        event.listen(base, name, listener, propagate=True, raw=True)
    sessions: dict[str, Any] = {"before_flush": before_flush, "after_flush": after_flush, "do_orm_execute": _execute}
    for name, of_session in sessions.items():
        if not event.contains(Session, name, of_session):
            event.listen(Session, name, of_session)
    for mapper in registry.mappers:
        _constructed(mapper, mapper.class_)
        for key, attribute in mapper.class_manager.items():
            _attribute(mapper.class_, key, attribute)
    return tables_in(registry.metadata)


def _attribute(model: type, _key: str, attribute: Any) -> None:
    prop = attribute.property
    mark = getattr(prop.columns[0], "info", {}).get(PERSONAL) if isinstance(prop, ColumnProperty) else None
    if mark is not None:
        attribute.__class__ = MigratingAttribute if mark.declared.was else PersonalAttribute
        redact(model)


def _constructed(mapper: Mapper[Any], _model: type) -> None:
    """Let the database refuse whatever is no envelope; map what is still in the clear beside what is sealed."""
    columns: dict[str, Any] = dict(mapper.columns.items())  # `column_attrs` would configure models that are still to be declared
    for key, column in columns.items():
        mark: PersonalMark | None = getattr(column, "info", {}).get(PERSONAL)
        if mark is None:
            continue
        table: sa.Table = column.table
        name = f"sealed_{column.name}"
        if all(one.name != name for one in table.constraints):
            table.append_constraint(sa.CheckConstraint(IsSealed(column), name=name))
        if mark.declared.was and not mapper.has_property(was_key(key)):
            mapper.add_property(was_key(key), _was(table, mark))


def _was(table: sa.Table, mark: PersonalMark) -> sa.Column[Any]:
    """Return the column with values in the clear; it goes when the migration is finished."""
    found = table.columns.get(mark.declared.was)
    if found is None:
        declared = Declaration(mark.declared.category, mark.declared.identifiability, Protection.PLAIN, mark.declared.erase)
        found = sa.Column(mark.declared.was, mark.type, nullable=True, info={INFO: declared, WAS: True})
        table.append_column(found)
    return found


def _execute(state: ORMExecuteState) -> sa.Result[Any] | None:
    if state.is_insert or state.is_update or state.is_delete:
        found = bulk(state)
        if found is not None:
            return found
    elif state.is_select:
        check_sorting(state.statement)
    return seek(state)
