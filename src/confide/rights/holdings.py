"""What a store offers to the rights: `rights` cannot see the stores, so each is handed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from confide.keys.ledger import Entry, State
    from confide.values.ids import KeyRef, SubjectId


@dataclass(frozen=True, slots=True)
class Plan:
    """What an erasure will do, counted; nothing of it has been done."""

    subject: SubjectId
    items: tuple[tuple[str, int], ...]
    """What is destroyed: (kind, how many)."""
    rewritten: int
    """Documents that name others as well: the person is taken out of them, and their older versions are destroyed."""
    subjects: tuple[SubjectId, ...] = ()
    """Others whose keys die too, such as the person's accounts."""
    keys: tuple[KeyRef, ...] = ()
    """Single keys that die too: those of the documents that are rewritten."""


class Holdings(Protocol):
    """One store of personal data."""

    async def plan(self, subject: SubjectId, now: int) -> Plan | None:
        """Return what an erasure of a person will do here; None where nothing is known of them."""
        ...

    async def reached(self) -> State:
        """Return how far the shred ledger has been carried out here."""
        ...

    async def erase(self, entry: Entry, after: State, report: Callable[[int], None], now: int) -> tuple[KeyRef, ...]:
        """Carry an entry of the ledger out and remember that; return keys that nothing needs any more. May be repeated."""
        ...
