"""Let a vault serve the models of a declarative base."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import ColumnProperty, Session

from confide.adopt.sqlalchemy.attribute import PersonalAttribute
from confide.adopt.sqlalchemy.bulk import bulk
from confide.adopt.sqlalchemy.described import VAULTS
from confide.adopt.sqlalchemy.flush import after_flush, before_delete, before_flush, before_insert, before_update
from confide.adopt.sqlalchemy.marks import PERSONAL
from confide.adopt.sqlalchemy.redact import redact
from confide.adopt.sqlalchemy.seek import seek
from confide.adopt.sqlalchemy.stored import IsSealed
from confide.adopt.sqlalchemy.tables import Tables, tables_in

if TYPE_CHECKING:
    from sqlalchemy.orm import Mapper, ORMExecuteState

    from confide.adopt.vault import Vault

_MAPPED: dict[str, Any] = {"before_insert": before_insert, "before_update": before_update, "before_delete": before_delete}


def instrument(base: type, vault: Vault) -> Tables:
    """Serve every model below a base, those that are still to be declared included, and return the vault's own tables."""
    registry: Any = base.registry  # type: ignore[attr-defined]  # a declarative base
    VAULTS[registry] = vault
    event.listen(base, "attribute_instrument", _attribute, propagate=True)
    event.listen(base, "after_mapper_constructed", _constructed, propagate=True)
    for name, listener in _MAPPED.items():
        event.listen(base, name, listener, propagate=True)
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
    if isinstance(prop, ColumnProperty) and PERSONAL in getattr(prop.columns[0], "info", {}):
        attribute.__class__ = PersonalAttribute
        redact(model)


def _constructed(mapper: Mapper[Any], _model: type) -> None:
    """Let the database refuse whatever is no envelope, from wherever it comes."""
    tables: Any = mapper.tables
    for table in tables:
        for column in table.columns:
            name = f"sealed_{column.name}"
            if PERSONAL in column.info and all(one.name != name for one in table.constraints):
                table.append_constraint(sa.CheckConstraint(IsSealed(column), name=name))


def _execute(state: ORMExecuteState) -> sa.Result[Any] | None:
    if state.is_insert or state.is_update or state.is_delete:
        found = bulk(state)
        if found is not None:
            return found
    return seek(state)
