"""`with vault.acting(…)` and `async with vault.acting(…)`: the events of the scope are stored before the block is left."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from confide.adopt.scope import SCOPE

if TYPE_CHECKING:
    from contextvars import Token
    from types import TracebackType

    from confide.adopt.scope import Scope


class Recording(Protocol):
    """What stores the events of a scope."""

    def record(self, scope: Scope) -> None:
        """Store them; durable on return."""
        ...

    async def record_async(self, scope: Scope) -> None:
        """Store them while the event loop goes on."""
        ...


class Acting:
    """A scope as a block of code."""

    def __init__(self, vault: Recording, scope: Scope) -> None:
        """Take the scope; it begins when the block does."""
        self._vault = vault
        self._scope = scope
        self._before: Token[Scope | None] | None = None

    def __enter__(self) -> Scope:
        """Begin."""
        self._before = SCOPE.set(self._scope)
        return self._scope

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Let nothing more be opened, store the events, whatever happened in the block, and end."""
        self._scope.close()
        try:
            self._vault.record(self._scope)
        finally:
            self._end()

    async def __aenter__(self) -> Scope:
        """Begin."""
        return self.__enter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Do as `__exit__`, while the event loop goes on."""
        self._scope.close()
        try:
            await self._vault.record_async(self._scope)
        finally:
            self._end()

    def _end(self) -> None:
        if self._before is not None:
            with suppress(ValueError):  # begun in another context, as by a generator: there it is held still, and opens nothing
                SCOPE.reset(self._before)
            self._before = None
