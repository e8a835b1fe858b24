"""Envelope v1: what was sealed opens where it was sealed, and nowhere else."""

import copy
import pickle  # noqa: TID251 - to see that a key refuses it

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.crypto.envelope import DataKey, Suite, read_header
from confide.crypto.errors import CryptoError, NotAnEnvelope
from confide.values.ids import KeyRef
from confide.values.place import length_prefixed

KEY = DataKey(KeyRef(b"key-ref!"), b"k" * 32)
SUITES = st.sampled_from(list(Suite))
PARTS = st.lists(st.binary(max_size=20), min_size=6, max_size=6)


@given(SUITES, PARTS, st.binary(max_size=300))
def test_what_was_sealed_opens_in_its_place(suite: Suite, parts: list[bytes], plaintext: bytes) -> None:
    """Opening under the same context returns the plaintext."""
    context = length_prefixed(*parts)

    assert KEY.open(context, KEY.seal(suite, context, plaintext)) == plaintext


@given(SUITES, st.binary(max_size=60), st.data())
def test_any_flipped_bit_does_not_open(suite: Suite, plaintext: bytes, data: st.DataObject) -> None:
    """Header, nonce, ciphertext and tag are all authenticated."""
    context = length_prefixed(b"1", b"s", b"care", b"t", b"c", b"r")
    sealed = bytearray(KEY.seal(suite, context, plaintext))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << (bit % 8)

    with pytest.raises(CryptoError):
        KEY.open(context, bytes(sealed))


@given(SUITES, PARTS, PARTS)
def test_a_moved_value_does_not_open(suite: Suite, here: list[bytes], there: list[bytes]) -> None:
    """A context that differs in any part (tenant, subject, class, table, column, row) is another place."""
    sealed = KEY.seal(suite, length_prefixed(*here), b"value")
    if here == there:
        assert KEY.open(length_prefixed(*there), sealed) == b"value"
    else:
        with pytest.raises(CryptoError):
            KEY.open(length_prefixed(*there), sealed)


@given(PARTS, PARTS)
def test_two_lists_of_parts_never_share_an_encoding(here: list[bytes], there: list[bytes]) -> None:
    """The length prefixes make the encoding injective."""
    assert (length_prefixed(*here) == length_prefixed(*there)) == (here == there)


@given(SUITES, st.binary(max_size=80), st.integers(1, 90))
def test_a_truncated_envelope_does_not_open(suite: Suite, plaintext: bytes, cut: int) -> None:
    """A message that lost its end is refused, not shortened."""
    context = length_prefixed(b"row")
    sealed = KEY.seal(suite, context, plaintext)

    with pytest.raises(CryptoError):
        KEY.open(context, sealed[: -min(cut, len(sealed))])


def test_plaintext_is_not_taken_for_an_envelope() -> None:
    """A value without the magic is an error, never passed through."""
    with pytest.raises(NotAnEnvelope):
        read_header(b'{"resourceType":"Patient","id":"1","active":true,"gender":"other"}')


@pytest.mark.parametrize("show", [repr, str, lambda key: f"{key}"])
def test_a_key_does_not_print_itself(show: object) -> None:
    """No text form of a key holds its bytes."""
    assert show(KEY) == "DataKey(…)"  # type: ignore[operator]


@pytest.mark.parametrize("leak", [pickle.dumps, copy.copy])
def test_a_key_cannot_leave_the_process(leak: object) -> None:
    """Pickling and copying are refused."""
    with pytest.raises(TypeError):
        leak(KEY)  # type: ignore[operator]


def test_the_same_plaintext_never_gives_the_same_envelope() -> None:
    """Nonces come from the operating system."""
    sealed = {KEY.seal(suite, b"", b"same") for suite in Suite for _ in range(50)}

    assert len(sealed) == 100
