"""The key of one slot, where this process holds it itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.crypto.envelope import DataKey, Suite
from confide.crypto.errors import DoesNotOpen, NotAnEnvelope
from confide.crypto.random import KEY_BYTES, new_key, new_key_ref, wipe
from confide.keys.providers.unseen import Unseen
from confide.values.ids import KeyRef

if TYPE_CHECKING:
    from typing import Self

REF_BYTES = 8
SECRET_BYTES = REF_BYTES + KEY_BYTES


class SlotKey(Unseen):
    """A reference of 8 random bytes, by which a wrapped key names what wrapped it, and 32 bytes of key."""

    __slots__ = ("_key", "secret")

    def __init__(self, secret: bytes) -> None:
        """Take the reference and the key, 40 bytes together."""
        if len(secret) != SECRET_BYTES:
            message = "the key of a slot has 40 bytes"
            raise ValueError(message)
        self.secret = secret
        self._key = DataKey(KeyRef(secret[:REF_BYTES]), secret[REF_BYTES:])

    @classmethod
    def fresh(cls) -> Self:
        """Return a key from the operating system's generator."""
        key = new_key()
        made = cls(bytes(new_key_ref()) + key)
        wipe(key)
        return made

    def seal(self, context: bytes, plaintext: bytes) -> bytes:
        """Return `plaintext` sealed under this key and bound to a context."""
        return self._key.seal(Suite.XAES_256_GCM, context, plaintext)

    def open(self, context: bytes, sealed: bytes) -> bytes:
        """Return what was sealed.

        Raises:
            DoesNotOpen: another key or context, or changed bytes.
        """
        try:
            return self._key.open(context, sealed)
        except NotAnEnvelope:
            message = "The wrapped key does not open: these are not the bytes of a wrapped key."
            raise DoesNotOpen(message) from None
