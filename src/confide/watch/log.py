"""The sink of the log: one JSON line for each registered event, and nothing else gets through."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from typing import TYPE_CHECKING, Any
from uuid import UUID

from confide.values.logged import REGISTERED, Label, Log, LogEvent, RequestFailed, ThirdParty

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from types import TracebackType
    from typing import TextIO

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def sink(stream: TextIO, time: Callable[[], str]) -> Log:
    """Return a log that writes to a stream; `time` gives an RFC 3339 text."""

    def log(event: LogEvent) -> None:
        if type(event) not in REGISTERED:
            message = "an event must be registered in values/logged.py"
            raise TypeError(message)
        line = json.dumps({"time": time(), "event": event.name, **event.shown()}, separators=(",", ":"))
        with contextlib.suppress(OSError):  # a full disk for logs must not stop the care of patients; the audit trail does
            stream.write(line + "\n")
            stream.flush()

    return log


def method(text: str) -> Label:
    """Return the label of an HTTP method; one out of the blue is only told as such."""
    return Label(text if text in _METHODS else "other")


def name_of(error: BaseException) -> Label:
    """Return the type of an exception as a label."""
    return Label(type(error).__name__[:80])


def failure(error: BaseException, route: str, request: str) -> RequestFailed:
    """Return the event of an exception: its type, and the module and line that raised it."""
    trace = error.__traceback__
    module, line = "unknown", 0
    while trace is not None:
        module, line = trace.tb_frame.f_globals.get("__name__", "unknown"), trace.tb_lineno
        trace = trace.tb_next
    return RequestFailed(Label(route), UUID(request), name_of(error), Label(module[:80]), line)


class _Reduce(logging.Handler):
    """Keeps the logger's name, the level and the type of the exception; message, arguments and traceback are dropped."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        exception = name_of(record.exc_info[1]) if record.exc_info and record.exc_info[1] else None
        with contextlib.suppress(ValueError):
            self._log(ThirdParty(Label(record.name[:80]), record.levelno, exception))


def capture_third_party(log: Log) -> None:
    """Send every record of the standard library's logging, and every unhandled exception, through the log, reduced."""
    root = logging.getLogger()
    root.handlers[:] = [_Reduce(log)]
    root.setLevel(logging.WARNING)
    for name in list(logging.root.manager.loggerDict):
        found = logging.getLogger(name)
        found.handlers.clear()
        found.propagate = True

    def unhandled(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
        log(ThirdParty(Label("unhandled"), logging.CRITICAL, name_of(error)))

    sys.excepthook = unhandled


def capture_loop(log: Log, loop: asyncio.AbstractEventLoop) -> None:
    """Do the same for exceptions that nobody awaited."""

    def unhandled(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        log(ThirdParty(Label("asyncio"), logging.ERROR, name_of(error) if error else None))

    loop.set_exception_handler(unhandled)
