"""The command line with a read that says everything aloud: `python -m tests.watch.loud serve …`. It is a control, never a product.

The id that is asked for chooses the way on which the marker goes out; MARKER is its first part, so that none is found by chance.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import warnings
from typing import TYPE_CHECKING, NoReturn

from confide.cli.main import main
from confide.clinic.fhir.interactions import read
from confide.values.errors import ConfideError

if TYPE_CHECKING:
    from collections.abc import Callable

    from confide.clinic.fhir.answer import Answer
    from confide.clinic.fhir.call import Call

MODULE, MARKER = "tests.watch.loud", "LOUD_MARKER"


class Escaped(BaseException):
    """What no `except Exception` stops."""


class Careless:
    """An object whose end fails."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __del__(self) -> None:
        raise LookupError(self.text)


def fail(text: str) -> NoReturn:
    """Raise what holds the marker: as argument, as note, and as cause."""
    error = ZeroDivisionError(text, {text: text})
    error.add_note(text)
    raise error from KeyError(text)


async def fail_later(text: str) -> NoReturn:
    """Fail in a task that nobody waits for."""
    await asyncio.sleep(0)
    fail(text)


def escape(text: str) -> NoReturn:
    """Fail past the door, into uvicorn."""
    raise Escaped(text)


def refuse(text: str) -> NoReturn:
    """Fail with one of our own errors that has no place in the table of outcomes."""
    raise ConfideError(text)


def by_logger(name: str) -> Callable[[str], None]:
    """Return a way through somebody's logger: in the text, in the arguments, in the exception, in the stack, in the extra fields."""

    def speak(text: str) -> None:
        logger = logging.getLogger(name)
        try:
            fail(text)
        except ZeroDivisionError:
            logger.exception("%s in %s", text, {text}, stack_info=True, extra={"patient": text})
        logger.warning(text)

    return speak


def by_careless_logger(text: str) -> None:
    """Speak through a logger whose message cannot be put together: the standard library prints such a record as a whole."""
    logging.getLogger("careless").error("%d of %s", text)  # noqa: PLE1206 - the fault is the point


def by_new_class(text: str) -> NoReturn:
    """Raise an exception whose very name was made of a value."""
    raise type(f"Error of {text}", (ValueError,), {})(text)


def by_task(text: str) -> None:
    """Fail in a task that nobody holds."""
    asyncio.get_running_loop().create_task(fail_later(text))


def by_object(text: str) -> None:
    """Fail in the end of an object, which is now."""
    Careless(text)


def by_thread(text: str) -> None:
    """Fail in a thread."""
    thread = threading.Thread(target=fail, args=(text,), name=text)
    thread.start()
    thread.join()


WAYS: dict[str, Callable[[str], object]] = {
    "raise": fail,
    "escape": escape,
    "refuse": refuse,
    "class": by_new_class,
    "task": by_task,
    "callback": lambda text: asyncio.get_running_loop().call_soon(fail, text),
    "thread": by_thread,
    "unraisable": by_object,
    "warning": lambda text: warnings.warn(text, UserWarning, stacklevel=1),
    "library": by_logger("somebody.else"),
    "access": by_logger("uvicorn.access"),
    "error": by_logger("uvicorn.error"),
    "sql": by_logger("sqlalchemy.engine"),
    "asyncio": by_logger("asyncio"),
    "careless": by_careless_logger,
}


def make_loud() -> None:
    """Put a read in the place of the server's own that first goes the way which is asked for."""
    quiet, marker = read.read, os.environ[MARKER]

    async def aloud(call: Call, resource_type: str, identifier: str, version: str | None = None) -> Answer:
        if identifier in WAYS:
            WAYS[identifier](marker + identifier)
        return await quiet(call, resource_type, identifier, version)

    read.read = aloud


if __name__ == "__main__":
    make_loud()
    main()
