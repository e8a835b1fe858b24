"""What may hold the keys above all others: a key file, a passphrase, a server, a cloud, a module."""

from __future__ import annotations

from typing import Protocol


class Provider(Protocol):
    """Named slots ("root-1", "root-2", "epoch-7") and nothing else; each holds one key that never leaves the provider.

    Synchronous, and safe to call from several threads. Each call ends within the time that the provider's settings state; whoever
    calls from an event loop uses a thread and a deadline. Every call may raise:

    - `ProviderUnavailable`: down, or it did not answer in time; nothing is known to have changed, and a later call may work.
    - `ProviderRefused`: credentials, policy or settings stand in the way; the message says what to do.
    """

    name: str
    """What people call it: "key file", "OpenBao", …"""

    durable: bool
    """Whether its keys survive the loss of this machine."""

    destruction_seconds: int
    """How long after `destroy` a slot may still come back, in seconds (AWS KMS: at least 7 days)."""

    def make(self, slot: str) -> None:
        """Make the key of a slot; a slot that has one keeps it, so this may be repeated."""
        ...

    def wrap(self, slot: str, key: bytes | bytearray, context: bytes) -> bytes:
        """Return `key` sealed under the slot's key and bound to the slot and to `context`; the same arguments never give equal bytes.

        Raises:
            SlotMissing: the slot was destroyed or never made; it is not made now.
        """
        ...

    def unwrap(self, slot: str, wrapped: bytes, context: bytes) -> bytearray:
        """Return the key that was wrapped, in a buffer that the caller wipes.

        Raises:
            SlotMissing: the slot was destroyed or never made.
            DoesNotOpen: wrapped under another slot or context, or not these bytes.
        """
        ...

    def destroy(self, slot: str) -> None:
        """Destroy the key of a slot for good, so that nothing opens that was wrapped under it; may be repeated."""
        ...

    def slots(self) -> frozenset[str]:
        """Return the slots that have a living key."""
        ...

    def probe(self) -> None:
        """Return if the provider can be used now."""
        ...
