"""The sink of the log: one JSON line for each registered event, and nothing else gets through."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import threading
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from confide.values.logged import LABEL_CHARACTERS, REGISTERED, Label, Log, LogEvent, RequestFailed, ThirdParty

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from types import TracebackType
    from typing import TextIO

_ENCODE = msgspec.json.Encoder().encode
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NAME = re.compile(r"[\w.-]+", re.ASCII)


def sink(stream: TextIO, time: Callable[[], str]) -> Log:
    """Return a log that writes to a stream; `time` gives an RFC 3339 text."""

    def log(event: LogEvent) -> None:
        if type(event) not in REGISTERED:
            message = "an event must be registered in values/logged.py"
            raise TypeError(message)
        line = _ENCODE({"time": time(), "event": event.name, **event.shown()}).decode()
        # A full disk for logs must not stop the care of patients; the audit trail does. ValueError: the stream was closed by then.
        with contextlib.suppress(OSError, ValueError):
            stream.write(line + "\n")
            stream.flush()

    return log


def method(text: str) -> Label:
    """Return the label of an HTTP method; one out of the blue is only told as such."""
    return Label(text if text in _METHODS else "other")


def name_of(error: BaseException) -> Label:
    """Return the type of an exception as a label."""
    return _label(type(error).__name__)


def failure(error: BaseException, route: str, request: str) -> RequestFailed:
    """Return the event of an exception: its type, and the module and line that raised it."""
    return RequestFailed(Label(route), UUID(request), name_of(error), *_place(error.__traceback__))


def _place(trace: TracebackType | None) -> tuple[Label, int]:
    module, line = "unknown", 0
    while trace is not None:
        module, line = trace.tb_frame.f_globals.get("__name__", "unknown"), trace.tb_lineno
        trace = trace.tb_next
    return _label(module), line


def _label(name: str) -> Label:
    # Names are made of code, but code can be made at run time: what is no name of a module, a logger or a class is only told as such.
    return Label(name[:LABEL_CHARACTERS] if _NAME.fullmatch(name) else "other")


class _Reduce(logging.Handler):
    """Keeps the logger's name, the level, the place and the type of the exception; message, arguments and traceback are dropped."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        place = _place(error.__traceback__) if error is not None and error.__traceback__ else (_label(record.module), record.lineno)
        self._log(ThirdParty(_label(record.name), record.levelno, name_of(error) if error is not None else None, *place))


def capture_third_party(log: Log) -> None:
    """Send every record of the standard library's logging, every warning and every unhandled exception through the log, reduced."""
    root = logging.getLogger()
    root.handlers[:] = [_Reduce(log)]
    root.setLevel(logging.WARNING)
    for name in list(logging.root.manager.loggerDict):
        found = logging.getLogger(name)
        found.handlers.clear()
        found.propagate = True
    logging.captureWarnings(capture=True)

    def lost(where: str, error: BaseException | None) -> None:
        log(_lost(where, logging.CRITICAL, error))

    sys.excepthook = lambda _kind, error, _trace: lost("unhandled", error)
    threading.excepthook = lambda told: lost("thread", told.exc_value)
    sys.unraisablehook = lambda told: lost("unraisable", told.exc_value)


def capture_loop(log: Log, loop: asyncio.AbstractEventLoop) -> None:
    """Do the same for exceptions that nobody awaited."""

    def unhandled(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        log(_lost("asyncio", logging.ERROR, context.get("exception")))

    loop.set_exception_handler(unhandled)


def _lost(where: str, level: int, error: BaseException | None) -> ThirdParty:
    place = _place(error.__traceback__ if error is not None else None)
    return ThirdParty(Label(where), level, name_of(error) if error is not None else None, *place)
