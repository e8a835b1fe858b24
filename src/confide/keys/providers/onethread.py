"""A thread of its own for calls that nobody can interrupt, such as those into a shared library: callers wait for them, but not for ever."""

from __future__ import annotations

from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, TypeVar

from confide.keys.errors import ProviderUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

_Result = TypeVar("_Result")


class OneThread:
    """Makes the calls of all callers one after the other. Its thread starts with the first call, and does not keep the process alive."""

    def __init__(self, name: str) -> None:
        """Take the name of what is called."""
        self._name = name
        self._waiting: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._thread: Thread | None = None
        self._starting = Lock()

    def call(self, work: Callable[[], _Result], seconds: float) -> _Result:
        """Return the result of `work`, or raise what it raised; wait for it so many seconds at most.

        Raises:
            ProviderUnavailable: it did not end in time. A call that has not begun by then never does; one that has runs on.
        """
        with self._starting:
            if self._thread is None or not self._thread.is_alive():  # a fork leaves it behind
                self._thread = Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
        future: Future[_Result] = Future()
        self._waiting.put((future, work))
        try:
            return future.result(seconds)
        except TimeoutError:
            future.cancel()
            message = f"The {self._name} did not answer within {seconds:g} seconds: look at it and at the way to it."
            raise ProviderUnavailable(message) from None

    def _work(self) -> None:
        while True:
            future, work = self._waiting.get()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
                    future.set_exception(error)
