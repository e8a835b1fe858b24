"""Marks: texts that are nowhere else, planted in whatever is sent, so that one search tells whether any of it came back or was kept."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from tests.journeys.canaries import CORE, LETTERS

if TYPE_CHECKING:
    from random import Random  # noqa: TID251 - chance comes in as an argument, from a seed

TAIL = 4
"""Letters that tell the marks of one run apart."""


class Marks:
    """The marks of one run; all begin with the same ten letters, of which no word is made."""

    def __init__(self, rng: Random) -> None:
        """Draw the letters."""
        self.core = "".join(rng.choice(LETTERS) for _ in range(CORE))
        self._count = count()

    def new(self) -> str:
        """Return a mark; it repeats one after 160,000."""
        number, tail = next(self._count), ""
        for _ in range(TAIL):
            number, letter = divmod(number, len(LETTERS))
            tail += LETTERS[letter]
        return self.core + tail

    def are_in(self, content: bytes) -> bool:
        """Tell whether a mark is in some bytes, in whatever case."""
        return self.core.encode() in content.lower()
