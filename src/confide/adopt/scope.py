"""A scope: who acts and why, from its beginning to its end. Nothing personal is opened outside of one.

What was opened in a scope becomes one event for each person and action, stored before the scope ends and before a response leaves.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from confide.adopt.errors import AlreadyActing, NobodyActs
from confide.adopt.reader import Reader
from confide.values.permit import Action, Reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from confide.adopt.reader import Opener
    from confide.sealed.columns import Field
    from confide.values.ids import SubjectId, TenantId
    from confide.values.permit import Permit
    from confide.values.principal import Principal

    Deciding = Callable[[Principal, Action, str], tuple[Permit, Opener]]
    Opened = dict[tuple[SubjectId, Action], set[Field]]
    """Columns that were opened, by person and action."""

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
    user: Any = None
    """The framework's own object for whoever acts, where its permissions decide as well."""
    action: Action = Action.READ
    at_hand: dict[Any, Any] = field(default_factory=dict)
    """What a framework keeps for the current action, so that it need not ask for a reader each time."""
    _readers: dict[tuple[Field, Action], Reader] = field(default_factory=dict)
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
        return self._acts().tenant

    @contextmanager
    def doing(self, action: Action) -> Iterator[None]:
        """Open what is opened meanwhile for another action than reading."""
        before = self.action, self.at_hand
        self.action, self.at_hand = action, {}
        try:
            yield
        finally:
            self.action, self.at_hand = before

    def reader(self, of: Field) -> Reader:
        """Return what opens the values of a column for whoever acts.

        Raises:
            NobodyActs, Denied
        """
        found = self._readers.get((of, self.action))
        if found is None:
            permit, opener = self.deciding(self._acts(), self.action, of.table)
            if permit.reach is Reach.COMPARTMENT and self.own is None:
                message = "Whoever looks at their own values must be named: `acting(…, own=…)`."
                raise NobodyActs(message)
            with self._lock:
                found = self._readers.setdefault((of, self.action), Reader(of, permit, opener, self.own, self._lock))
        return found

    @property
    def opened(self) -> Opened:
        """What was opened and is not in the audit trail yet."""
        with self._lock:
            return self._collect(lambda reader: reader.seen)

    @property
    def has_opened(self) -> bool:
        """Whether there is anything that is not in the audit trail yet."""
        with self._lock:
            return any(reader.seen for reader in self._readers.values())

    def take(self) -> Opened:
        """Return what is not in the audit trail yet, and take it off the list."""
        with self._lock:
            return self._collect(Reader.take)

    def put_back(self, taken: Opened) -> None:
        """Put on the list again what could not be stored."""
        with self._lock:
            for (subject, action), columns in taken.items():
                for of in columns:
                    self._readers[of, action].seen.add(subject)

    def permit(self, of: Field, action: Action) -> Permit:
        """Return the permit under which a column was opened."""
        return self._readers[of, action].permit

    def _acts(self) -> Principal:
        if self.principal is None:
            raise NobodyActs(_NOBODY)
        return self.principal

    def _collect(self, seen_by: Callable[[Reader], set[SubjectId]]) -> Opened:
        found: Opened = {}
        for (of, action), reader in self._readers.items():
            for subject in seen_by(reader):
                found.setdefault((subject, action), set()).add(of)
        return found


def current() -> Scope:
    """Return the scope of this thread or task.

    Raises:
        NobodyActs
    """
    scope = SCOPE.get()
    if scope is None:
        raise NobodyActs(_NOBODY)
    return scope
