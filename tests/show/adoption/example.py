"""An example as `make show-adopt` walks through it: what it is, how it runs, what is planted in it, and what a client sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.adopt import bank, consumer, supporters, tellers
from tests.show.adoption import at_once, in_place

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.show.adoption.findings import Findings


@dataclass(frozen=True)
class Example:
    """A backend before and after; `Any` is what its own `running` yields: it has `client`, `folder`, `content()` and `stop()`."""

    name: str
    sources: Path
    by_hand: int
    """Lines that are changed besides those that `diff` shows: in what a command wrote."""
    running: Callable[[str, Path], AbstractContextManager[Any]]
    """Runs a variant (before, after) in a folder."""
    walk: Callable[[Any], None]
    """Does everything that the API offers, and looks at every answer."""
    planted: list[bytes]
    """What the walk leaves that is personal."""
    seal: Callable[[Path, int, Findings], None]
    """Seals what the backend of before wrote about so many people, and erases one of them."""


EXAMPLES = (
    Example("bank", bank.EXAMPLES, 0, bank.running, tellers.walk, tellers.PLANTED, in_place.seal),
    Example("consumer", consumer.EXAMPLES, consumer.BY_HAND, consumer.running, supporters.walk, supporters.PLANTED, at_once.seal),
)
