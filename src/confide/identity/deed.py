"""One thing someone tries with accounts, and the one way in which it is told: in the unit of work that does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.audit import append
from confide.audit.append import Told
from confide.store.work import Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confide.audit.append import Origin
    from confide.identity.parts import Identity
    from confide.store.work import Add, Alter
    from confide.values.ids import Pseudonym
    from confide.values.principal import Principal


class Deed:
    """What is tried, where from and when."""

    __slots__ = ("action", "identity", "now", "origin")

    def __init__(self, identity: Identity, action: str, origin: Origin, now: int) -> None:
        """Take the action's name in the audit trail; `now` in microseconds since 1970."""
        self.identity = identity
        self.action = action
        self.origin = origin
        self.now = now

    async def commit(
        self, explanation: str, steps: Sequence[Add | Alter], principal: Principal | None = None, about: Sequence[Pseudonym] = ()
    ) -> None:
        """Store steps and the event of their success, whole or not at all.

        Raises:
            Conflict: a precondition of a step did not hold; nothing is stored, not even the event.
        """
        await self._store("success", explanation, steps, principal, about)

    async def refuse(self, explanation: str, principal: Principal | None = None, about: Sequence[Pseudonym] = ()) -> None:
        """Store the event of a refusal; `explanation` is for the trail and never for the caller."""
        await self._store("refused", explanation, (), principal, about)

    async def _store(
        self, outcome: str, explanation: str, steps: Sequence[Add | Alter], principal: Principal | None, about: Sequence[Pseudonym]
    ) -> None:
        told = Told("identity", self.action, outcome, explanation, resources=tuple(about))
        event = await append.step(self.identity.keyring, self.identity.tenant, principal, self.origin, told, self.now)
        await self.identity.database.commit(Unit((*steps, event)))
