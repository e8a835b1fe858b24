"""Connections for reads, each used by one query at a time.

The driver's own pool costs more CPU than the query it serves (docs/performance.md): it wraps, times and resets what is never changed
here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from confide.store.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import asyncpg


class Pool:
    """At most `size` connections, made when they are needed; the one used last is used next, so that its statements are warm."""

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], size: int) -> None:
        """Take what makes a connection."""
        self._connect = connect
        self._idle: list[asyncpg.Connection] = []
        self._places = size
        """How many more connections may be made."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False

    async def take(self) -> asyncpg.Connection:
        """Return a connection, and wait for one where all are in use; whoever takes it gives it back, or drops it.

        Raises:
            Unavailable: the pool is closed.
        """
        while not self._closed:
            while self._idle:
                found = self._idle.pop()
                if not found.is_closed():
                    return found
                self._places += 1
            if self._places:
                return await self._make()
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._wake()  # the turn had come already: it is somebody else's now
                raise
        message = "The database is not connected."
        raise Unavailable(message)

    async def _make(self) -> asyncpg.Connection:
        self._places -= 1
        try:
            return await self._connect()
        except BaseException:
            self._places += 1
            self._wake()
            raise

    def give(self, connection: asyncpg.Connection) -> None:
        """Take a connection back."""
        if self._closed:
            connection.terminate()
        else:
            self._idle.append(connection)
            self._wake()

    def drop(self, connection: asyncpg.Connection) -> None:
        """Give a connection up."""
        connection.terminate()
        self._places += 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    async def close(self) -> None:
        """Close every idle connection, and the others as they come back."""
        self._closed = True
        while self._waiting:
            self._wake()
        for one in self._idle:
            await one.close()
        self._idle.clear()
