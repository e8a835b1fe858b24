"""How the key of the search index gives way to its successor, while rows are written and searched; pure.

From the moment a new generation is made, searches look for the tokens of both. Once every process has learned of it, rows are written
under the new one alone; and once every process does so, the rows of before are indexed anew. Then the old generation is dropped. No
process has to be told anything: each reads the generations with the other keys, and the clock says what is to be done with them.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confide.keys.tenant import IndexKey


class Turn(Enum):
    """How far a change of generations is."""

    NONE = "none"
    LEARNED = "learned"
    """Processes learn of the new generation; rows are still written under the old one."""
    WRITTEN = "written"
    """Rows are written under the new generation, by whoever has looked at the clock since."""
    DUE = "due"
    """Nothing is written under the old generation any more: what it indexes can be indexed anew."""


def turn(keys: Sequence[IndexKey], settled: int, now: int) -> Turn:
    """Tell what the clock says of the living generations, oldest first.

    Args:
        keys: as `Keyring.search_keys` returns them
        settled: after how many microseconds every process has learned of a key
        now: in microseconds since 1970
    """
    if len(keys) == 1:
        return Turn.NONE
    age = now - keys[-1].made
    if age < settled:
        return Turn.LEARNED
    return Turn.WRITTEN if age < 2 * settled else Turn.DUE


def due(keys: Sequence[IndexKey], settled: int) -> int:
    """Return when the rows of the old generation can be indexed anew, in microseconds since 1970."""
    return keys[-1].made + 2 * settled


def writing(keys: Sequence[IndexKey], settled: int, now: int) -> IndexKey:
    """Return the generation that rows are indexed under."""
    return keys[-2] if turn(keys, settled, now) is Turn.LEARNED else keys[-1]
