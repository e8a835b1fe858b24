"""Free tokens for rows under one term: out of the stock, of the first block, of a few blocks that are looked through, or of new ones."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from confide.sealed.terms import blocks
from confide.sealed.walking import Walk

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Set as AbstractSet

    from confide.sealed.memory import Memory, Stock
    from confide.sealed.terms import Term

TRIES = 8
"""Blocks that are looked through for tokens of deleted rows, and of processes that ended, before a value is given further ones."""
ENOUGH = 8
"""Free tokens of these 64 that make it worth while to look again: an eighth of a value's tokens may stay free for good."""
SKIPS = 3
"""Growths without looking, after a look that found less."""
MOST_STOCKED = 64
"""Blocks of one growth that a process keeps for itself; another may find the rest."""


class Placing:
    """What a row brings, once `tell` has returned True: `found`, a token for each row, and `marks`, without which none would list them."""

    __slots__ = ("_glanced", "_looked", "_mark", "_missing", "_picked", "_stock", "_term", "_unseen", "_walk", "found", "marks")

    def __init__(self, term: Term, count: int, memory: Memory) -> None:
        """Find tokens for `count` rows."""
        self._term = term
        self._missing = count
        self._stock = memory.stock(term)
        self._glanced = False
        self._picked: list[int] = []
        self._looked: Collection[int] = ()
        self._mark: int | None = None
        self._unseen: tuple[int, ...] = ()
        self._walk: Walk | None = None
        self.found: list[int] = []
        self.marks: tuple[int, ...] = ()

    def ask(self) -> list[int]:
        """Return tokens to look up."""
        stock = self._stock
        if self._walk is None:
            self._mark, self._unseen = stock.mark, tuple(stock.marks)
            self._picked = stock.pop(self._missing)
            if self._picked:
                return [*self._picked, *([] if self._mark is None else [self._mark]), *self._unseen[-1:]]
            if self._mark is None and not self._unseen and not self._glanced:
                self._glanced = True
                self._looked = self._term.block(0)
                return [*self._looked, *stock.given[-1:]]
            self._walk = Walk(self._term, stock)
            # While the value grows, what looks free is on its way.
            numbers = [] if stock.marks else _some(0, blocks(stock.seen), TRIES)
            self._looked = [token for number in numbers for token in self._term.block(number)]
        return [*self._looked, *stock.given[-1:], *self._walk.ask()]

    def tell(self, there: AbstractSet[int]) -> bool:
        """Take those that are in the index; return whether every row has its token."""
        if self._walk is None:
            if self._picked:
                self._check(there)
            else:
                self._stock.refill(self._looked, there)
                self._take(self._stock.pop(self._missing), ())
        elif self._walk.tell(there):
            forgotten = self._walk.forgotten
            self._walk = None
            if not forgotten:  # else the blocks that were looked through are no longer those that a search lists
                self._stock.refill(self._looked, there)
                self._restock()
        return not self._missing

    def _check(self, there: AbstractSet[int]) -> None:
        """Take what was picked if it is still free, unless the index has forgotten the mark that it stands under."""
        stock, unseen = self._stock, self._unseen
        if self._mark is not None and self._mark not in there:
            stock.learn(0, None)
            return
        if unseen and unseen[-1] in there:
            if tuple(stock.marks[: len(unseen)]) == unseen:
                stock.learn(stock.seen + len(unseen), unseen[-1])
            unseen = ()
        self._take([token for token in self._picked if token not in there], unseen)

    def _restock(self) -> None:
        stock = self._stock
        stock.skips = SKIPS if len(stock.free) < ENOUGH else 0
        while len(stock.free) < self._missing:
            _grow(self._term, stock)
        self._take(stock.pop(self._missing), tuple(stock.marks))

    def _take(self, tokens: list[int], marks: tuple[int, ...]) -> None:
        self.found += tokens
        self._missing -= len(tokens)
        if marks:
            self.marks = tuple(dict.fromkeys(self.marks + marks))
        prepare(self._term, self._stock)


def prepare(term: Term, stock: Stock) -> None:
    """Let a value grow whose stock is empty, for the row that comes next: that one looks its token up anyway."""
    if stock.skips and not stock.free:
        stock.skips -= 1
        _grow(term, stock)


def _grow(term: Term, stock: Stock) -> None:
    growth = stock.seen + len(stock.marks) + 1
    stock.marks.append(term.mark(growth))
    numbers = _some(blocks(growth - 1), blocks(growth), MOST_STOCKED)
    stock.refill([token for number in numbers for token in term.block(number)], frozenset())


def _some(first: int, end: int, most: int) -> list[int]:
    """Return up to so many different blocks at random."""
    if end - first <= most:
        return list(range(first, end))
    return secrets.SystemRandom().sample(range(first, end), most)
