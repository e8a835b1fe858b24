"""How deep JSON is nested, measured without a stack, before anything reads it that has one."""

from __future__ import annotations

from itertools import accumulate

MAX_DEPTH = 64
"""Objects and arrays inside one another; real resources stay below 20."""

_OPEN = ord("(")
_FOLD = bytes.maketrans(b"{[}]", b"(())")
_OTHER = bytes(set(range(256)) - set(b'{[}]"'))


def deeper_than(data: bytes, limit: int) -> bool:
    """Whether JSON is nested deeper than ``limit`` levels; also true when its brackets do not pair, so look again."""
    if data.count(b"{") + data.count(b"[") <= limit:
        return False
    brackets = _brackets(data)
    for _ in range(limit):
        if not brackets:
            return False
        brackets = brackets.replace(b"()", b"")  # takes away the innermost level
    return bool(brackets)


def depth(data: bytes) -> int:
    """The deepest level of a text that may not be JSON at all."""
    return max(accumulate(1 if bracket == _OPEN else -1 for bracket in _brackets(data)), default=0)


def _brackets(data: bytes) -> bytes:
    """The brackets outside of strings, round ones for both kinds."""
    if b"\\" in data:  # pairs first: in \\" the quotation mark ends the string, in \\\" it does not
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    signs = data.translate(_FOLD, _OTHER).replace(b'""', b"")  # two marks side by side change neither inside nor outside
    return b"".join(signs.split(b'"')[::2])
