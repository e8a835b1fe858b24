"""HKDF-SHA256 (RFC 5869) once more, from the standard library alone, to hold ours against."""

from __future__ import annotations

import hashlib
import hmac

LONGEST = 255 * 32
"""Section 2.3: L is at most 255 times the length of a hash."""


def hkdf(key: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """Extract, then expand."""
    pseudorandom = hmac.digest(salt or bytes(32), key, hashlib.sha256)
    found, block = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(pseudorandom, block + info + bytes((counter,)), hashlib.sha256)
        found += block
    return found[:length]
