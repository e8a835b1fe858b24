"""Padding, so that a stored length tells little: to the next multiple of 16 bytes, by ISO/IEC 7816-4 (0x80, then zeros)."""

from __future__ import annotations

BLOCK = 16
_FILL = tuple(b"\x80" + bytes(BLOCK - 1 - length) for length in range(BLOCK))


def pad(content: bytes) -> bytes:
    """Return content with 1 to 16 bytes behind it."""
    return content + _FILL[len(content) % BLOCK]


def unpad(padded: bytes) -> bytes:
    """Return what was padded; what comes here was authenticated, so its form is not in doubt."""
    return padded.rstrip(b"\x00")[:-1]
