"""Terms: a value in one field, its blocks of tokens and its marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from confide.crypto.derive import BlindField

BLOCK = PAGE = 8
"""Tokens, and marks, of one keyed hash of 64 bytes."""


def blocks(growth: int) -> int:
    """Return how many blocks there are after a value has grown so often: one more each time, from sixteen on an eighth more."""
    if growth < BLOCK:
        return growth + 1
    doubled, eighths = divmod(growth - BLOCK + 1, BLOCK)
    return (BLOCK + eighths) << doubled


class Term(NamedTuple):
    """A value in one field; canonical bytes, in which kinds of values (a whole, a prefix) must differ."""

    field: BlindField
    value: bytes

    def __repr__(self) -> str:
        """Return a form without the value."""
        return "Term(…)"

    def block(self, number: int) -> tuple[int, ...]:
        """Return the eight tokens of a block."""
        return self.field.eight(b"b" + number.to_bytes(4, "big") + self.value)

    def marks(self, page: int) -> tuple[int, ...]:
        """Return eight marks: that the value has grown 8·page + 1, …, 8·page + 8 times."""
        return self.field.eight(b"m" + page.to_bytes(4, "big") + self.value)

    def mark(self, growth: int) -> int:
        """Return the mark that the value has grown so often."""
        page, at = divmod(growth - 1, PAGE)
        return self.marks(page)[at]
