"""What is asked of a figure, and whether it was reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Asked:
    """A figure and its limit."""

    what: str
    found: float
    limit: float
    at_most: bool = False
    """Otherwise at least."""

    @property
    def held(self) -> bool:
        """Whether the limit is kept; a figure that is no number keeps none."""
        return self.found <= self.limit if self.at_most else self.found >= self.limit


def judge(asked: Sequence[Asked]) -> bool:
    """Print each figure beside its limit, and return whether all are kept."""
    for one in asked:
        bound, verdict = "at most" if one.at_most else "at least", "held" if one.held else "FALLS SHORT"
        print(f"{one.what:<66}{one.found:12,.2f}   asked {bound:<8} {one.limit:10,.2f}   {verdict}")
    return all(one.held for one in asked)
