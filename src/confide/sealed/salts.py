"""Salted tokens: a stolen index shows neither which rows are alike nor how many.

Each row with a value has a token of its own, made from the value and a salt; a value has about as many salts as it has rows. Tokens come
in blocks of eight, each block one keyed hash. *Marks* tell how many blocks a value has: tokens that stand in the index without a row, so
nothing is counted anywhere, and a value of up to eight rows has none.

A writer takes a free token of the newest block, or of an older one where a row was deleted, or else it marks further blocks. A reader
looks which marks are there and lists every token. Both only need to know which of some tokens are in the index: they are generators that
yield tokens and are sent those that are there, by `answer` or `answer_async`, so one code serves every backend.

Two processes that index one value at the same moment may take one token: those two rows are then seen to be alike, and nothing breaks.
"""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confide.crypto.derive import TOKEN_MASK
from confide.sealed.errors import TooManyTokens
from confide.sealed.terms import BLOCK, PAGE, blocks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Generator, Iterable, Sequence
    from typing import TypeVar

    from confide.sealed.memory import Memory
    from confide.sealed.terms import Term

    T = TypeVar("T")
    Asking = Generator[list[int], Collection[int], T]
    """Yields tokens, is sent those that are in the index, returns a T."""

MOST_TOKENS = 250_000
"""Listed by one search: about a quarter of a second of work."""
TRIES = 4
"""Older blocks looked at for the gap of a deleted row before a value is given further ones."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What rows add to the index."""

    tokens: list[list[int]]
    """For each row, to be stored with it."""
    marks: list[int]
    """To be stored without a row in the same transaction; a mark that is there already does no harm."""


def place(rows: Sequence[Iterable[Term | None]], memory: Memory) -> Asking[Placed]:
    """Choose a free token for each row under each of its terms; None is for a random one, which hides how many terms a row has."""
    distinct = [list(dict.fromkeys(term for term in row if term is not None)) for row in rows]
    hidden = [sum(term is None for term in row) for row in rows]
    placing = {term: _Placing(term, count, memory) for term, count in Counter(term for row in distinct for term in row).items()}
    waiting = list(placing.values())
    while waiting:
        there = yield [token for one in waiting for token in one.ask()]
        waiting = [one for one in waiting if not one.tell(there)]
    tokens = [
        [placing[term].found.pop() for term in row] + [secrets.randbits(64) & TOKEN_MASK for _ in range(count)]
        for row, count in zip(distinct, hidden, strict=True)
    ]
    return Placed(tokens, [mark for one in placing.values() for mark in one.marks])


def list_tokens(terms: Iterable[Term], memory: Memory) -> Asking[list[int]]:
    """Return every token that a row with one of the terms may have.

    Raises:
        TooManyTokens: there are more than one search may list.
    """
    walks = {term: _Walk(term, memory.growth(term)) for term in terms}
    waiting = list(walks.values())
    while waiting:
        there = yield [mark for one in waiting for mark in one.ask()]
        waiting = [one for one in waiting if not one.tell(there)]
    if sum(blocks(walk.growth) for walk in walks.values()) * BLOCK > MOST_TOKENS:
        message = f"The search would look at more than {MOST_TOKENS} index entries: search for something less common."
        raise TooManyTokens(message)
    found: list[int] = []
    for term, walk in walks.items():
        memory.saw(term, walk.growth)
        for number in range(blocks(walk.growth)):
            found += term.block(number)
    return found


def answer(asking: Asking[T], look_up: Callable[[list[int]], Collection[int]]) -> T:
    """Run `place` or `list_tokens`; `look_up` returns those of some tokens that are in the index."""
    try:
        asked = next(asking)
        while True:
            asked = asking.send(look_up(asked))
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


async def answer_async(asking: Asking[T], look_up: Callable[[list[int]], Awaitable[Collection[int]]]) -> T:
    """Run `place` or `list_tokens`; `look_up` returns those of some tokens that are in the index."""
    try:
        asked = next(asking)
        while True:
            asked = asking.send(await look_up(asked))
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


class _Walk:
    """Learns how often a value has grown, from where it was last seen. Marks have no gaps: a writer has seen those below its own."""

    def __init__(self, term: Term, growth: int) -> None:
        self._term = term
        self._believed = growth
        self._from = max(0, growth - 1) // PAGE
        self._to = self._from + 1
        self.growth = growth

    def ask(self) -> list[int]:
        return [mark for page in range(self._from, self._to) for mark in self._term.marks(page)]

    def tell(self, there: Collection[int]) -> bool:
        """Take what is there; return whether all is known."""
        if self._believed and self._term.mark(self._believed) not in there:  # the index was emptied or restored meanwhile
            self._believed, self._from, self._to = 0, 0, 1
            return False
        self._believed = 0
        self.growth = max((at for at, mark in enumerate(self.ask(), self._from * PAGE + 1) if mark in there), default=self._from * PAGE)
        if self.growth < self._to * PAGE:
            return True
        self._from, self._to = self._to, self._to + 2 * (self._to - self._from)
        return False


class _Placing:
    """Finds tokens for rows under one term: in the newest block, then in older ones and among the marks, then in blocks of its own."""

    def __init__(self, term: Term, count: int, memory: Memory) -> None:
        self._term = term
        self._missing = count
        self._memory = memory
        self._walk: _Walk | None = None
        self._offered: list[int] = []
        self._begin(memory.growth(term))
        self.found: list[int] = []
        self.marks: list[int] = []

    def ask(self) -> list[int]:
        if self._walk is not None:
            return self._offered + self._walk.ask()
        return [*self._offered, self._term.mark(self._growth)] if self._growth else self._offered

    def tell(self, there: Collection[int]) -> bool:
        """Take what is there; return whether every row has its token."""
        if self._walk is None:
            if self._growth and self._term.mark(self._growth) not in there:
                self._begin(0)
                return False
            self._take(self._offered, there)
            self._walk = _Walk(self._term, self._growth)
            self._offered = [token for number in self._some(0, blocks(self._growth), TRIES) for token in self._term.block(number)]
        elif self._walk.tell(there):
            if self._walk.growth != self._growth:
                self._begin(self._walk.growth)
                return False
            self._take(self._offered, there)
            self._grow()
        return not self._missing

    def _begin(self, growth: int) -> None:
        self._memory.saw(self._term, growth)
        self._growth = growth
        self._walk = None
        self._offered = [token for number in self._some(*_newest(growth), 1) for token in self._term.block(number)]

    def _grow(self) -> None:
        growth = self._growth
        while self._missing:
            growth += 1
            self.marks.append(self._term.mark(growth))
            for number in self._some(*_newest(growth), self._missing):
                self._take(self._term.block(number), ())

    def _take(self, tokens: Iterable[int], there: Collection[int]) -> None:
        taken = self._memory.take(tokens, there, self._missing)
        self.found += taken
        self._missing -= len(taken)

    @staticmethod
    def _some(first: int, end: int, most: int) -> list[int]:
        """Return up to so many different blocks at random."""
        return secrets.SystemRandom().sample(range(first, end), min(most, end - first))


def _newest(growth: int) -> tuple[int, int]:
    return blocks(growth - 1) if growth else 0, blocks(growth)
