"""Rewrapping data keys, as a sweep does it between reading their rows from the key database and storing them again."""

from __future__ import annotations

import secrets
import statistics
import time
from typing import TYPE_CHECKING

from benchmarks.asked import Asked
from confide.crypto.envelope import DataKey
from confide.crypto.random import new_key, new_key_ref
from confide.keys import wraps
from confide.keys.wraps import DEK, KeyRow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Rewrap = Callable[[KeyRow], KeyRow]

KEYS, ROUNDS, PROCESSES = 20_000, 9, 50
ASKED = 100_000.0
EPOCH, KEK = "into the next epoch", "under the next KEK"
SWEPT, SINGLE = "as one process wrapped them", f"as {PROCESSES} processes made them, one at a time"


class _Secrets:
    """A KEK and an epoch with their successors, as any number of processes hold them."""

    def __init__(self) -> None:
        self.keys = [(new_key_ref(), bytes(new_key())) for _ in range(4)]

    def opened(self) -> list[DataKey]:
        """Return KEK, epoch, next KEK and next epoch, as a process opens them."""
        return [DataKey(key_ref, key) for key_ref, key in self.keys]


def measure(keys: int = KEYS, rounds: int = ROUNDS) -> dict[tuple[str, str], float]:
    """Return the keys that are rewrapped in a second of CPU, by what is renewed and by how the wraps came to be."""
    held = _Secrets()
    kek, epoch, next_kek, next_epoch = held.opened()
    processes = [held.opened()[:2] for _ in range(PROCESSES)]
    rows = {
        SWEPT: [_made(kek, epoch) for _ in range(keys)],
        SINGLE: [_made(*secrets.choice(processes)) for _ in range(keys)],
    }
    works: dict[str, Rewrap] = {
        EPOCH: lambda row: wraps.into_epoch(row, epoch, next_epoch, 2),
        KEK: lambda row: wraps.under_kek(row, kek, next_kek, 2, epoch),
    }
    _check(rows[SINGLE][0], works, held)
    spent: dict[tuple[str, str], list[float]] = {(what, how): [] for what in works for how in rows}
    for _ in range(rounds):
        for (what, how), seconds in spent.items():
            seconds.append(_seconds(works[what], rows[how]))
    return {one: keys / statistics.median(seconds) for one, seconds in spent.items()}


def _made(kek: DataKey, epoch: DataKey) -> KeyRow:
    row = KeyRow(new_key_ref(), 1, DEK, secrets.token_bytes(16), b"care", 1, 1, 1, b"", 0)
    return wraps.wrap(row, kek, epoch, new_key())


def _check(row: KeyRow, works: Mapping[str, Rewrap], held: _Secrets) -> None:
    """Stop where what is measured does not do its work."""
    kek, epoch, next_kek, next_epoch = held.opened()
    key = wraps.unwrap(row, kek, epoch)
    assert wraps.unwrap(works[EPOCH](row), kek, next_epoch) == wraps.unwrap(works[KEK](row), next_kek, epoch) == key


def _seconds(work: Rewrap, rows: Sequence[KeyRow]) -> float:
    before = time.process_time()
    for row in rows:
        work(row)
    return time.process_time() - before


def report(found: Mapping[tuple[str, str], float]) -> list[Asked]:
    """Print the figures, and return what is asked of them."""
    print(f"\n{'Data keys rewrapped, before the database':<62}{'a CPU-second':>14}")
    for (what, how), rate in found.items():
        print(f"{f'{what}, {how}':<62}{rate:14,.0f}")
    return asked(found)


def asked(found: Mapping[tuple[str, str], float]) -> list[Asked]:
    """Return what is asked of each rate."""
    return [Asked(f"rewrap: keys {what}, {how}", rate, ASKED) for (what, how), rate in found.items()]
