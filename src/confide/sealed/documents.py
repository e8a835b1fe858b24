"""Documents: compressed, then sealed, bound to the row of one version.

A document alone is too short to compress well, so all share a dictionary: the form of FHIR resources, and nothing of anybody's
(`tools/train_dictionary.py`). Its number stands in the envelope, and under a number there are the same bytes for ever.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import zstandard

from confide.crypto.envelope import FLAG_ZSTD, Suite, read_header
from confide.sealed.errors import DocumentTooLarge, NotADocument

if TYPE_CHECKING:
    from collections.abc import Callable

    from confide.crypto.envelope import DataKey
    from confide.values.place import Place

LEVEL = 3
"""zstd's own default: beyond it, CPU doubles for a few per cent of size."""
MAX_BYTES = 64 * 1024 * 1024
"""Largest document that opens; a length in a stored frame is not to be trusted with more memory than this."""
NO_DICTIONARY, DICTIONARY = 0, 1
"""What was sealed before there was one opens as well."""

_NO_DOCUMENT = "The stored value opens, but it is no document of this version: it was written by a later version, or by mistake."

_SHARED = zstandard.ZstdCompressionDict(Path(__file__).with_name("dictionaries").joinpath(f"{DICTIONARY}.zdict").read_bytes())
_SHARED.precompute_compress(level=LEVEL)


class _Engines(threading.local):
    """Those of one thread: two threads in one of zstandard's objects spoil each other's work."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=LEVEL, dict_data=_SHARED, write_content_size=True, write_dict_id=False)
        self.decompressors = {NO_DICTIONARY: zstandard.ZstdDecompressor(), DICTIONARY: zstandard.ZstdDecompressor(dict_data=_SHARED)}


_ENGINES = _Engines()


def seal(key: DataKey, place: Place, plaintext: bytes) -> bytes:
    """Return the envelope of a document.

    Raises:
        DocumentTooLarge: it has more than 64 MiB.
    """
    if len(plaintext) > MAX_BYTES:
        message = "The document is larger than the 64 MiB that are stored in one piece: divide what it holds."
        raise DocumentTooLarge(message)
    compressed = _ENGINES.compressor.compress(plaintext)
    return key.seal(Suite.COBBLESTONE_256, place.context(), compressed, flags=FLAG_ZSTD, dictionary=DICTIONARY)


def unseal(opener: Callable[[Place, bytes], bytes], place: Place, envelope: bytes) -> bytes:
    """Return the document.

    Raises:
        CryptoError: the envelope is not at home in `place`, or was changed.
        NotADocument: it opens, and holds another form of content, or a frame that lies about its size.
    """
    header = read_header(envelope)
    content = opener(place, envelope)
    # Only after it opened is the header known to be what was sealed.
    decompressor = _ENGINES.decompressors.get(header.dictionary)
    if header.flags != FLAG_ZSTD or decompressor is None:
        raise NotADocument(_NO_DOCUMENT)
    try:
        if not 0 <= zstandard.frame_content_size(content) <= MAX_BYTES:
            raise NotADocument(_NO_DOCUMENT)
        return decompressor.decompress(content, allow_extra_data=False)
    except zstandard.ZstdError:
        raise NotADocument(_NO_DOCUMENT) from None
