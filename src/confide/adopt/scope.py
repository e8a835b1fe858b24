"""A scope: who acts and why, from its beginning to its end. Nothing personal is opened outside of one.

What was opened in a scope becomes one event for each person and action, stored before the scope ends and before a response leaves.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from confide.adopt.errors import AlreadyActing, NobodyActs, NotYours
from confide.sealed.columns import unseal
from confide.values.permit import Action, Reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from confide.sealed.columns import Field, Home
    from confide.values.ids import SubjectId, TenantId
    from confide.values.permit import Permit
    from confide.values.place import Place
    from confide.values.principal import Principal

    Opener = Callable[[Place, bytes], bytes]
    Deciding = Callable[[Principal, Action, str], tuple[Permit, Opener]]

SCOPE: ContextVar[Scope | None] = ContextVar("confide_scope", default=None)

_NOBODY = (
    "A personal value was to be opened, and nobody said who acts and why: wrap the work in `with vault.acting(…)`, or call `vault.act(…)` "
    "where the request is authenticated."
)


@dataclass(eq=False)
class Scope:
    """One request, job or script."""

    request: str
    """Identifier in audit events."""
    deciding: Deciding
    """Decides whether somebody may do something with a table, and returns what opens its values then."""
    principal: Principal | None = None
    own: SubjectId | None = None
    """The only person whose values open, for a person who looks at their own."""
    action: Action = Action.READ
    opened: dict[tuple[SubjectId, Action], set[str]] = field(default_factory=dict)
    """Names of the columns that were opened of each person, and are not in the audit trail yet."""
    _permits: dict[tuple[str, Action], tuple[Permit, Opener]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def act(self, principal: Principal, own: SubjectId | None) -> None:
        """Say who acts.

        Raises:
            AlreadyActing: somebody else does, or for another purpose.
        """
        if self.principal is not None and (self.principal, self.own) != (principal, own):
            message = "Someone acts already in this scope, or for another purpose: open a scope of its own with `vault.acting(…)`."
            raise AlreadyActing(message)
        self.principal, self.own = principal, own

    @property
    def tenant(self) -> TenantId:
        """The tenant of whoever acts.

        Raises:
            NobodyActs
        """
        if self.principal is None:
            raise NobodyActs(_NOBODY)
        return self.principal.tenant

    @contextmanager
    def doing(self, action: Action) -> Iterator[None]:
        """Open what is opened meanwhile for another action than reading."""
        before, self.action = self.action, action
        try:
            yield
        finally:
            self.action = before

    def permit(self, table: str) -> Permit:
        """Return the permit for the current action on a table.

        Raises:
            NobodyActs, Denied
        """
        return self._decided(table)[0]

    def open(self, of: Field, home: Home, envelope: bytes) -> Any:
        """Return the value of an envelope whose key is loaded; it is in the audit trail before the scope ends.

        Raises:
            NobodyActs, Denied, NotYours, KeysError, CryptoError
        """
        action = self.action
        decided = self._permits.get((of.table, action)) or self._decided(of.table)
        if self.own is not None and self.own != home.subject:
            message = "The value belongs to somebody else."
            raise NotYours(message)
        value = unseal(decided[1], home, of, envelope)
        with self._lock:  # else another thread's `take` could miss it
            names = self.opened.get((home.subject, action))
            if names is None:
                names = self.opened[home.subject, action] = set()
            names.add(of.name)
        return value

    def _decided(self, table: str) -> tuple[Permit, Opener]:
        if self.principal is None:
            raise NobodyActs(_NOBODY)
        found = self._permits.get((table, self.action))
        if found is None:
            found = self.deciding(self.principal, self.action, table)
            if found[0].reach is Reach.COMPARTMENT and self.own is None:
                message = "Whoever looks at their own values must be named: `acting(…, own=…)`."
                raise NobodyActs(message)
            self._permits[table, self.action] = found
        return found

    def take(self) -> dict[tuple[SubjectId, Action], set[str]]:
        """Return what is not in the audit trail yet, and take it off the list."""
        with self._lock:
            taken, self.opened = self.opened, {}
        return taken

    def put_back(self, taken: dict[tuple[SubjectId, Action], set[str]]) -> None:
        """Put on the list again what could not be stored."""
        with self._lock:
            for key, names in taken.items():
                self.opened.setdefault(key, set()).update(names)

    def told(self, key: tuple[SubjectId, Action], names: set[str]) -> tuple[Permit, tuple[str, ...]]:
        """Return the permit and the sorted names of an event."""
        table = min(names).rpartition(".")[0]
        return self._permits[table, key[1]][0], tuple(sorted(names))


def current() -> Scope:
    """Return the scope of this thread or task.

    Raises:
        NobodyActs
    """
    scope = SCOPE.get()
    if scope is None:
        raise NobodyActs(_NOBODY)
    return scope
