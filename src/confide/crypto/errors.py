"""What can go wrong with bytes."""

from __future__ import annotations

from typing import ClassVar

from confide.values.errors import ConfideError


class CryptoError(ConfideError):
    """A cryptographic operation was refused."""

    code: ClassVar[str] = "crypto.error"


class NotAnEnvelope(CryptoError):
    """The value does not start as an envelope of a known version, suite and flags."""

    code: ClassVar[str] = "crypto.not-an-envelope"


class DoesNotOpen(CryptoError):
    """The key, the context or the bytes are not those that were sealed."""

    code: ClassVar[str] = "crypto.does-not-open"
