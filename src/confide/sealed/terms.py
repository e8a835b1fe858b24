"""Terms: a value in one field, its blocks of tokens and its marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


class Term:
    """A value in one field."""

    __slots__ = ("_field", "_value")

    def __init__(self, field: BlindField, value: bytes) -> None:
        """Take the keyed hash of the field and canonical bytes; kinds of values (a whole, a prefix) must differ in them."""
        self._field = field
        self._value = value

    def __hash__(self) -> int:
        """Return a number that a process may remember in place of the value."""
        return hash((id(self._field), self._value))

    def __eq__(self, other: object) -> bool:
        """Return whether it is the same value of the same field."""
        return isinstance(other, Term) and self._field is other._field and self._value == other._value

    def __repr__(self) -> str:
        """Return a form without the value."""
        return "Term(…)"

    def block(self, number: int) -> tuple[int, ...]:
        """Return the eight tokens of a block."""
        return self._field.eight(b"b" + number.to_bytes(4, "big") + self._value)

    def marks(self, page: int) -> tuple[int, ...]:
        """Return eight marks: that the value has grown 8·page + 1, …, 8·page + 8 times."""
        return self._field.eight(b"m" + page.to_bytes(4, "big") + self._value)

    def mark(self, growth: int) -> int:
        """Return the mark that the value has grown so often."""
        page, at = divmod(growth - 1, PAGE)
        return self.marks(page)[at]
