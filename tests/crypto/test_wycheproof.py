"""Wycheproof's vectors: the mistakes that implementations made before ours."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import cobblestone
from cryptography.exceptions import InvalidTag

from confide.crypto.derive import BlindField, derive
from confide.crypto.envelope import HEADER_BYTES, DataKey, Suite
from confide.crypto.errors import DoesNotOpen
from confide.values.ids import KeyRef
from tests.crypto.hkdf import LONGEST, hkdf
from tests.crypto.published import BESIDE, FOLDER, KnownKey, wycheproof

if TYPE_CHECKING:
    from pathlib import Path


def raw(one: dict[str, Any], *fields: str) -> list[bytes]:
    """The bytes of fields that are written in hexadecimal."""
    return [bytes.fromhex(one[field]) for field in fields]


def test_aes_gcm_with_the_lengths_that_we_use() -> None:
    """256-bit keys and 96-bit IVs: valid ones seal to the published bytes and open, the others do not open."""
    found = [one for one in wycheproof("aes_gcm_test.json") if (one["keySize"], one["ivSize"], one["tagSize"]) == (256, 96, 128)]
    for one in found:
        key, associated, message, ciphertext, tag = raw(one, "key", "aad", "msg", "ct", "tag")
        xaes, nonce = KnownKey(key), KnownKey.nonce(one["iv"])
        if one["result"] == "valid":
            assert xaes.seal(nonce, message, associated) == ciphertext + tag
            assert xaes.open(nonce, ciphertext + tag, associated) == message
        else:
            with pytest.raises(DoesNotOpen):
                xaes.open(nonce, ciphertext + tag, associated)
    assert len(found) == 66


def test_chunked_encryption_opens_what_is_whole_and_nothing_else() -> None:
    """C2SP chunked encryption, read the way envelopes are: reordered, truncated, extended, or under another key or context.

    The vectors know nothing of our header, so that here the library stands for `DataKey`; the next test shows that they agree.
    """
    found = wycheproof("c2sp_chunked_encryption_aes_256_gcm_test.json")
    for one in found:
        key, context, packed = raw(one, "key", "ctx", "ct")
        message = zlib.decompress(packed)
        if one["result"] == "valid":
            opened = chunked(key, context, message)

            assert len(opened) == one["msgLength"]
            assert hashlib.sha512(opened).hexdigest() == one["msgSha512"]
        else:
            with pytest.raises((InvalidTag, ValueError)):  # what `DataKey.open` turns into DoesNotOpen
                chunked(key, context, message)
    assert len(found) == 35


def chunked(key: bytes, context: bytes, message: bytes) -> bytes:
    """Open a message of the chunked encryption."""
    decryptor = cobblestone.Cobblestone256Decryptor(key, context)
    return decryptor.update(message) + decryptor.finalize()


def test_a_document_is_such_a_message_under_header_and_context() -> None:
    """Suite 2 is the published format behind 12 bytes of header, and those are part of its context."""
    key, text = b"k" * 32, b"chart " * 10_000
    envelope = DataKey(KeyRef(b"key-ref!"), key).seal(Suite.COBBLESTONE_256, b"context", text)

    assert chunked(key, envelope[:HEADER_BYTES] + b"context", envelope[HEADER_BYTES:]) == text


def test_hkdf() -> None:
    """Ours where there is no salt, which is how it is always used; the independent one that it is held against everywhere."""
    found, unsalted = wycheproof("hkdf_sha256_test.json"), 0
    for one in found:
        key, salt, info = raw(one, "ikm", "salt", "info")
        if one["result"] == "invalid":
            assert one["size"] > LONGEST
            with pytest.raises(ValueError, match="8160"):
                derive(key, info, one["size"])
            continue
        assert hkdf(key, salt, info, one["size"]).hex() == one["okm"]
        if not salt:
            unsalted += 1
            assert derive(key, info, one["size"]).hex() == one["okm"]
    assert len(found) == 86
    assert unsalted == 23


def test_hmac() -> None:
    """The keyed hash behind blind tokens; published tags of 128 bits are its first half."""
    found = wycheproof("hmac_sha256_test.json")
    for one in found:
        key, message, tag = raw(one, "key", "msg", "tag")
        digest = BlindField(key).digest(message)

        assert (digest[: one["tagSize"] // 8] == tag) is (one["result"] == "valid")
    assert len(found) == 174


def test_absent_vectors_are_a_skip_that_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has no such folder reads which file is missing and which variable names one."""
    monkeypatch.setenv(FOLDER, str(tmp_path))

    with pytest.raises(pytest.skip.Exception, match=rf"no_such_test\.json.*{FOLDER}"):
        wycheproof("no_such_test.json")
    assert BESIDE.parts[-2:] == ("shared", "vectors")
