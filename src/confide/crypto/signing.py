"""Ed25519 (RFC 8032): signatures over what must not change."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SEED_BYTES = 32


class SigningKey:
    """A private key that signs and never shows itself."""

    __slots__ = ("_key",)

    def __init__(self, seed: bytes | bytearray) -> None:
        """Take 32 random bytes; the caller may wipe its buffer afterwards."""
        self._key = Ed25519PrivateKey.from_private_bytes(bytes(seed))

    def __repr__(self) -> str:
        """Return a form without the key."""
        return "SigningKey(…)"

    def __reduce__(self) -> tuple[object, ...]:
        """Refuse to be pickled."""
        message = "a signing key cannot be pickled"
        raise TypeError(message)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of a message."""
        return self._key.sign(message)

    def public(self) -> bytes:
        """Return the 32 bytes of the public key."""
        return self._key.public_key().public_bytes_raw()


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature belongs to a message and a public key."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
