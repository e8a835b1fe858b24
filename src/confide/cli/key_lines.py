"""The table of keys that `keys status` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.cli import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confide.keys.status import Line

HEADINGS = ("key", "age", "keys under it", "state")
DAY, HOUR = 86_400, 3_600


def show(lines: Sequence[Line]) -> None:
    """Print a line for each key."""
    terminal.columns([HEADINGS, *((line.name, age(line.age), f"{line.keys:,}", line.state) for line in lines)])


def is_due(lines: Sequence[Line]) -> bool:
    """Tell whether the policy asks for something."""
    return any(line.state == "due" for line in lines)


def age(seconds: int) -> str:
    """Return an age for people."""
    return f"{seconds // DAY} days" if seconds >= DAY else f"{seconds // HOUR} hours"
