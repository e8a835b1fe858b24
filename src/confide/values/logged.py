"""Log events: frozen, registered, typed. Deny by default: what is not declared here cannot be logged.

No event has a free text. A field is a number, a truth value, a member of an enum, or a `Label`: a name out of the program's own text
(a route template, an exception type), never something that came from outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import Enum
from functools import cache
from typing import ClassVar
from uuid import UUID

ALLOWED = (bool, int, Enum, UUID)
LABEL_CHARACTERS = 80


class Label:
    """A name out of the program's own text."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        """Take the name of something in the code; anything but a short ASCII name is refused."""
        if len(text) > LABEL_CHARACTERS or not text.isascii() or not text.isprintable():
            message = "a log label is a short name out of the code"
            raise ValueError(message)
        self.text = text


@dataclass(frozen=True)
class LogEvent:
    """The base of every event; `name` is stable."""

    name: ClassVar[str] = ""

    def shown(self) -> dict[str, object]:
        """Return the fields as JSON values.

        Raises:
            TypeError: a field is not of an allowed type.
        """
        found: dict[str, object] = {}
        for name in _names(type(self)):  # type: ignore[arg-type]  # mypy looks at the hash of the instances
            value = getattr(self, name)
            if isinstance(value, Label):
                found[name] = value.text
            elif isinstance(value, Enum):
                found[name] = value.name
            elif isinstance(value, UUID):
                found[name] = str(value)
            elif isinstance(value, ALLOWED) or value is None:
                found[name] = value
            else:
                message = f"the field {name} of {self.name} has a type that may not be logged"
                raise TypeError(message)
        return found


@cache
def _names(kind: type[LogEvent]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind))


@dataclass(frozen=True)
class ServerStarted(LogEvent):
    """The server takes requests."""

    name: ClassVar[str] = "server.started"
    port: int
    tls: bool


@dataclass(frozen=True)
class ServerStopped(LogEvent):
    """The server has stored what was submitted and closed its databases."""

    name: ClassVar[str] = "server.stopped"


@dataclass(frozen=True)
class RequestCompleted(LogEvent):
    """A request was answered."""

    name: ClassVar[str] = "request.completed"
    route: Label
    method: Label
    status: int
    request: UUID
    microseconds: int


@dataclass(frozen=True)
class RequestFailed(LogEvent):
    """A request met an exception that is answered with 5xx: its type and where it was raised, nothing of what it says."""

    name: ClassVar[str] = "request.failed"
    route: Label
    request: UUID
    exception: Label
    module: Label
    line: int


@dataclass(frozen=True)
class ThirdParty(LogEvent):
    """A record of somebody else's logger, or an exception that nobody caught, reduced to where it comes from."""

    name: ClassVar[str] = "third-party"
    logger: Label
    level: int
    exception: Label | None
    module: Label
    line: int


@dataclass(frozen=True)
class KeysTended(LogEvent):
    """Something was due by the clock and was done: an epoch begun, a slot destroyed."""

    name: ClassVar[str] = "keys.tended"
    deed: Label


@dataclass(frozen=True)
class KeysUnavailable(LogEvent):
    """The keys, or a database, cannot be used now; the server answers 503 and tries again."""

    name: ClassVar[str] = "keys.unavailable"
    exception: Label


Log = Callable[[LogEvent], None]

REGISTERED: frozenset[type[LogEvent]] = frozenset(
    {ServerStarted, ServerStopped, RequestCompleted, RequestFailed, ThirdParty, KeysTended, KeysUnavailable}
)
