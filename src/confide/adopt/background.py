"""One thread with an event loop, in which the parts of a vault live: keys, key database, audit trail.

Threads and event loops of the backend hand work to it and wait, for a bounded time. It calls nothing of theirs, so there is no circle.
After a fork a process has a thread and connections of its own; those of its parent are left alone, since closing them here would
tell the database server that the parent is gone.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from confide.adopt.errors import Misused, TimedOut

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

T = TypeVar("T")
Parts = TypeVar("Parts")

_left_to_the_parent: list[object] = []
"""Kept for good, so that no finaliser runs in the child."""


class Background(Generic[Parts]):
    """The thread, and the parts that were opened in it."""

    def __init__(
        self, open_parts: Callable[[], Coroutine[Any, Any, Parts]], close: Callable[[Parts], Coroutine[Any, Any, None]], seconds: float
    ) -> None:
        """Start nothing yet; the first piece of work does. Nobody waits longer than `seconds`."""
        self._open, self._close, self._seconds = open_parts, close, seconds
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.parts: Parts | None = None

    def submit(self, work: Callable[[Parts], Coroutine[Any, Any, T]]) -> Future[T]:
        """Begin work on the opened parts."""
        self._check_thread()
        loop = self._started()

        async def run() -> T:
            return await work(await self._opened())

        return asyncio.run_coroutine_threadsafe(run(), loop)

    def result(self, future: Future[T], seconds: float | None = None) -> T:
        """Return what work returned; `seconds` is for what may take longer than usual.

        Raises:
            TimedOut: it is not done yet; it goes on or is dropped, and may be asked for again.
        """
        try:
            return future.result(seconds or self._seconds)
        except TimeoutError:
            if future.done():
                raise  # the work itself raised it
            raise self._too_slow(future, seconds or self._seconds) from None

    async def awaited(self, future: Future[T], seconds: float | None = None) -> T:
        """Return the same to another event loop, which goes on meanwhile."""
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), seconds or self._seconds)
        except TimeoutError:
            raise self._too_slow(future, seconds or self._seconds) from None

    def stop(self) -> None:
        """Close the parts and end the thread; a later piece of work starts them anew."""
        self._check_thread()
        with self._lock:
            loop, thread = self._loop, self._thread
            if loop is None or thread is None:
                return
            try:
                if self.parts is not None:
                    asyncio.run_coroutine_threadsafe(self._close(self.parts), loop).result(self._seconds)
            finally:
                self.parts, self._loop, self._thread = None, None, None
                loop.call_soon_threadsafe(loop.stop)
                thread.join(self._seconds)

    def after_fork(self) -> None:
        """Forget everything: no thread came along, and the connections are the parent's."""
        _left_to_the_parent.append((self._loop, self._thread, self.parts, self._lock))
        self._lock = threading.Lock()
        self._loop, self._thread, self.parts = None, None, None

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._opening = asyncio.Lock()
                self._thread = threading.Thread(target=_serve, args=(self._loop,), name="confide-vault", daemon=True)
                self._thread.start()
            return self._loop

    async def _opened(self) -> Parts:
        if self.parts is None:
            async with self._opening:
                if self.parts is None:
                    self.parts = await self._open()
        return self.parts

    def _check_thread(self) -> None:
        if threading.current_thread() is self._thread:
            message = "The vault's own thread would wait for itself: call the vault from the backend."
            raise Misused(message)

    def _too_slow(self, future: Future[Any], seconds: float) -> TimedOut:
        future.cancel()
        return TimedOut(f"The keys or the audit trail did not answer within {seconds:g} seconds: look at their databases.")


async def uncancelled(work: Coroutine[Any, Any, T]) -> T:
    """Return what work returns, which is done to its end even where whoever waits is cancelled; they learn of it then."""
    task, cancelled = asyncio.ensure_future(work), None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    result = task.result()
    if cancelled is not None:
        raise cancelled
    return result


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
