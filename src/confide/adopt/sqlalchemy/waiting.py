"""Wait for the vault's thread from a thread, or from inside of an AsyncSession, whose event loop goes on meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.util import await_
from sqlalchemy.util.concurrency import in_greenlet

from confide.adopt.erasing import ErasingVault

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from confide.adopt.parts import Parts

T = TypeVar("T")


class WaitingVault(ErasingVault):
    """A vault that knows where it is called from."""

    def run(self, work: Callable[[Parts], Coroutine[Any, Any, T]], seconds: float | None = None) -> T:
        """Return what work in the vault's thread returns."""
        if in_greenlet() and _in_a_loop():
            return await_(self.run_async(work, seconds))
        return super().run(work, seconds)


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
