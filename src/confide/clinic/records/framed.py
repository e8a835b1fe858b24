"""Documents whose large contents lie in files: which bytes of the JSON were moved out, and how they come back.

A document without files is stored as its JSON, which begins with a brace. One with files is stored as

```
0   0x01
1   number of marks, 2 bytes
3   marks of 30 bytes: offset 4 | form 1 | content 1 | file 16 | size 8
…   the JSON, in which `AAAA` stands at each offset
```

so that it is still valid FHIR for whoever searches or indexes it, and each file stands in its place byte for byte when it is shown.
All of it is sealed with the document; nothing that a client sends can be taken for a mark.
"""

from __future__ import annotations

import re
import struct
from binascii import Error, a2b_base64, b2a_base64
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from confide.clinic.records.errors import NotFramed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INLINE_BYTES = 64 * 1024
"""A string of base64 that is longer than this goes into a file: 48 KiB of content, above nearly all that is no picture or scan."""
STAND_IN = b"AAAA"
FRAMED = 1
_HEAD, _MARK = struct.Struct(">BH"), struct.Struct(">IBB16sQ")
_DATA = b'"data":"'
"""Attachment.data and Binary.data. A quotation mark in a string is written with a backslash, so that this is never part of one."""
_STRING_END = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*"')


class Form(IntEnum):
    """What a file holds of a JSON string."""

    DECODED = 0
    """The bytes whose base64 the string is."""
    TEXT = 1
    """The string as it is written: base64 with line breaks, say, which would not come back byte for byte."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a file belongs."""

    offset: int
    form: Form
    content: bool
    """Whether it is the content of a Binary, which is also served by itself."""
    file: bytes
    size: int
    """Bytes of the file."""

    def length(self) -> int:
        """Return how many bytes of JSON it gives."""
        return self.size if self.form is Form.TEXT else (self.size + 2) // 3 * 4


@dataclass(frozen=True, slots=True)
class Lifted:
    """Bytes that were moved out of a document."""

    mark: Mark
    data: bytes


def pack(text: bytes, marks: list[Mark]) -> bytes:
    """Return the stored form of a document with files."""
    packed = b"".join(_MARK.pack(one.offset, one.form, one.content, one.file, one.size) for one in marks)
    return _HEAD.pack(FRAMED, len(marks)) + packed + text


def unpack(stored: bytes) -> tuple[bytes, list[Mark]]:
    """Return the JSON of a stored document, and the marks of its files in the order of their offsets.

    Raises:
        NotFramed: it is in a form that this program does not know.
    """
    if stored[:1] != bytes((FRAMED,)):
        return stored, []
    try:
        _, count = _HEAD.unpack_from(stored)
        marks = [_mark(*_MARK.unpack_from(stored, _HEAD.size + at * _MARK.size)) for at in range(count)]
    except (struct.error, ValueError):
        raise NotFramed(_UNKNOWN) from None
    text = stored[_HEAD.size + count * _MARK.size :]
    if any(text[one.offset : one.offset + len(STAND_IN)] != STAND_IN for one in marks):
        raise NotFramed(_UNKNOWN)
    return text, marks


def _mark(offset: int, form: int, content: int, file: bytes, size: int) -> Mark:
    return Mark(offset, Form(form), bool(content), file, size)


def lift(text: bytes, new_file: Callable[[], bytes], content: bytes | None = None) -> tuple[bytes, list[Lifted]]:
    """Return the stored form of a document, and what was moved out of it; most documents have nothing to be moved.

    Args:
        text: JSON as `msgspec` writes it, without spaces between its parts
        new_file: makes the identifier of a file
        content: the JSON string, without its quotation marks, that is the content of a Binary
    """
    if len(text) <= INLINE_BYTES:
        return text, []
    parts: list[bytes] = []
    lifted: list[Lifted] = []
    copied = length = 0
    for start, end in _large(text):
        string = text[start:end]
        form, data = _form(string)
        parts += (text[copied:start], STAND_IN)
        length += start - copied
        lifted.append(Lifted(Mark(length, form, string == content, new_file(), len(data)), data))
        length += len(STAND_IN)
        copied = end
    if not lifted:
        return text, []
    parts.append(text[copied:])
    return pack(b"".join(parts), [one.mark for one in lifted]), lifted


def _large(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the long strings named `data` begin and end."""
    at = 0
    while (found := text.find(_DATA, at)) >= 0:
        start = found + len(_DATA)
        end = text.index(b'"', start)
        if b"\\" in text[start:end]:
            string = _STRING_END.match(text, start)
            end = string.end() - 1 if string else len(text)
        if end - start > INLINE_BYTES:
            yield start, end
        at = end


def _form(string: bytes) -> tuple[Form, bytes]:
    try:
        decoded = a2b_base64(string, strict_mode=True)
    except Error:
        return Form.TEXT, string
    return (Form.DECODED, decoded) if b2a_base64(decoded, newline=False) == string else (Form.TEXT, string)


_UNKNOWN = "The stored document has files and is in a form that this program does not know: it was written by a later version."
