"""Keys from keys, and blind tokens from values."""

from __future__ import annotations

import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TOKEN_MASK = (1 << 63) - 1
"""Tokens fit a signed 64-bit integer column, which halves index size and CPU against 16-byte blobs."""


_EIGHT = struct.Struct(">8Q").unpack


def derive(key: bytes, label: bytes, length: int = 32) -> bytes:
    """Return HKDF-SHA256 (RFC 5869) of a uniformly random key under a label; no salt is needed for such a key."""
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=label).derive(key)


class BlindField:
    """The keyed hash of one search field: equal values give equal tokens, and nothing else is told."""

    __slots__ = ("_keyed", "_wide")

    def __init__(self, key: bytes) -> None:
        """Take the 32-byte key of one field."""
        # Half the time of the standard library's: its copies go through an object of Python's.
        self._keyed = HMAC(key, hashes.SHA256())
        self._wide = HMAC(derive(key, b"wide", 64), hashes.SHA512())

    def __repr__(self) -> str:
        """Return a form without the key."""
        return "BlindField(…)"

    def digest(self, value: bytes) -> bytes:
        """Return the 32-byte HMAC-SHA256 of `value`."""
        keyed = self._keyed.copy()
        keyed.update(value)
        return keyed.finalize()

    def token(self, value: bytes) -> int:
        """Return a 63-bit token of `value`, never negative."""
        return int.from_bytes(self.digest(value)[:8], "big") & TOKEN_MASK

    def eight(self, value: bytes) -> tuple[int, ...]:
        """Return eight 63-bit tokens of `value`, never negative: its HMAC-SHA512 under a key of their own, in parts."""
        keyed = self._wide.copy()
        keyed.update(value)
        return tuple([part & TOKEN_MASK for part in _EIGHT(keyed.finalize())])
