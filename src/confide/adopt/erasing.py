"""A vault that erases people: who may, and the wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confide.adopt.erase import erase
from confide.adopt.errors import Misused
from confide.adopt.identifiers import as_bytes
from confide.adopt.scope import current
from confide.adopt.vault import Vault
from confide.values.ids import SubjectId
from confide.values.permit import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from uuid import UUID

    from confide.adopt.erase import Erasure
    from confide.adopt.parts import Parts
    from confide.adopt.scope import Scope
    from confide.sealed.columns import Field
    from confide.values.permit import Permit

ERASE_SECONDS = 600.0
"""An erasure may take longer than anything that a request waits for."""


class ErasingVault(Vault):
    """A vault that knows the personal columns of its backend."""

    def fields(self) -> Iterable[Field]:
        """Return every personal column."""
        raise NotImplementedError

    def erase(self, subject: bytes | UUID, *, dry_run: bool = False) -> Erasure:
        """Erase a person: keys destroyed, rows deleted or emptied as they are declared, tokens deleted; with `dry_run`, only say so.

        It has a transaction of its own, so no other may be open that writes.

        Raises:
            NobodyActs, Denied, UnknownSubject, LedgerRefused, Unavailable, StillWriting
            NotFinished: a table is being migrated.
            StillReferenced: rows that would be deleted are referred to by rows that stay; nothing was written down.
        """
        done = self.run(self._erasure(subject, dry_run=dry_run), ERASE_SECONDS)
        self.keys.forget_all()
        return done

    async def erase_async(self, subject: bytes | UUID, *, dry_run: bool = False) -> Erasure:
        """Do the same from an event loop, which goes on meanwhile."""
        done = await self.run_async(self._erasure(subject, dry_run=dry_run), ERASE_SECONDS)
        self.keys.forget_all()
        return done

    async def check_before_erasing(self, parts: Parts) -> None:
        """Refuse where not everything of a person could be found now; by default everything can.

        Raises:
            NotFinished: a table is being migrated.
        """

    def _erasure(self, subject: bytes | UUID, *, dry_run: bool) -> Callable[[Parts], Coroutine[Any, Any, Erasure]]:
        scope, permit, wanted = *self._permit_to_erase(), SubjectId(as_bytes(subject))

        async def carry_out(parts: Parts) -> Erasure:
            await self.check_before_erasing(parts)
            return await erase(parts, scope, permit, wanted, dry_run=dry_run)

        return carry_out

    def _permit_to_erase(self) -> tuple[Scope, Permit]:
        """Return the scope and the permit; whoever may not erase one of the tables erases nothing."""
        scope = current()
        with scope.doing(Action.ERASE) as erasing:
            permits = [erasing.reader(of).permit for of in self.fields()]
        if not permits:
            message = "This vault serves no personal columns, so there is nothing to erase."
            raise Misused(message)
        return scope, permits[0]
