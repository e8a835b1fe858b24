"""Envelope v1: the one format in which anything is sealed.

```
0   magic 0xE1 | suite (1 XAES-256-GCM, 2 Cobblestone-256) | flags (1 zstd, 2 padded) | dictionary id
4   key_ref: 8 random bytes, names one row of the key table
12  suite 1: nonce 24 | ciphertext | tag 16       suite 2: a Cobblestone-256 message
```

The associated data is the header followed by the length-prefixed context, so that a value moved to another row, column,
table, purpose class, subject or tenant does not open, nor one whose header was changed.
"""

from __future__ import annotations

import secrets
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from cryptography import cobblestone
from cryptography.exceptions import InvalidTag

from confide.crypto.errors import DoesNotOpen, NotAnEnvelope
from confide.crypto.stream import OpeningStream, SealingStream
from confide.crypto.xaes import NONCE_BYTES, TAG_BYTES, Xaes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from confide.values.ids import KeyRef

MAGIC = 0xE1
HEADER_BYTES = 12
KEY_REF_BYTES = 8


class Suite(IntEnum):
    """How the body is encrypted."""

    XAES_256_GCM = 1
    """52 bytes of overhead: hot cells, wrapped keys."""
    COBBLESTONE_256 = 2
    """84 bytes of overhead, key-committing, truncation-proof: documents and files."""


_SUITES = {int(suite): suite for suite in Suite}

FLAG_ZSTD = 1
FLAG_PADDED = 2
HALF_NONCE = NONCE_BYTES // 2
HALF_CELLS = 1 << 16
"""Cells whose nonces share their first half."""
_KNOWN_FLAGS = FLAG_ZSTD | FLAG_PADDED
_CELL_HEADERS = [bytes((MAGIC, Suite.XAES_256_GCM, flags, 0)) for flags in range(_KNOWN_FLAGS + 1)]
"""Of envelopes in suite 1, by flags."""
_HALF, _BODY = HEADER_BYTES + HALF_NONCE, HEADER_BYTES + NONCE_BYTES
SHORTEST = _BODY + TAG_BYTES
_CHANGED = "The value does not open: it was changed, or it was sealed elsewhere."
_NO_ENVELOPE = "The stored value is not an envelope: refuse it, and look at who wrote to the database."


class Header(NamedTuple):
    """The 12 bytes in the clear before every sealed body."""

    suite: Suite
    flags: int
    dictionary: int
    key_ref: KeyRef


def read_header(envelope: bytes) -> Header:
    """Return the header of an envelope.

    Raises:
        NotAnEnvelope: wrong magic, unknown suite or flags, or too short to hold a body.
    """
    if len(envelope) < SHORTEST:
        raise NotAnEnvelope(_NO_ENVELOPE)
    return parse_header(envelope[:HEADER_BYTES])


def key_ref_of(envelope: bytes) -> KeyRef:
    """Return the key reference of an envelope, without looking at the rest of its header.

    Raises:
        NotAnEnvelope: wrong magic, or too short to hold a body.
    """
    if len(envelope) < SHORTEST or envelope[0] != MAGIC:
        raise NotAnEnvelope(_NO_ENVELOPE)
    return envelope[4:HEADER_BYTES]  # type: ignore[return-value]  # KeyRef is bytes


def parse_header(header: bytes) -> Header:
    """Return what the first 12 bytes of an envelope say, as when the rest is still to come.

    Raises:
        NotAnEnvelope: wrong length or magic, unknown suite or flags.
    """
    if len(header) != HEADER_BYTES or header[0] != MAGIC:
        raise NotAnEnvelope(_NO_ENVELOPE)
    suite, flags = header[1], header[2]
    if suite not in _SUITES or flags & ~_KNOWN_FLAGS:
        message = "The stored envelope has an unknown suite or unknown flags: it was changed, or written by a later version."
        raise NotAnEnvelope(message)
    return Header(_SUITES[suite], flags, header[3], header[4:12])  # type: ignore[arg-type]  # KeyRef is bytes


class _Sealing:
    """The first half of the nonces of cells, what seals under it, and what envelopes begin with: by flags, without and with that half."""

    __slots__ = ("begin", "encrypt", "left")

    def __init__(self, headers: Sequence[bytes], half: bytes, encrypt: Callable[[bytes, bytes, bytes], bytes], left: int) -> None:
        self.begin = [(header, header + half) for header in headers]
        self.encrypt, self.left = encrypt, left


