"""Password hashes with Argon2id (RFC 9106), made beside the event loop and only a few at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import argon2
from argon2.exceptions import VerifyMismatchError

from confide.identity.errors import TooManyAttempts
from confide.identity.rules import password_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash costs."""

    memory_kib: int
    passes: int
    lanes: int = 1


FLOOR = Cost(memory_kib=19_456, passes=2)
"""19 MiB, 2 passes: the least that the OWASP Password Storage Cheat Sheet takes for Argon2id."""
CALIBRATED = Cost(memory_kib=40_960, passes=2)
"""40 MiB, 2 passes: measured at 82 ms of CPU on a 2-core server; aim 50-100 ms. (64 MiB with one pass costs 92 ms.)"""
SALT_BYTES, HASH_BYTES = 16, 32
AT_ONCE = 2
"""Hashes at one time: 80 MiB at most, and one core is left for everyone else on the smallest server."""
WAITING = 40
"""More callers than this in the queue (about two seconds of it) are turned away at once."""


class Passwords:
    """Makes and checks hashes; one for the whole application, so that its limits hold for the whole application."""

    def __init__(self, cost: Cost = CALIBRATED) -> None:
        """Refuse a cost below the floor."""
        if cost.memory_kib < FLOOR.memory_kib or cost.passes < FLOOR.passes:
            message = "the cost of a password hash is below the floor of 19 MiB and 2 passes"
            raise ValueError(message)
        self._hasher = argon2.PasswordHasher(
            time_cost=cost.passes,
            memory_cost=cost.memory_kib,
            parallelism=cost.lanes,
            hash_len=HASH_BYTES,
            salt_len=SALT_BYTES,
            type=argon2.Type.ID,
        )
        self._places = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def hash(self, password: str) -> bytes:
        """Return the encoded hash of a password, with its salt and cost.

        Raises:
            TooManyAttempts: too many callers wait already.
        """
        return await self._beside(lambda: self._hasher.hash(password_bytes(password)).encode())

    async def matches(self, encoded: bytes, password: str) -> bool:
        """Tell whether a password has this hash; as costly when it has not.

        Raises:
            TooManyAttempts: too many callers wait already.
        """
        return await self._beside(lambda: self._verify(encoded, password))

    def _verify(self, encoded: bytes, password: str) -> bool:
        try:
            return self._hasher.verify(encoded, password_bytes(password))
        except VerifyMismatchError:
            return False

    async def _beside(self, work: Callable[[], _Result]) -> _Result:
        if self._waiting >= WAITING:
            raise TooManyAttempts(seconds=2)
        self._waiting += 1
        try:
            async with self._places:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1
