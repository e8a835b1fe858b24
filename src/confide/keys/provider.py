"""What holds the keys that wrap all others: a file, a passphrase, a key management service, an HSM."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, TypeVar

from confide.keys.errors import ProviderUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

DEADLINE_SECONDS = 10
"""How long one call to a provider may take before it counts as down. Its own time-outs are shorter."""


class Provider(Protocol):
    """Holds keys in named slots (``root-1``, ``epoch-7``) and never gives one out. Synchronous: call it through `beside`."""

    name: str
    """For people: "key file", "OpenBao"."""
    durable: bool
    """Whether its keys survive the loss of this machine."""
    destruction_seconds: int
    """How long after `destroy` a slot may still come back (a cloud KMS keeps it for days)."""

    def make(self, slot: str) -> None:
        """Make a slot; one that is there stays as it is."""
        ...

    def wrap(self, slot: str, key: bytes | bytearray, context: bytes) -> bytes:
        """Return `key` wrapped under a slot, bound to `context`.

        Raises:
            SlotMissing, ProviderUnavailable, ProviderRefused
        """
        ...

    def unwrap(self, slot: str, wrapped: bytes, context: bytes) -> bytearray:
        """Return the key in a buffer that the caller wipes.

        Raises:
            DoesNotOpen: another slot or context, or changed bytes.
            SlotMissing, ProviderUnavailable, ProviderRefused
        """
        ...

    def destroy(self, slot: str) -> None:
        """Destroy a slot for ever; one that is not there is let pass."""
        ...

    def slots(self) -> frozenset[str]:
        """Return the living slots."""
        ...

    def probe(self) -> None:
        """Return if the provider answers and lets us in.

        Raises:
            ProviderUnavailable, ProviderRefused
        """
        ...


async def beside(call: Callable[[], T]) -> T:
    """Return what a call to a provider returns, made in a thread, so that the event loop goes on.

    Raises:
        ProviderUnavailable: no answer within the deadline.
    """
    try:
        return await asyncio.wait_for(asyncio.to_thread(call), DEADLINE_SECONDS)
    except TimeoutError:
        message = "The key provider does not answer: look at whether it runs and can be reached. Nothing was changed."
        raise ProviderUnavailable(message) from None
