"""The attribute of a personal column: what is set is held in a cell, and what was loaded is opened each time it is read.

An opened value is not kept: it would outlast the scope in which somebody had the right to read it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import InstrumentedAttribute, object_session

from confide.adopt.redact import PRINTING
from confide.adopt.refusals import Unbound
from confide.adopt.scope import SCOPE, current
from confide.adopt.sqlalchemy.described import describe, vault_of
from confide.crypto.envelope import SHORTEST
from confide.sealed.cell import SHOWN, Cell, Envelope
from confide.values.errors import ConfideError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Opening = Callable[[Any, Any, bytes], Any]

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
        if kind is Envelope:
            scope = SCOPE.get()
            if scope is None:
                scope = current()  # which says what is missing
            opening = scope.at_hand.get(self)
            try:
                return (self._opening() if opening is None else opening)(instance, held, value)
            except ConfideError as error:
                scope.refusals.append(error)
                raise
        if kind is Cell:
            return SHOWN if SCOPE.get() is PRINTING else value.value
        return value

    def __set__(self, instance: object, value: Any) -> None:
        """Hold a value; validators and listeners of the backend see it as it was given."""
        if type(value) is Envelope or type(value) is Cell:
            message = "A sealed value of another row was to be set: read it there, and set what it says."
            raise Unbound(message)
        held = instance.__dict__
        self.impl.set(instance._sa_instance_state, held, value, None)  # type: ignore[attr-defined]  # noqa: SLF001 - SQLAlchemy's own name
        kept = held.get(self.key)
        if kept is not None and type(kept) is not Cell:
            held[self.key] = Cell(kept)

    def _opening(self) -> Opening:
        """Return what opens this attribute for whoever acts, and keep it at hand."""
        scope = current()
        if scope is PRINTING:
            return lambda _instance, _held, _envelope: SHOWN
        mapper = self.parent.mapper
        described = describe(mapper)
        if described is None:  # pragma: no cover - this attribute is what is described
            raise TypeError
        bound, vault = described.bound[self.key], vault_of(mapper)
        reader = scope.reader(bound.field)

        def otherwise(instance: Any, held: Any, envelope: bytes) -> Any:
            missing = [key for key in bound.needs() if key not in held]  # expired or deferred: loaded now
            where = bound.where({**held, **{key: getattr(instance, key) for key in missing}})
            return vault.read(reader, *where, envelope, _neighbours(instance, bound.key))

        found = scope.at_hand[self] = reader.opening(bound.where, vault.keys.loaded, otherwise)
        return found


def _neighbours(instance: object, key: str) -> Iterator[Envelope]:
    """Yield what else the session holds of the same kind, so that a list of people takes one look into the key database."""
    session = object_session(instance)
    if session is None:
        return
    left, kind = NEIGHBOURS, type(instance)
    for other in session.identity_map.values():
        if type(other) is kind:
            value = other.__dict__.get(key)
            if type(value) is Envelope and len(value) >= SHORTEST:
                yield value
                left -= 1
                if not left:
                    return
