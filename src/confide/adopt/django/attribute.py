"""The attribute of a personal field: what is set is held in a cell, and what was loaded is opened each time it is read.

An opened value is not kept: it would outlast the scope in which somebody had the right to read it.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from django.db.models.query_utils import DeferredAttribute

from confide.adopt.django.allowed import check
from confide.adopt.django.described import describe
from confide.adopt.django.project import vault
from confide.adopt.redact import PRINTING
from confide.adopt.refusals import Unbound
from confide.adopt.scope import SCOPE, current
from confide.sealed.cell import SHOWN, Cell, Envelope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from confide.adopt.bound import Bound
    from confide.adopt.scope import Scope

    Opening = Callable[[Any, Any, bytes], Any]

COPYING: ContextVar[bool] = ContextVar("confide_copying", default=False)
"""Set while Django copies stored values from one object to another, in refresh_from_db(): nothing is opened then."""
PEERS = "confide_peers"
"""Where the state of an object names those that were loaded with it."""
NEIGHBOURS = 1_000
"""Objects whose keys are fetched together with the first that is opened."""
_MISSING = object()


class PersonalAttribute(DeferredAttribute):
    """A deferred attribute of Django that opens what it loads."""

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        """Return the value, opened if it has to be.

        Raises:
            NobodyActs, Denied, NotYours, KeysError, CryptoError, TimedOut
        """
        if instance is None:
            return self
        held = instance.__dict__
        value = held.get(self.field.attname, _MISSING)
        if value is _MISSING:
            value = super().__get__(instance, cls)
        kind = type(value)
        if kind is Envelope:
            if COPYING.get():
                return value
            scope = SCOPE.get() or current()  # which says what is missing
            opening = scope.at_hand.get(self)
            return (opening or self._opening(scope))(instance, held, value)
        if kind is Cell:
            return SHOWN if SCOPE.get() is PRINTING else value.value
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        """Hold a value."""
        held = type(value) is Envelope or type(value) is Cell or value is None
        instance.__dict__[self.field.attname] = value if held else Cell(value)

    def _opening(self, scope: Scope) -> Opening:
        """Return what opens this attribute for whoever acts, and keep it at hand."""
        if scope is PRINTING:
            return lambda _instance, _held, _envelope: SHOWN
        described: Any = describe(self.field.model)
        bound: Bound = described.bound[self.field.attname]
        found_in, reader = vault(), scope.reader(bound.field)

        def otherwise(instance: Any, held: Any, envelope: bytes) -> Any:
            missing = [key for key in bound.needs() if key not in held]  # deferred: loaded now
            where = bound.where({**held, **{key: getattr(instance, key) for key in missing}})
            return found_in.read(reader, *where, envelope, _neighbours(instance, bound.key))

        opening = reader.opening(bound.where, found_in.keys.loaded, otherwise)

        def opened(instance: Any, held: Any, envelope: bytes) -> Any:
            check(scope, instance, bound.field)
            return opening(instance, held, envelope)

        scope.at_hand[self] = opened
        return opened


class Peers(list[Any]):
    """Weak references to the objects that one query loaded; a pickle of one of them does without."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Return an empty list."""
        return Peers, ()


def _neighbours(instance: Any, key: str) -> Iterator[Envelope]:
    """Yield what was loaded by the same query, so that a list of people takes one look into the key database."""
    for other in getattr(instance._state, PEERS, ())[:NEIGHBOURS]:  # noqa: SLF001 - where Django keeps what it knows of an object
        found = other()
        value = None if found is None else found.__dict__.get(key)
        if type(value) is Envelope:
            yield value


class RowAttribute(DeferredAttribute):
    """The attribute of a row identifier, which never changes once a row is stored."""

    def __set__(self, instance: Any, value: Any) -> None:
        """Hold the identifier.

        Raises:
            Unbound: the row is stored under another.
        """
        held = instance.__dict__
        if not instance._state.adding and held.get(self.field.attname, value) not in (value, None):  # noqa: SLF001 - as above
            message = f"The row identifier of {type(instance).__name__} never changes: everything in the row is bound to it."
            raise Unbound(message)
        held[self.field.attname] = value
