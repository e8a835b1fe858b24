"""What a process remembers of an index of salted tokens, so that it asks less."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import TypeVar

    from confide.sealed.terms import Term

    T = TypeVar("T")

SIZE = 1 << 16
"""Entries of each kind: about 8 MiB."""


class Memory:
    """How often values had grown, and which tokens were given away and may not be stored yet.

    It is never relied on: marks are looked up again, so an index that was emptied or restored meanwhile is noticed, and a token that
    was forgotten too soon may be given twice, which shows two rows to be alike and breaks nothing. It holds no value.
    """

    def __init__(self, size: int = SIZE) -> None:
        """Remember at most `size` of each."""
        self._size = size
        self._grown: OrderedDict[int, int] = OrderedDict()
        self._given: OrderedDict[int, None] = OrderedDict()

    def growth(self, term: Term) -> int:
        """Return how often a value had grown when it was last looked at."""
        return self._grown.get(hash(term), 0)

    def saw(self, term: Term, growth: int) -> None:
        """Remember how often a value has grown; most never do, and are not remembered."""
        if growth:
            _keep(self._grown, hash(term), growth, self._size)
        else:
            self._grown.pop(hash(term), None)

    def take(self, tokens: Iterable[int], there: Collection[int], most: int) -> list[int]:
        """Return up to so many of the tokens at random that are neither in the index nor on their way there."""
        free = []
        for token in tokens:
            if token in there:
                self._given.pop(token, None)  # it has arrived, and is free again once its row is deleted
            elif token not in self._given:
                free.append(token)
        taken = secrets.SystemRandom().sample(free, min(most, len(free)))
        for token in taken:
            _keep(self._given, token, None, self._size)
        return taken


def _keep(kept: OrderedDict[int, T], key: int, value: T, size: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > size:
        kept.popitem(last=False)
