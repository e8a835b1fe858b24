"""An example as `make show-adopt` walks through it: what it is, how it runs, what is planted in it, and what a client sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.adopt import bank, tellers

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path


@dataclass(frozen=True)
class Example:
    """A backend before and after; `Any` is what its own `running` yields: it has `client`, `folder`, `content()` and `stop()`."""

    name: str
    sources: Path
    package: str
    """The folder in `before` and `after` that holds its code."""
    database: str
    """The file of its database."""
    watched: tuple[str, str]
    """Table and column of before by which it can be seen how far a migration has come."""
    running: Callable[[str, Path], AbstractContextManager[Any]]
    """Runs a variant (before, migrating, after) in a folder."""
    environment: Callable[[str], dict[str, str]]
    """What a variant is told by its surroundings, its commands included."""
    begin: tuple[str, ...]
    """The command that makes its keys."""
    migrate: tuple[str, ...]
    """The command that migrates, without its options."""
    erase: str
    """A program that erases the first person and prints what it did."""
    walk: Callable[[Any], None]
    """Does everything that the API offers, and looks at every answer."""
    planted: list[bytes]
    """What the walk leaves that is personal."""
    fill: Callable[[Any, int], list[bytes]]
    """Adds so many people and returns what of them is personal."""
    look: Callable[[Any], list[Any]]
    """Every answer that a client gets about people who were added."""
    is_gone: Callable[[Any, list[Any]], bool]
    """Tells whether a client finds nothing of the first person any more, and of the others what was seen before."""


BANK = Example(
    name="bank (FastAPI, SQLAlchemy)",
    sources=bank.EXAMPLES,
    package="bank",
    database="bank.db",
    watched=("customer", "name"),
    running=bank.running,
    environment=bank.environment,
    begin=(*bank.CONFIDE, "init", bank.VAULT),
    migrate=(*bank.CONFIDE, "migrate", bank.VAULT, "--models", "bank.models"),
    erase=bank.ERASE,
    walk=tellers.walk,
    planted=tellers.PLANTED,
    fill=tellers.fill,
    look=tellers.look,
    is_gone=tellers.is_gone,
)
EXAMPLES: tuple[Example, ...] = (BANK,)
