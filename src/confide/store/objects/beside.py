"""An object store beside an event loop: its calls run in threads of their own, so that a slow store holds up nothing but its callers."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from confide.store.objects.protocol import ObjectStore

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 16
"""As many transfers can wait for a disk or a bucket at once; the loop's own pool of 5 or 6 threads stays free for passwords."""


class Beside:
    """A store and the threads that talk to it."""

    def __init__(self, objects: ObjectStore, threads: int = THREADS) -> None:
        """Start no thread yet."""
        self.objects = objects
        self._threads = ThreadPoolExecutor(threads, "objects")
        self._closed = False

    async def call(self, work: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
        """Return what `work` returns in a thread.

        Cancelled, it waits until the thread is done: whoever cleans up after that must be the only one to touch the object.
        """
        if self._closed:  # what an interrupted answer left open is closed after the house; there is nobody left to hold up
            return work(*arguments, **named)
        done = asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*arguments, **named))
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait([done])
            raise

    def close(self) -> None:
        """Wait for what runs, and end the threads."""
        self._closed = True
        self._threads.shutdown()
