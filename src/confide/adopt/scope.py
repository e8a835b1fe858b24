"""A scope: who acts and why, from its beginning to its end. Nothing personal is opened outside of one.

What was opened in a scope becomes one event for each person and action, and what was searched one for each table, stored before the scope
ends and before a response leaves. Once it has ended, nothing opens in it, whoever still holds it.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from confide.adopt.errors import AlreadyActing, NobodyActs
from confide.adopt.reader import ENDED, Reader
from confide.values.permit import Action, Reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from confide.adopt.reader import Opener
    from confide.sealed.columns import Field
    from confide.values.errors import ConfideError
    from confide.values.ids import SubjectId, TenantId
    from confide.values.permit import Permit
    from confide.values.principal import Principal

    Deciding = Callable[[Principal, Action, str], tuple[Permit, Opener]]
    Opened = dict[tuple[SubjectId, Action], set[Field]]
    """Columns that were opened, by person and action."""


@dataclass(frozen=True, slots=True)
class Owed:
    """What is not in the audit trail yet."""

    opened: Opened
    searched: set[Field]
    """Columns that were searched."""


SCOPE: ContextVar[Scope | None] = ContextVar("confide_scope", default=None)

_NOBODY = (
    "A personal value was to be opened or searched for, and nobody said who acts and why: wrap the work in `with vault.acting(…)`, or call "
    "`vault.act(…)` where the request is authenticated."
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
    refusals: list[ConfideError] = field(default_factory=list)
    """What was refused when an attribute was read, for whoever has to answer and is shown an error that hides it."""
    _readers: dict[tuple[Field, Action], Reader] = field(default_factory=dict)
    _searched: set[Field] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)
    _ended: Event = field(default_factory=Event)

    def act(self, principal: Principal, own: SubjectId | None, user: Any = None) -> None:
        """Say who acts.

        Raises:
            AlreadyActing: somebody else does, or for another purpose.
        """
        if self.principal is not None and (self.principal, self.own, self.user) != (principal, own, user):
            message = "Someone acts already in this scope, or for another purpose: open a scope of its own with `vault.acting(…)`."
            raise AlreadyActing(message)
        self.principal, self.own, self.user = principal, own, user

    @property
    def tenant(self) -> TenantId:
        """The tenant of whoever acts.

        Raises:
            NobodyActs
        """
        return self._acts().tenant

    @contextmanager
    def doing(self, action: Action) -> Iterator[Scope]:
        """Open what this thread or task opens meanwhile for another action than reading, in a part of the scope that begins here."""
        part = replace(self, action=action, at_hand={})
        before = SCOPE.set(part)
        try:
            yield part
        finally:
            SCOPE.reset(before)

    def reader(self, of: Field) -> Reader:
        """Return what opens the values of a column for whoever acts.

        Raises:
            NobodyActs, Denied
        """
        self._check_life()
        found = self._readers.get((of, self.action))
        if found is None:
            permit, opener = self.deciding(self._acts(), self.action, of.table)
            if permit.reach is Reach.COMPARTMENT and self.own is None:
                message = "Whoever looks at their own values must be named: `acting(…, own=…)`."
                raise NobodyActs(message)
            with self._lock:
                found = self._readers.setdefault((of, self.action), Reader(of, permit, opener, self.own, self._lock, self._ended))
        return found

    def search(self, of: Field) -> SubjectId | None:
        """Let whoever acts search a column; return the only person whose values may be found, if there is one.

        Raises:
            NobodyActs, Denied
        """
        with self.doing(Action.SEARCH) as searching:
            searching.reader(of)
        with self._lock:
            self._check_life()
            self._searched.add(of)
        return self.own

    @property
    def has_ended(self) -> bool:
        """Whether nothing opens here any more."""
        return self._ended.is_set()

    def close(self) -> None:
        """End the scope; what it owes the audit trail is complete from here on."""
        with self._lock:
            self._ended.set()
            for reader in self._readers.values():
                reader.set_aside()
        self.at_hand.clear()

    @property
    def opened(self) -> Opened:
        """What was opened and is not in the audit trail yet."""
        with self._lock:
            return self._collect(lambda reader: reader.owed)

    @property
    def owes(self) -> bool:
        """Whether there is anything that is not in the audit trail yet."""
        with self._lock:
            return bool(self._searched) or any(reader.owed for reader in self._readers.values())

    def take(self) -> Owed:
        """Return what is not in the audit trail yet, and take it off the list."""
        with self._lock:
            searched = set(self._searched)
            self._searched.clear()
            return Owed(self._collect(Reader.take), searched)

    def put_back(self, taken: Owed) -> None:
        """Put on the list again what could not be stored."""
        with self._lock:
            self._searched.update(taken.searched)
            for (subject, action), columns in taken.opened.items():
                for of in columns:
                    self._readers[of, action].put_back(subject)

    def permit(self, of: Field, action: Action) -> Permit:
        """Return the permit under which a column was opened."""
        return self._readers[of, action].permit

    def _check_life(self) -> None:
        if self.has_ended:
            raise NobodyActs(ENDED)

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
    if scope.has_ended:
        raise NobodyActs(ENDED)
    return scope
