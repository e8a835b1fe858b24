"""Documents: compressed, then sealed, bound to the row of one version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import zstandard

from confide.crypto.envelope import FLAG_ZSTD, Suite, read_header
from confide.sealed.errors import DocumentTooLarge

if TYPE_CHECKING:
    from collections.abc import Callable

    from confide.crypto.envelope import DataKey
    from confide.values.place import Place

LEVEL = 3
"""zstd's own default: beyond it, CPU doubles for a few per cent of size."""
MAX_BYTES = 64 * 1024 * 1024
"""Largest document that opens; a length in a stored frame is not to be trusted with more memory than this."""
NO_DICTIONARY = 0

_COMPRESSOR = zstandard.ZstdCompressor(level=LEVEL, write_content_size=True)
_DECOMPRESSOR = zstandard.ZstdDecompressor()


def seal(key: DataKey, place: Place, plaintext: bytes) -> bytes:
    """Return the envelope of a document."""
    compressed = _COMPRESSOR.compress(plaintext)
    return key.seal(Suite.COBBLESTONE_256, place.context(), compressed, flags=FLAG_ZSTD, dictionary=NO_DICTIONARY)


def unseal(opener: Callable[[Place, bytes], bytes], place: Place, envelope: bytes) -> bytes:
    """Return the document.

    Raises:
        CryptoError: the envelope is not at home in `place`, or was changed.
        DocumentTooLarge: the compressed frame claims more than 64 MiB.
    """
    flags = read_header(envelope).flags
    content = opener(place, envelope)
    if not flags & FLAG_ZSTD:
        return content
    if zstandard.frame_content_size(content) > MAX_BYTES:
        message = "The stored document is larger than any that this server stores."
        raise DocumentTooLarge(message)
    return _DECOMPRESSOR.decompress(content)
