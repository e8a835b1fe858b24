"""Frames: large strings leave a document and come back byte for byte; nothing a client sends is taken for a mark."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.clinic.records import framed
from confide.clinic.records.errors import NotFramed
from confide.clinic.records.framed import INLINE_BYTES, STAND_IN, Form, Lifted, Mark, lift, unpack

LARGE = INLINE_BYTES // 4 * 3 + 3
TEXTS = st.text(max_size=40)
CONTENTS = st.one_of(
    st.binary(max_size=20),
    st.integers(0, 4).map(lambda more: bytes(LARGE + more)),
    st.integers(260, 300).map(lambda times: bytes(range(256)) * times),
)
BASE64 = CONTENTS.map(lambda content: b64encode(content).decode())
WRAPPED = st.binary(min_size=1, max_size=60).map(lambda seed: "\r\n".join([b64encode(seed * 57).decode()[:76]] * 900))
STRINGS = st.one_of(BASE64, WRAPPED, TEXTS, TEXTS.map(lambda text: (text or '"\\') * 9000))
DOCUMENTS = st.recursive(
    st.dictionaries(st.sampled_from(["data", "id", "url", "Data"]), STRINGS, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from(["data", "content", "x"]), st.one_of(inner, st.lists(inner, max_size=3)), max_size=3),
    max_leaves=6,
)


def encoded(document: object) -> bytes:
    """JSON as the server writes it."""
    return msgspec.json.encode(document)


def lifted(text: bytes, content: bytes | None = None) -> tuple[bytes, list[Lifted]]:
    """Lift, with identifiers that a test can name."""
    numbers = count()
    return lift(text, lambda: next(numbers).to_bytes(16, "big"), content)


def filled(stored: bytes, files: list[Lifted]) -> bytes:
    """Put the files back by the marks alone, as a reader does."""
    text, marks = unpack(stored)
    content = {one.mark.file: one.data for one in files}
    came, at = b"", 0
    for mark in marks:
        data = content[mark.file]
        assert len(data) == mark.size
        shown = data if mark.form is Form.TEXT else b64encode(data)
        assert len(shown) == mark.length()
        came += text[at : mark.offset] + shown
        at = mark.offset + len(STAND_IN)
    return came + text[at:]


@given(DOCUMENTS)
def test_a_document_comes_back_byte_for_byte(document: Any) -> None:
    """Whatever is nested in it, whatever is written in its strings."""
    text = encoded(document)
    stored, files = lifted(text)

    assert filled(stored, files) == text


@given(DOCUMENTS)
def test_what_stays_is_a_document_with_small_data(document: Any) -> None:
    """With stand-ins it still is JSON of the same shape, and no string named `data` in it is large."""
    stored, _ = lifted(encoded(document))
    left = json.loads(unpack(stored)[0])

    def check(before: Any, after: Any) -> None:
        assert type(before) is type(after)
        if isinstance(before, dict):
            assert before.keys() == after.keys()
            for name in before:
                check(before[name], after[name])
                if name == "data" and isinstance(after[name], str) and len(encoded(document)) > INLINE_BYTES:
                    assert len(encoded(after[name])) - 2 <= INLINE_BYTES
                    assert after[name] in (before[name], STAND_IN.decode())
        elif isinstance(before, list):
            for one, other in zip(before, after, strict=True):
                check(one, other)

    check(document, left)


@pytest.mark.parametrize("size", [LARGE, LARGE + 1, LARGE + 2, 5 * LARGE])
def test_base64_is_stored_decoded(size: int) -> None:
    """A third less than in the document, with every length of its end."""
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    stored, [file] = lifted(encoded({"content": [{"data": b64encode(content).decode()}]}))

    assert (file.data, file.mark.form) == (content, Form.DECODED)
    assert len(stored) < 200


@pytest.mark.parametrize("size", [INLINE_BYTES - 4, INLINE_BYTES])
def test_small_data_stays_where_it_is(size: int) -> None:
    """The threshold is on the string; the document around it may be large."""
    text = encoded({"data": "A" * size, "text": "y" * INLINE_BYTES})

    assert lifted(text) == (text, [])


@pytest.mark.parametrize(
    "text",
    [
        "A" * (INLINE_BYTES + 1),
        "A" * (INLINE_BYTES + 2) + "=",
        "AAAB" * 20_000 + "AB==",
        "AAAA\n" * 20_000,
        "not base64! " * 9_000,
        '"\\' * 40_000,
        "\u2028é" * 30_000,
    ],
)
def test_what_is_not_canonical_is_stored_as_written(text: str) -> None:
    """Line breaks, spare bits, quotation marks: the very characters come back."""
    original = encoded({"data": text, "id": "x"})
    stored, [file] = lifted(original)

    assert file.mark.form is Form.TEXT
    assert filled(stored, [file]) == original


def test_the_content_of_a_binary_is_told_from_other_data() -> None:
    """An attachment inside its metadata is another file."""
    other, content = b64encode(bytes(LARGE)).decode(), b64encode(b"c" * LARGE).decode()
    text = encoded({"meta": {"extension": [{"valueAttachment": {"data": other}}]}, "data": content})
    _, files = lifted(text, content.encode())

    assert [one.mark.content for one in files] == [False, True]
    assert files[1].data == b64decode(content)


@pytest.mark.parametrize("text", ['{"data":"AAAA"}', '\x01\x00\x01{"data":"', "AAAA", '","data":"AAAA', '\\"data\\":\\"AAAA'])
def test_text_that_looks_like_a_frame_is_text(text: str) -> None:
    """Marks are positions, so nothing in a string can name a file."""
    original = encoded({"text": text, "data": b64encode(bytes(LARGE)).decode(), "more": text})
    stored, files = lifted(original)

    assert len(files) == 1
    assert filled(stored, files) == original


@given(st.binary(max_size=200).map(lambda rest: b"\x01" + rest))
def test_a_damaged_frame_is_refused(stored: bytes) -> None:
    """It is never taken for a document without files, nor does it read beyond its end."""
    try:
        text, marks = unpack(stored)
    except NotFramed:
        return

    assert all(text[one.offset : one.offset + 4] == STAND_IN for one in marks)
    assert stored == framed.pack(text, marks)


@pytest.mark.parametrize("offset", [0, 8, 10, 12, 1000])
def test_a_mark_that_points_elsewhere_is_refused(offset: int) -> None:
    """A file would come to stand in the middle of something else."""
    stored = framed.pack(b'{"data":"AAAA"}', [Mark(offset, Form.DECODED, True, bytes(16), 5)])

    with pytest.raises(NotFramed):
        unpack(stored)


def test_a_document_without_files_is_stored_as_it_is() -> None:
    """As every document was before there were files."""
    text = encoded({"resourceType": "Patient"})

    assert lifted(text) == (text, [])
    assert unpack(text) == (text, [])
