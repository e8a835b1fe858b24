"""What a process remembers of an index of salted tokens, so that it asks less."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from confide.sealed.terms import Term

TERMS = 1 << 14
"""Values that are remembered: about 8 MiB."""
GIVEN = 64
"""Tokens of one value given last that are remembered until they are seen in the index."""


class Stock:
    """What is known of one value. It may be out of date: a token is looked up before it is given, with the mark that it stands under."""

    __slots__ = ("free", "given", "mark", "marks", "seen", "skips")

    def __init__(self) -> None:
        """Know nothing."""
        self.seen = 0
        """How often the value had grown by the marks in the index."""
        self.mark: int | None = None
        """The last of those marks."""
        self.marks: list[int] = []
        """Of further growths, made here and not seen in the index yet; every row brings them until they are."""
        self.free: list[int] = []
        """Tokens that no row has, as far as this process knows."""
        self.given: list[int] = []
        """Tokens given last, which may not be stored yet."""
        self.skips = 0
        """How often the value may grow before its older blocks are looked through again."""

    def learn(self, growth: int, mark: int | None) -> None:
        """Take what the index says; where it has forgotten something, it is not the index that it was, and nothing else is known."""
        if growth < self.seen:
            self.marks.clear()
            self.free.clear()
        del self.marks[: max(0, growth - self.seen)]
        self.seen, self.mark = growth, mark

    def refill(self, tokens: Iterable[int], there: AbstractSet[int]) -> None:
        """Add those of the tokens that are neither in the index, nor may be on their way there, nor in stock.

        They are given in a random order: another process may have the same in stock.
        """
        if self.given and self.given[-1] in there:  # then those before it have arrived as well, or will not
            self.given.clear()
        known = {*there, *self.given, *self.free}
        fresh = [token for token in tokens if token not in known]
        self.free += sorted(fresh, key=secrets.randbits(63).__xor__)  # tokens are random, so one number shuffles them

    def pop(self, most: int) -> list[int]:
        """Give up to so many free tokens."""
        left = max(0, len(self.free) - most)
        taken = self.free[left:]
        del self.free[left:]
        for token in taken:
            self.give(token)
        return taken

    def give(self, token: int) -> None:
        """Remember that a token is on its way into the index."""
        if token not in self.given:
            self.given.append(token)
            if len(self.given) > GIVEN:
                del self.given[0]


class Memory:
    """Stocks of the values used last. It holds no value, and it is never relied on.

    What it forgets is asked again. A token that it forgets before it is stored may be given twice: those two rows are then seen to be
    alike, and nothing breaks.
    """

    def __init__(self, terms: int = TERMS) -> None:
        """Remember at most so many values."""
        self._most = terms
        self._stocks: OrderedDict[int, Stock] = OrderedDict()

    def stock(self, term: Term) -> Stock:
        """Return what is known of a value."""
        key = hash(term)
        found = self._stocks.get(key)
        if found is None:
            found = self._stocks[key] = Stock()
            if len(self._stocks) > self._most:
                self._stocks.popitem(last=False)
        else:
            self._stocks.move_to_end(key)
        return found
