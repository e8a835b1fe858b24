"""Opened keys at hand: what is in memory is used in the thread that asks, and only what is missing is fetched in the vault's thread."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from confide.adopt.parts import clock
from confide.crypto.envelope import HEADER_BYTES, key_ref_of
from confide.values.purpose import PurposeClass

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from confide.adopt.parts import Parts
    from confide.crypto.envelope import DataKey
    from confide.values.ids import KeyRef, SubjectId, TenantId

    Identity = tuple[TenantId, SubjectId, bytes]
    """Tenant, person, value of the purpose class: an Enum as part of a key would be hashed in Python."""

T = TypeVar("T")

REMEMBERED = 10_000
"""Keys whose freshness is remembered; then all are looked up again."""
_REF = slice(4, HEADER_BYTES)


class Run(Protocol):
    """Runs work in the vault's thread and waits for it."""

    def __call__(self, work: Callable[[Parts], Coroutine[Any, Any, T]]) -> T:
        """Return what the work returns."""
        ...


class RunAsync(Protocol):
    """Runs work in the vault's thread while an event loop goes on."""

    async def __call__(self, work: Callable[[Parts], Coroutine[Any, Any, T]]) -> T:
        """Return what the work returns."""
        ...


class Keys:
    """What a process knows of its keyring."""

    def __init__(self, run: Run, run_async: RunAsync, seconds: float) -> None:
        """Take a key's word for so many seconds; then it is looked up again."""
        self._run, self._run_async, self._seconds = run, run_async, seconds
        self.loaded: dict[bytes, float] = {}
        """Until when the key of a reference serves without being looked up again, by the clock of `time.monotonic`."""
        self._sealing: dict[Identity, tuple[DataKey, float]] = {}

    def sealing(self, identities: Iterable[Identity], *, are_new: bool = False) -> dict[Identity, DataKey]:
        """Return the keys that new values are sealed under; those of new persons are made together, and are durable.

        `are_new` says that the persons came to be just now, so that no key of theirs needs to be looked for.
        """
        now, found, missing = time.monotonic(), {}, []
        for identity in dict.fromkeys(identities):
            known = self._sealing.get(identity)
            if known is not None and known[1] > now:
                found[identity] = known[0]
            else:
                missing.append(identity)
        if missing:
            if len(self._sealing) > REMEMBERED:
                self._sealing.clear()
            for identity, key in zip(missing, self._run(lambda parts: _sealers(parts, missing, are_new=are_new)), strict=True):
                found[identity] = key
                self._sealing[identity] = key, now + self._seconds
        return found

    def sealing_one(self, identity: Identity) -> DataKey:
        """Return the key of one person and purpose."""
        known = self._sealing.get(identity)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        return self.sealing([identity])[identity]

    def lack(self, envelope: bytes) -> bool:
        """Tell whether the key of an envelope has to be loaded before it opens."""
        return self.loaded.get(envelope[_REF], 0.0) <= time.monotonic()

    def load(self, envelopes: Iterable[bytes]) -> None:
        """Load the keys of envelopes that are missing, all at once.

        Raises:
            NotAnEnvelope: one of them is none.
        """
        missing = self._missing(envelopes)
        if missing:
            self._run(lambda parts: parts.keyring.load(missing, clock()))
            self._note(missing)

    async def load_async(self, envelopes: Iterable[bytes]) -> None:
        """Do the same while the event loop goes on."""
        missing = self._missing(envelopes)
        if missing:
            await self._run_async(lambda parts: parts.keyring.load(missing, clock()))
            self._note(missing)

    def forget(self, envelope: bytes) -> None:
        """Look the key of an envelope up again before it is next used."""
        self.loaded.pop(envelope[_REF], None)

    def forget_all(self) -> None:
        """Look every key up again, as after an erasure."""
        self.loaded.clear()
        self._sealing.clear()

    def _missing(self, envelopes: Iterable[bytes]) -> list[KeyRef]:
        now = time.monotonic()
        return [one for one in dict.fromkeys(key_ref_of(envelope) for envelope in envelopes) if self.loaded.get(one, 0.0) <= now]

    def _note(self, references: Iterable[KeyRef]) -> None:
        if len(self.loaded) > REMEMBERED:
            self.loaded.clear()
        self.loaded.update(dict.fromkeys(references, time.monotonic() + self._seconds))


async def _sealers(parts: Parts, identities: list[Identity], *, are_new: bool) -> list[DataKey]:
    now, sealer = clock(), parts.keyring.sealer
    found = (sealer(tenant, subject, PurposeClass(purpose), now, is_new=are_new) for tenant, subject, purpose in identities)
    return await asyncio.gather(*found)
