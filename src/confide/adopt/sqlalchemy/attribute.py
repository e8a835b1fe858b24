"""The attribute of a personal column: what is set is held in a cell, and what was loaded is opened when it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import InstrumentedAttribute, object_session

from confide.adopt.scope import SCOPE, current
from confide.adopt.sqlalchemy.described import describe, vault_of
from confide.adopt.sqlalchemy.marks import BOUND
from confide.adopt.sqlalchemy.redact import PRINTING
from confide.adopt.sqlalchemy.refusals import Unbound
from confide.sealed.cell import SHOWN, WRITTEN, Cell, Envelope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confide.adopt.sqlalchemy.described import Bound

NEIGHBOURS = 1_000
"""Rows of one model in a session whose keys are fetched together with the first that is opened."""
_MISSING = object()


class PersonalAttribute(InstrumentedAttribute[Any]):
    """An attribute of SQLAlchemy, in all but reading and writing."""

    __slots__ = ()
    inherit_cache = True

    def __get__(self, instance: object | None, owner: Any) -> Any:
        """Return the value, opened if it has to be.

        Raises:
            NobodyActs, Denied, NotYours, KeysError, CryptoError, TimedOut
        """
        if instance is None:
            return self
        held = instance.__dict__
        value = held.get(self.key, _MISSING)
        if value is _MISSING:
            value = super().__get__(instance, owner)
        kind = type(value)
        if kind is Cell:
            scope, reader = SCOPE.get(), value.reader
            if reader is scope or (reader is WRITTEN and scope is not PRINTING):
                return value.value
            return self._open(instance, held, value.envelope)
        return self._open(instance, held, value) if kind is Envelope else value

    def __set__(self, instance: object, value: Any) -> None:
        """Hold a value; validators and listeners of the backend see it as it was given."""
        if type(value) is Envelope or type(value) is Cell:
            message = "A sealed value of another row was to be set: read it there, and set what it says."
            raise Unbound(message)
        super().__set__(instance, value)
        held = instance.__dict__
        kept = held.get(self.key)
        if kept is not None and type(kept) is not Cell:
            held[self.key] = Cell(kept)

    def _open(self, instance: object, held: dict[str, Any], envelope: bytes | None) -> Any:
        scope = SCOPE.get()
        if scope is PRINTING or envelope is None:
            return SHOWN
        scope = current()
        bound = self._bound()
        vault = vault_of(self.parent)
        try:
            home = bound.home(scope.tenant, held)
        except KeyError:
            home = bound.home(scope.tenant, {key: getattr(instance, key) for key in bound.needs()})
        if vault.keys.lack(envelope):
            scope.permit(bound.field.table)  # whoever may not open it learns nothing of whether there is a key
            vault.keys.load([envelope, *_neighbours(instance, bound.key)])
        value = vault.open(bound.field, home, envelope)
        held[self.key] = Cell(value, envelope, scope)
        return value

    def _bound(self) -> Bound:
        info = self.property.columns[0].info
        if BOUND not in info:
            describe(self.parent.mapper)
        return info[BOUND]  # type: ignore[no-any-return]


def _neighbours(instance: object, key: str) -> Iterator[Envelope]:
    """Yield what else the session holds of the same kind, so that a list of people takes one look into the key database."""
    session = object_session(instance)
    if session is None:
        return
    left, kind = NEIGHBOURS, type(instance)
    for other in session.identity_map.values():
        if type(other) is kind:
            value = other.__dict__.get(key)
            if type(value) is Envelope and len(value) > _SHORT:
                yield value
                left -= 1
                if not left:
                    return


_SHORT = 51
