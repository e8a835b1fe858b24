"""How often a value has grown: its marks in an index of salted tokens, read page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.sealed.terms import PAGE

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from confide.sealed.memory import Stock
    from confide.sealed.terms import Term


class Walk:
    """Begins where the value was last seen. Marks have no gaps: a writer brings all that it has not seen."""

    def __init__(self, term: Term, stock: Stock) -> None:
        """Keep what is learnt in `stock`."""
        self._term = term
        self._stock = stock
        self.forgotten = False
        """Whether the index is not the one that it was, since it was emptied or restored."""
        self._begin(stock.seen)

    def _begin(self, growth: int) -> None:
        self.growth = growth
        """As far as is known."""
        self._read(max(0, growth - 1) // PAGE, 1)

    def _read(self, page: int, count: int) -> None:
        self._before = page * PAGE
        self._asked = [mark for number in range(page, page + count) for mark in self._term.marks(number)]

    def ask(self) -> list[int]:
        """Return marks to look up."""
        return self._asked

    def tell(self, there: AbstractSet[int]) -> bool:
        """Take those that are in the index; return whether all is known."""
        before, count = self._before, len(self._asked)
        seen = {before + at: mark for at, mark in enumerate(self._asked, 1) if mark in there}
        if self.growth > before and self.growth not in seen:
            self.forgotten = True
            self._begin(0)
            return False
        self.growth = max(seen, default=before)
        if self.growth == before + count:
            self._read((before + count) // PAGE, 2 * count // PAGE)
            return False
        self._stock.learn(self.growth, seen[self.growth] if seen else self._term.mark(before) if before else None)
        return True
