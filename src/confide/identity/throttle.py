"""Slow down whoever guesses. Attempts are counted before the outcome is known, so that many at once gain nothing.

The counts live in the memory of this process. The library `limits` was looked at and left out: it reads the clock itself,
and its windows lock out where these waits only grow.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confide.identity.errors import TooManyAttempts

if TYPE_CHECKING:
    from collections.abc import Sequence

SECOND = 1_000_000
"""In the microseconds of `now`."""
REMEMBERED = 100_000
"""Counts kept at most, about 200 bytes each; the ones untouched for longest go first."""


@dataclass(frozen=True, slots=True)
class Limit:
    """After `free` failures each further attempt waits twice as long, from `first` to `longest` seconds; quiet for `forget` s clears it."""

    name: str
    free: int
    first: int
    longest: int
    forget: int

    def wait(self, failures: int) -> int:
        """Return the seconds that must pass after the last of so many failures."""
        over = failures - self.free
        return 0 if over < 0 else min(self.longest, self.first << min(over, 20))


PAIR = Limit("account and network", free=5, first=2, longest=900, forget=3_600)
ACCOUNT = Limit("account", free=20, first=1, longest=8, forget=3_600)
"""Short waits only: an attacker must not be able to lock someone out from elsewhere."""
NETWORK = Limit("network", free=50, first=1, longest=60, forget=900)
"""A hospital sits behind one address; success takes its attempt back."""
CODE = Limit("second factor", free=5, first=4, longest=900, forget=86_400)
"""Counted on its own: only someone with the right password gets this far."""
TICKET = Limit("ticket", free=5, first=4, longest=900, forget=3_600)

Counted = tuple[Limit, bytes]
"""A limit and whom it is counted for."""


@dataclass(slots=True)
class _Tally:
    failures: int
    last: int


class Throttle:
    """The counts of this process."""

    def __init__(self, size: int = REMEMBERED) -> None:
        """Remember at most `size` counts."""
        self._size = size
        self._tallies: OrderedDict[tuple[str, bytes], _Tally] = OrderedDict()

    def attempt(self, counted: Sequence[Counted], now: int) -> None:
        """Count an attempt under each limit, as a failure until `forgive` says otherwise.

        Raises:
            TooManyAttempts: one of the limits says wait; nothing is counted then, so waiting is enough.
        """
        wait = max(self._left(limit, whom, now) for limit, whom in counted)
        if wait > 0:
            raise TooManyAttempts(-(-wait // SECOND))
        for limit, whom in counted:
            tally = self._tallies.setdefault((limit.name, whom), _Tally(0, now))
            tally.failures, tally.last = tally.failures + 1, now
            self._tallies.move_to_end((limit.name, whom))
        while len(self._tallies) > self._size:
            self._tallies.popitem(last=False)

    def forgive(self, counted: Sequence[Counted]) -> None:
        """Take a success into account: counts of an account end, a network gets this one attempt back."""
        for limit, whom in counted:
            tally = self._tallies.get((limit.name, whom))
            if tally is None:
                continue
            tally.failures = tally.failures - 1 if limit is NETWORK else 0
            if tally.failures <= 0:
                del self._tallies[limit.name, whom]

    def _left(self, limit: Limit, whom: bytes, now: int) -> int:
        tally = self._tallies.get((limit.name, whom))
        if tally is None:
            return 0
        if now - tally.last > limit.forget * SECOND:
            del self._tallies[limit.name, whom]
            return 0
        wait = limit.wait(tally.failures) * SECOND
        return min(wait, tally.last + wait - now)  # never more than the wait itself, should the clock have been set back
