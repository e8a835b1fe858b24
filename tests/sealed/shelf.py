"""An index of salted tokens as a backend has it: rows of (token, row), one transaction for what a row adds."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from confide.crypto.derive import BlindField
from confide.sealed.memory import Memory
from confide.sealed.salts import answer, list_tokens, place
from confide.sealed.terms import Term

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from confide.sealed.salts import Placed

FIELD = BlindField(bytes(range(32)))
"""A key for tests alone."""


def term(value: str) -> Term:
    """Return a value of the one field."""
    return Term(FIELD, value.encode())


@dataclass
class Shelf:
    """What is stored."""

    rows: dict[int, set[int]] = field(default_factory=dict)
    """Which rows stand under a token; a mark stands under a stranger."""

    def there(self, tokens: Iterable[int]) -> set[int]:
        """Return those of the tokens that are in the index."""
        return {token for token in tokens if token in self.rows}

    def store(self, row: int, tokens: Iterable[int]) -> None:
        """Store the tokens of a row."""
        for token in tokens:
            self.rows.setdefault(token, set()).add(row)

    def remove(self, row: int) -> None:
        """Delete a row's tokens."""
        for token in [token for token, rows in self.rows.items() if row in rows]:
            self.rows[token].discard(row)
            if not self.rows[token]:
                del self.rows[token]

    def commit(self, rows: Sequence[int], placed: Placed) -> None:
        """Store what `place` returned for some rows."""
        for row, tokens in zip(rows, placed.tokens, strict=True):
            self.store(row, tokens)
        for mark in placed.marks:
            self.store(-1 - secrets.randbits(63), [mark])

    @property
    def shared(self) -> list[int]:
        """How many rows stand under each token that has several; a mark may be stored by two processes, and is not counted."""
        return [len(rows) for rows in self.rows.values() if len(rows) > 1 and min(rows) >= 0]


@dataclass
class Process:
    """One process that writes and searches, with a memory of its own."""

    shelf: Shelf
    memory: Memory = field(default_factory=Memory)
    asked: int = 0
    """Questions so far."""

    def there(self, tokens: Iterable[int]) -> set[int]:
        """Look tokens up."""
        self.asked += 1
        return self.shelf.there(tokens)

    def choose(self, *rows: Sequence[Term | None]) -> Placed:
        """Choose tokens and store nothing."""
        return answer(place(rows, self.memory), self.there)

    def add(self, row: int, *values: str) -> Placed:
        """Store a row."""
        placed = self.choose([term(value) for value in values])
        self.shelf.commit([row], placed)
        return placed

    def listed(self, *values: str) -> list[int]:
        """Return the tokens that a search lists."""
        return answer(list_tokens(map(term, values), self.memory), self.there)

    def search(self, *values: str) -> Collection[int]:
        """Return the rows found."""
        return {row for token in self.listed(*values) for row in self.shelf.rows.get(token, ())}
