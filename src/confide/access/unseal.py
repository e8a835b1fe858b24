"""The one broker: nothing sealed under a person's key opens but through here, with a permit.

Whoever calls owes the audit trail an event, durable before any byte leaves; `records` submits both together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from confide.keys.hierarchy import Keyring
    from confide.values.ids import KeyRef
    from confide.values.permit import Permit
    from confide.values.place import Place

    Opener = Callable[[Place, bytes], bytes]


async def opener(keyring: Keyring, permit: Permit, references: Sequence[KeyRef], now: int) -> Opener:
    """Return a function that opens values under the keys named by `references`, for this permit only."""
    await keyring.load(references, now)

    def unseal(place: Place, envelope: bytes) -> bytes:
        return keyring.open(permit, place, envelope)

    return unseal
