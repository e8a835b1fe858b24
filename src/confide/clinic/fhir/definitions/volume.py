"""How many values JSON holds, counted before anything reads it: each becomes an object in memory, many times the size of its text."""

from __future__ import annotations

MAX_VALUES = 131_072
"""In a resource. Real ones hold one for each 25 bytes or more, so one of 2 MiB stays below."""
MAX_BUNDLE_VALUES = 4_194_304
"""In a transaction, by the same measure for 64 MiB."""

_SIGNS = b'{[,"'
_OTHER = bytes(set(range(256)) - set(_SIGNS))


def more_than(data: bytes, limit: int) -> bool:
    """Whether JSON holds more values than ``limit``. Every value but the first stands behind a bracket or a comma."""
    if len(data) <= limit or data.count(b",") + data.count(b"[") + data.count(b"{") <= limit:
        return False
    if b"\\" in data:  # pairs first: in \\" the quotation mark ends the string, in \\\" it does not
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    signs = data.translate(None, _OTHER).replace(b'""', b"")  # two marks side by side change neither inside nor outside
    return sum(map(len, signs.split(b'"')[::2])) > limit
