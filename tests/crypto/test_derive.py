"""Keys from keys, and blind tokens, held against the standard library."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.crypto.derive import TOKEN_MASK, BlindField, derive
from tests.crypto.hkdf import LONGEST, hkdf
from tests.crypto.published import nist

KEYS = st.binary(min_size=32, max_size=32)
LABELS = st.binary(max_size=60)


def test_the_independent_hkdf_is_that_of_rfc_5869() -> None:
    """What ours is held against reproduces the three SHA-256 vectors of the RFC itself."""
    found = [one for one in nist("KDF/rfc-5869-HKDF-SHA256.txt") if "OKM" in one]
    for one in found:
        key, salt, info = (bytes.fromhex(one[field]) for field in ("IKM", "salt", "info"))

        assert hkdf(key, salt, info, int(one["L"])).hex() == one["OKM"]
    assert len(found) == 3


@given(KEYS, LABELS, st.integers(1, LONGEST))
def test_derive_is_hkdf_without_a_salt(key: bytes, label: bytes, length: int) -> None:
    """RFC 5869 with SHA-256 and an empty salt, at every length that it has."""
    assert derive(key, label, length) == hkdf(key, b"", label, length)


@given(KEYS, LABELS)
def test_a_derived_key_has_256_bits(key: bytes, label: bytes) -> None:
    """Unless another length is asked for."""
    assert derive(key, label) == hkdf(key, b"", label, 32)


@given(KEYS, LABELS, LABELS)
def test_each_label_has_a_key_of_its_own(key: bytes, one: bytes, other: bytes) -> None:
    """Two labels give the same key only when they are the same label."""
    assert (derive(key, one) == derive(key, other)) == (one == other)


@given(KEYS, KEYS, LABELS)
def test_each_key_gives_keys_of_its_own(one: bytes, other: bytes, label: bytes) -> None:
    """A tenant's keys tell nothing of another's under the same label."""
    assert (derive(one, label) == derive(other, label)) == (one == other)


@given(KEYS, st.binary(max_size=200))
def test_a_digest_is_hmac_sha256(key: bytes, value: bytes) -> None:
    """RFC 2104 with SHA-256, and asking twice gives the same: the keyed state is copied, not used up."""
    field = BlindField(key)

    assert field.digest(value) == field.digest(value) == hmac.digest(key, value, hashlib.sha256)


@given(KEYS, st.binary(max_size=200))
def test_a_token_is_63_bits_of_the_digest(key: bytes, value: bytes) -> None:
    """The first eight bytes without their highest bit: it fits a signed 64-bit column, and is never negative."""
    token = BlindField(key).token(value)

    assert 0 <= token <= TOKEN_MASK == 2**63 - 1
    assert token == int.from_bytes(hmac.digest(key, value, hashlib.sha256)[:8], "big") % 2**63


@pytest.mark.parametrize("bit", range(63))
def test_every_bit_of_a_token_is_used(bit: int) -> None:
    """Over two hundred values, each of the 63 bits is set in some and not in others."""
    field = BlindField(bytes(32))

    assert {field.token(value.to_bytes(2, "big")) >> bit & 1 for value in range(200)} == {0, 1}


def test_a_field_does_not_print_its_key() -> None:
    """No text form of a keyed hash holds the key."""
    key = b"k" * 32
    shown = repr(BlindField(key)) + str(BlindField(key))

    assert "kkk" not in shown
    assert key.hex() not in shown


@given(KEYS, st.binary(max_size=200))
def test_eight_tokens_are_hmac_sha512_under_a_key_of_their_own(key: bytes, value: bytes) -> None:
    """Its 64 bytes in eight parts of 63 bits, so that they tell nothing of the one token of the same value."""
    field = BlindField(key)
    digest = hmac.digest(hkdf(key, b"", b"wide", 64), value, hashlib.sha512)

    assert list(field.eight(value)) == [int.from_bytes(digest[at : at + 8], "big") & TOKEN_MASK for at in range(0, 64, 8)]
    assert field.eight(value) == field.eight(value)
