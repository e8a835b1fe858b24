"""Envelope v1, suite 2, as a stream: any size, a piece at a time, in constant memory.

What `DataKey.seal` sealed opens here and the other way round: both write the header, then one Cobblestone-256 message. That message is
a key commitment followed by segments of 16 KiB. Each has a tag of its own and its number in the nonce, and the last is always shorter
than the others, which is how the end is known (C2SP chunked-encryption). Hence what partial output is worth:

1. Nothing is returned whose tag was not checked. Bytes that were changed, moved, repeated or left out, and those of another file, key
   or context, never come out.
2. What comes out before `finish` is the true beginning of what was sealed, but maybe not all of it: that the end is missing, or that
   something was appended, shows in `finish` alone. Whoever uses a beginning must be ready to take it back.
3. Cobblestone may leave plaintext of a segment that failed its check in a caller's buffer; `update_into` overwrites it before it raises.

Cobblestone holds the interpreter lock while it works, about 0.15 ms for 1 MiB, so a thread of its own does not speed it up.
"""

from __future__ import annotations

from cryptography import cobblestone
from cryptography.exceptions import InvalidTag

from confide.crypto.errors import DoesNotOpen

Piece = bytes | bytearray | memoryview

SEGMENT_BYTES = 16 * 1024
TAG_BYTES = 16
PREAMBLE_BYTES = 56
"""Salt (24) and key commitment (32) in front of the first segment."""
UPDATE_BYTES = 1024 * 1024
"""How much to hand over at a time: large enough that calls cost nothing, small enough for a processor's cache (design: vault, Files)."""
ROOM_BYTES = UPDATE_BYTES // SEGMENT_BYTES * TAG_BYTES + PREAMBLE_BYTES
"""What `update_into` may need beyond `UPDATE_BYTES` for a piece of at most that length: what is kept back of earlier pieces is less
than a segment, so no more than 64 segments are complete at once."""


def message_length(plaintext: int) -> int:
    """Return the length of the Cobblestone message of so many bytes."""
    return PREAMBLE_BYTES + plaintext + TAG_BYTES * (plaintext // SEGMENT_BYTES + 1)


class SealingStream:
    """Seals one stream. `header` goes first, then what each `update` returns, then what `finish` returns."""

    __slots__ = ("_encryptor", "header")

    def __init__(self, key: bytes, header: bytes, context: bytes) -> None:
        """Take 32 bytes of key; `DataKey.sealing` calls this."""
        self.header = header
        self._encryptor = cobblestone.Cobblestone256Encryptor(key, header + context)

    def update(self, piece: Piece) -> bytes:
        """Return the next part of the envelope, which may be empty."""
        return self._encryptor.update(piece)

    def update_into(self, piece: Piece, out: bytearray | memoryview) -> int:
        """Write the next part into `out` and return its length; saves an allocation, which costs as much as the encryption."""
        return self._encryptor.update_into(piece, out)

    def finish(self) -> bytes:
        """Return the last part; without it the stream does not open."""
        return self._encryptor.finalize()


class OpeningStream:
    """Opens one stream, from behind its header. See the module for what partial output is worth."""

    __slots__ = ("_decryptor",)

    def __init__(self, key: bytes, header: bytes, context: bytes) -> None:
        """Take 32 bytes of key; `DataKey.opening` calls this."""
        self._decryptor = cobblestone.Cobblestone256Decryptor(key, header + context)

    def update(self, piece: Piece) -> bytes:
        """Return the plaintext of the segments that are complete and authentic by now.

        Raises:
            DoesNotOpen: changed, moved, or sealed elsewhere; the stream is of no further use.
        """
        try:
            return self._decryptor.update(piece)
        except InvalidTag:
            raise _refusal() from None

    def update_into(self, piece: Piece, out: bytearray | memoryview) -> int:
        """Write that plaintext into `out` and return its length.

        Raises:
            DoesNotOpen: as `update`; `out` holds zeros then.
        """
        try:
            return self._decryptor.update_into(piece, out)
        except InvalidTag:
            room = memoryview(out).cast("B")
            room[:] = bytes(len(room))
            raise _refusal() from None

    def finish(self) -> bytes:
        """Return the last plaintext; only now is it known that nothing is missing and nothing was appended.

        Raises:
            DoesNotOpen: cut off, continued, or changed.
        """
        try:
            return self._decryptor.finalize()
        except InvalidTag:
            raise _refusal() from None


def _refusal() -> DoesNotOpen:
    return DoesNotOpen("The stream does not open: it was changed or cut off, or it was sealed elsewhere.")
