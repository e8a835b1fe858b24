"""The one broker: nothing sealed under a person's key opens but through here, with a permit.

Whoever calls owes the audit trail an event, durable before any byte leaves; `records` submits both together.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from confide.crypto.stream import OpeningStream
    from confide.keys.hierarchy import Keyring
    from confide.values.ids import KeyRef
    from confide.values.permit import Permit
    from confide.values.place import Place

    Opener = Callable[[Place, bytes], bytes]
    StreamOpener = Callable[[Place, bytes], OpeningStream]


async def opener(keyring: Keyring, permit: Permit, references: Iterable[KeyRef], now: int) -> Opener:
    """Return a function that opens values under the keys named by `references`, for this permit only."""
    await keyring.load(references, now)
    return loaded_opener(keyring, permit)


def loaded_opener(keyring: Keyring, permit: Permit) -> Opener:
    """Return a function that opens values for this permit, under keys that were loaded before; it may be called in any thread."""
    return partial(keyring.open, permit)  # cheaper to call than a function of our own


async def stream_opener(keyring: Keyring, permit: Permit, references: Sequence[KeyRef], now: int) -> StreamOpener:
    """Return the same for what is too large to be opened whole: a function from a place and an envelope's header to a stream."""
    await keyring.load(references, now)

    def unseal(place: Place, header: bytes) -> OpeningStream:
        return keyring.opening(permit, place, header)

    return unseal
