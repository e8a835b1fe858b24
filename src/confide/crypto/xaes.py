"""XAES-256-GCM, a 256-bit key and a 192-bit nonce on plain AES-256-GCM.

Source: C2SP XAES-256-GCM (c2sp.org/XAES-256-GCM), built on the CMAC key derivation of NIST SP 800-108r1. The long nonce
is what lets a data encryption key seal any number of cells with nonces from the operating system.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from confide.crypto.errors import DoesNotOpen

KEY_BYTES = 32
NONCE_BYTES = 24
TAG_BYTES = 16
_REDUCTION = 0x87
"""The constant of the doubling in GF(2^128), NIST SP 800-38B section 5.3."""


class Xaes:
    """One key, ready to seal and open; building it costs two AES blocks, each message two more.

    The key of a message depends on the first half of its nonce only, so messages that share that half, as the cells of a row do, share
    the work. The last such key is kept as long as the key itself.
    """

    __slots__ = ("_blocks", "_k1", "_last")

    def __init__(self, key: bytes | bytearray) -> None:
        """Take 32 bytes of key; the caller may wipe its buffer afterwards."""
        # ECB of single blocks is the bare AES permutation, which is what CMAC is made of; no message is ever in ECB mode.
        self._blocks = Cipher(algorithms.AES256(bytes(key)), modes.ECB()).encryptor()  # noqa: S305 - see above
        doubled = int.from_bytes(self._blocks.update(bytes(16)), "big") << 1
        if doubled >> 128:
            doubled = (doubled & ((1 << 128) - 1)) ^ _REDUCTION
        self._k1 = doubled
        self._last: tuple[bytes, AESGCM] | None = None

    def _message_key(self, nonce: bytes) -> bytes:
        first = int.from_bytes(b"\x00\x01X\x00" + nonce[:12], "big") ^ self._k1
        second = int.from_bytes(b"\x00\x02X\x00" + nonce[:12], "big") ^ self._k1
        return self._blocks.update(first.to_bytes(16, "big") + second.to_bytes(16, "big"))

    def cipher(self, half: bytes) -> AESGCM:
        """Return what seals and opens messages whose nonces begin with 12 bytes, under the other 12."""
        last = self._last  # read once: another thread may set it meanwhile
        if last is not None and last[0] == half:
            return last[1]
        found = AESGCM(self._message_key(half))
        self._last = half, found
        return found

    def seal(self, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
        """Return ciphertext and tag; `nonce` is 24 bytes and never repeats under one key."""
        return self.cipher(nonce[:12]).encrypt(nonce[12:], plaintext, associated)

    def open(self, nonce: bytes, ciphertext: bytes, associated: bytes) -> bytes:
        """Return the plaintext.

        Raises:
            DoesNotOpen: another key, nonce, context or ciphertext.
        """
        try:
            return self.cipher(nonce[:12]).decrypt(nonce[12:], ciphertext, associated)
        except InvalidTag:
            message = "The value does not open: it was changed, or it was sealed elsewhere."
            raise DoesNotOpen(message) from None