class DataKey:
    """An opened data encryption key: seals and opens envelopes that carry its reference."""

    __slots__ = ("_headers", "_key", "_sealing", "_xaes", "key_ref")

    def __init__(self, key_ref: KeyRef, key: bytes | bytearray) -> None:
        """Take 8 bytes of reference and 32 bytes of key; the caller wipes its own buffer."""
        self.key_ref = key_ref
        self._headers = [header + key_ref for header in _CELL_HEADERS]
        # Cobblestone wants the key with every message, so it stays in memory as long as this context is cached.
        self._key = bytes(key)
        self._xaes = Xaes(key)
        self._sealing: _Sealing | None = None

    def __repr__(self) -> str:
        """Return a form without the key."""
        return "DataKey(…)"

    def __reduce__(self) -> tuple[object, ...]:
        """Refuse to be pickled: a key must not leave the process."""
        message = "a data encryption key cannot be pickled"
        raise TypeError(message)

    def seal(self, suite: Suite, context: bytes, plaintext: bytes, *, flags: int = 0, dictionary: int = 0) -> bytes:
        """Return the envelope of `plaintext`, bound to `context` (see `values.place`)."""
        header = bytes((MAGIC, suite, flags, dictionary)) + self.key_ref
        if suite is Suite.XAES_256_GCM:
            nonce = secrets.token_bytes(NONCE_BYTES)
            return header + nonce + self._xaes.seal(nonce, plaintext, header + context)
        encryptor = cobblestone.Cobblestone256Encryptor(self._key, header + context)
        return header + encryptor.update(plaintext) + encryptor.finalize()

    def seal_cells(self, cells: Sequence[tuple[bytes, bytes, int]]) -> list[bytes]:
        """Return the envelopes (suite 1) of several (context, plaintext, flags), such as the cells of a row.

        Their nonces, and those of the next cells, share a random first half, so that they share the key of their message, whose
        derivation costs more than all the rest. Within a half, 96 random bits tell the nonces apart, as AES-GCM itself does it; 2¹⁶
        cells meet with a probability of 2⁻⁶⁵.
        """
        sealing = self._sealing
        if sealing is None or sealing.left < len(cells):
            half = secrets.token_bytes(HALF_NONCE)
            sealing = self._sealing = _Sealing(self._headers, half, self._xaes.cipher(half).encrypt, HALF_CELLS)
        sealing.left -= len(cells)  # another thread may count at the same time: a few cells more do no harm
        begin, encrypt = sealing.begin, sealing.encrypt
        entropy, found, at = secrets.token_bytes(HALF_NONCE * len(cells)), [], 0
        for context, plaintext, flags in cells:
            header, beginning = begin[flags]
            other = entropy[at : at + HALF_NONCE]
            found.append(beginning + other + encrypt(other, plaintext, header + context))
            at += HALF_NONCE
        return found

    def open(self, context: bytes, envelope: bytes) -> bytes:
        """Return what was sealed.

        Raises:
            NotAnEnvelope: the value has no envelope header.
            DoesNotOpen: another key, row, column, table, class, subject or tenant; or a changed byte.
        """
        header = envelope[:HEADER_BYTES]
        if header in self._headers and len(envelope) >= SHORTEST:
            try:
                return self._xaes.cipher(envelope[HEADER_BYTES:_HALF]).decrypt(envelope[_HALF:_BODY], envelope[_BODY:], header + context)
            except InvalidTag:
                raise DoesNotOpen(_CHANGED) from None
        if read_header(envelope).key_ref != self.key_ref:
            message = "The value does not open: it names another key."
            raise DoesNotOpen(message)
        try:
            decryptor = cobblestone.Cobblestone256Decryptor(self._key, header + context)
            return decryptor.update(envelope[HEADER_BYTES:]) + decryptor.finalize()
        except (InvalidTag, ValueError):
            raise DoesNotOpen(_CHANGED) from None

    def sealing(self, context: bytes) -> SealingStream:
        """Return a stream that seals in suite 2 what is too large to be held whole."""
        header = bytes((MAGIC, Suite.COBBLESTONE_256, 0, 0)) + self.key_ref
        return SealingStream(self._key, header, context)

    def opening(self, context: bytes, header: bytes) -> OpeningStream:
        """Return a stream that opens what follows a header of suite 2.

        Raises:
            NotAnEnvelope: no header, or one of a suite that has no streams.
            DoesNotOpen: it names another key.
        """
        parsed = parse_header(header)
        if parsed.suite is not Suite.COBBLESTONE_256:
            message = "The stored envelope is of a suite that opens whole, not as a stream."
            raise NotAnEnvelope(message)
        if parsed.key_ref != self.key_ref:
            message = "The value does not open: it names another key."
            raise DoesNotOpen(message)
        return OpeningStream(self._key, header, context)
