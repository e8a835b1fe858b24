"""Salted tokens: a stolen index shows neither which rows are alike nor how many.

Each row with a value has a token of its own, made from the value and a salt; a value has about as many salts as it has rows. Tokens come
in blocks of eight, each block one keyed hash. *Marks* tell how many blocks a value has: tokens that stand in the index without a row, so
nothing is counted anywhere, and a value of up to eight rows has none.

A writer takes a token that is free in the blocks there are, be it that a row was deleted, or else marks further blocks. A reader looks
which marks are there and lists every token. Both only need to know which of some tokens are in the index: they are generators that yield
tokens and are sent those that are there, by `answer` or `answer_async`, so one code serves every backend.

Two processes that index one value at the same moment may take one token: those two rows are then seen to be alike, and nothing breaks.
"""

from __future__ import annotations

import secrets
import struct
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from confide.crypto.derive import TOKEN_MASK
from confide.sealed.errors import TooManyTokens
from confide.sealed.placing import Placing, prepare
from confide.sealed.terms import BLOCK, blocks
from confide.sealed.walking import Walk

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
    from typing import TypeVar

    from confide.sealed.memory import Memory, Stock
    from confide.sealed.terms import Term

    T = TypeVar("T")
    Asking = Generator[list[int], set[int], T]
    """Yields tokens, is sent those that are in the index, returns a T."""

GLANCE = 2
"""Tokens of its first block that are looked up for a value of which nothing is known: most have one row or none."""
MOST_TOKENS = 250_000
"""Listed by one search: about a quarter of a second of work."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What rows add to the index."""

    tokens: list[list[int]]
    """For each row, to be stored with it."""
    marks: list[int]
    """To be stored without a row in the same transaction; a mark that is there already does no harm."""


def place(rows: Sequence[Sequence[Term | None]], memory: Memory) -> Asking[Placed]:
    """Choose a free token for each row under each of its terms; None is for a random one, which hides how many terms a row has."""
    distinct = [list(dict.fromkeys(row)) for row in rows]
    counted = Counter(term for term in chain.from_iterable(distinct) if term is not None)
    quick = _quick(counted, memory)
    slow = {term: Placing(term, count, memory) for term, count in counted.items() if term not in quick}
    found: dict[Term, list[int]] = {}
    marks: list[int] = []
    while quick or slow:
        asked = [token for _, offered, mark in quick.values() for token in (*offered, *mark)]
        there = yield asked + [token for one in slow.values() for token in one.ask()]
        for term, one in list(slow.items()):
            if one.tell(there):
                found[term] = one.found
                marks += one.marks
                del slow[term]
        for term, (stock, offered, mark) in quick.items():
            free = next((token for token in offered if token not in there), None)
            if free is not None and there.issuperset(mark):
                stock.give(free)
                found[term] = [free]
                prepare(term, stock)
            else:
                slow[term] = Placing(term, 1, memory)
        quick = {}
    return Placed([_tokens(found, terms, row) for terms, row in zip(distinct, rows, strict=True)], marks)


def _quick(counted: Counter[Term], memory: Memory) -> dict[Term, tuple[Stock, Sequence[int], Sequence[int]]]:
    """Return what to look up for a row of each value with nothing on its way: a token in stock and its mark, or some of the first block."""
    found: dict[Term, tuple[Stock, Sequence[int], Sequence[int]]] = {}
    for term, count in counted.items():
        stock = memory.stock(term)
        if count > 1 or stock.marks:
            continue
        if stock.free:
            found[term] = stock, stock.pop(1), () if stock.mark is None else (stock.mark,)
        elif stock.mark is None:
            found[term] = stock, [token for token in term.block(0)[:GLANCE] if token not in stock.given], ()
    return found


def _tokens(found: dict[Term, list[int]], terms: Iterable[Term | None], row: Sequence[Term | None]) -> list[int]:
    return [found[term].pop() for term in terms if term is not None] + _random(row.count(None))


def _random(count: int) -> list[int]:
    return [part & TOKEN_MASK for part in struct.unpack(f">{count}Q", secrets.token_bytes(8 * count))]


def list_tokens(terms: Iterable[Term], memory: Memory) -> Asking[list[int]]:
    """Return every token that a row with one of the terms may have.

    Raises:
        TooManyTokens: there are more than one search may list.
    """
    walks = {term: Walk(term, memory.stock(term)) for term in terms}
    waiting = list(walks.values())
    while waiting:
        there = yield [mark for one in waiting for mark in one.ask()]
        waiting = [one for one in waiting if not one.tell(there)]
    if sum(blocks(walk.growth) for walk in walks.values()) * BLOCK > MOST_TOKENS:
        message = f"The search would look at more than {MOST_TOKENS} index entries: search for something less common."
        raise TooManyTokens(message)
    found: list[int] = []
    for term, walk in walks.items():
        for number in range(blocks(walk.growth)):
            found += term.block(number)
    return found


def answer(asking: Asking[T], look_up: Callable[[list[int]], Iterable[int]]) -> T:
    """Run `place` or `list_tokens`; `look_up` returns those of some tokens that are in the index."""
    try:
        asked = next(asking)
        while True:
            asked = asking.send(set(look_up(asked)))
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


async def answer_async(asking: Asking[T], look_up: Callable[[list[int]], Awaitable[Iterable[int]]]) -> T:
    """Run `place` or `list_tokens`; `look_up` returns those of some tokens that are in the index."""
    try:
        asked = next(asking)
        while True:
            asked = asking.send(set(await look_up(asked)))
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
