"""Streams: whatever the pieces, the bytes are those of the envelope, and nothing comes out that was not sealed there."""

from __future__ import annotations

import hashlib
import zlib
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from confide.crypto.envelope import HEADER_BYTES, DataKey, Suite
from confide.crypto.errors import CryptoError, DoesNotOpen, NotAnEnvelope
from confide.crypto.stream import PREAMBLE_BYTES, ROOM_BYTES, SEGMENT_BYTES, TAG_BYTES, UPDATE_BYTES, OpeningStream, message_length
from confide.crypto.xaes import KEY_BYTES
from confide.values.ids import KeyRef
from confide.values.place import length_prefixed
from tests.crypto.published import wycheproof

KEY = DataKey(KeyRef(b"key-ref!"), b"k" * 32)
HERE = length_prefixed(b"1", b"subject", b"care", b"table", b"column", b"row")
THERE = length_prefixed(b"1", b"subject", b"care", b"table", b"column", b"another row")
SEALED_SEGMENT = SEGMENT_BYTES + TAG_BYTES
BODY = HEADER_BYTES + PREAMBLE_BYTES
LONGEST = 3 * SEGMENT_BYTES + 100

SIZES = st.one_of(
    st.integers(0, LONGEST),
    st.builds(lambda segments, off: max(0, segments * SEGMENT_BYTES + off), st.integers(0, 3), st.integers(-2, 2)),
)
CUTS = st.lists(st.integers(0, LONGEST + 400), max_size=8)


def content(size: int) -> bytes:
    """Bytes that are the same nowhere twice, so that a moved segment shows."""
    return b"".join(at.to_bytes(4, "big") for at in range(size // 4 + 1))[:size]


def pieces(whole: bytes, cuts: list[int]) -> list[bytes]:
    """Cut bytes at some positions; a piece may be empty."""
    return [whole[start:end] for start, end in pairwise([0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)])]


def sealed_in(parts: list[bytes], context: bytes = HERE) -> bytes:
    """Seal piece by piece."""
    stream = KEY.sealing(context)
    return stream.header + b"".join(map(stream.update, parts)) + stream.finish()


def opened_in(parts: list[bytes], context: bytes = HERE) -> tuple[bytes, bool]:
    """Open piece by piece: what came out, and whether it was confirmed to be all."""
    whole = b"".join(parts)
    came = b""
    try:
        stream = KEY.opening(context, whole[:HEADER_BYTES])
        skipped = 0
        for part in parts:
            rest = part[max(0, HEADER_BYTES - skipped) :]
            skipped += len(part) - len(rest)
            came += stream.update(rest)
        return came + stream.finish(), True
    except CryptoError:
        return came, False


@given(SIZES, CUTS, CUTS)
def test_any_pieces_give_the_same_file(size: int, cut: list[int], cut_again: list[int]) -> None:
    """How a file is cut before sealing and before opening makes no difference."""
    envelope = sealed_in(pieces(content(size), cut))

    assert opened_in(pieces(envelope, cut_again)) == (content(size), True)


@given(SIZES, CUTS)
def test_streams_and_whole_envelopes_are_one_format(size: int, cut: list[int]) -> None:
    """`DataKey.open` opens what a stream sealed, and a stream what `DataKey.seal` sealed."""
    plain = content(size)

    assert KEY.open(HERE, sealed_in(pieces(plain, cut))) == plain
    assert opened_in(pieces(KEY.seal(Suite.COBBLESTONE_256, HERE, plain), cut)) == (plain, True)


@given(SIZES)
def test_the_length_of_an_envelope_is_known_beforehand(size: int) -> None:
    """`message_length` is exact, so that a store can be asked whether an object is whole before it is opened."""
    assert len(sealed_in([content(size)])) == HEADER_BYTES + message_length(size)


@given(SIZES, st.data())
def test_a_flipped_bit_lets_nothing_wrong_out(size: int, data: st.DataObject) -> None:
    """Wherever the bit is, what came out before is the true beginning, and it is never confirmed."""
    envelope = bytearray(sealed_in([content(size)]))
    bit = data.draw(st.integers(0, len(envelope) * 8 - 1))
    envelope[bit // 8] ^= 1 << (bit % 8)
    came, confirmed = opened_in(pieces(bytes(envelope), data.draw(CUTS)))

    assert not confirmed
    assert content(size).startswith(came)
    assert len(came) <= max(0, (bit // 8 - BODY) // SEALED_SEGMENT * SEGMENT_BYTES)


@given(SIZES, st.integers(1, LONGEST), CUTS)
@example(SEGMENT_BYTES, TAG_BYTES, [])
@example(2 * SEGMENT_BYTES, TAG_BYTES, [])
@example(SEGMENT_BYTES + 1, TAG_BYTES + 1, [])
def test_a_file_that_lost_its_end_is_never_confirmed(size: int, lost: int, cut: list[int]) -> None:
    """Wherever it was cut off, at a border of segments too, what came out is the true beginning and `finish` refuses."""
    envelope = sealed_in([content(size)])
    came, confirmed = opened_in(pieces(envelope[: max(0, len(envelope) - lost)], cut))

    assert not confirmed
    assert content(size).startswith(came)


@pytest.mark.parametrize("segments", range(4))
def test_a_file_cut_off_at_any_border_is_refused(segments: int) -> None:
    """After the header, the commitment, each segment and each tag."""
    envelope = sealed_in([content(3 * SEGMENT_BYTES + 7)])
    borders = {HEADER_BYTES, BODY, BODY + segments * SEALED_SEGMENT, BODY + segments * SEALED_SEGMENT + SEGMENT_BYTES}
    near = {border + off for border in borders for off in (-1, 0, 1)}
    for border in sorted(near & set(range(len(envelope)))):
        came, confirmed = opened_in([envelope[:border]])

        assert not confirmed
        assert content(3 * SEGMENT_BYTES + 7).startswith(came)


@given(SIZES, st.binary(min_size=1, max_size=SEALED_SEGMENT + 10))
def test_appended_bytes_are_refused(size: int, more: bytes) -> None:
    """Something behind the end is a change like any other."""
    came, confirmed = opened_in([sealed_in([content(size)]), more])

    assert not confirmed
    assert content(size).startswith(came)


@given(SIZES, SIZES)
def test_a_second_file_behind_the_first_is_refused(first: int, second: int) -> None:
    """Concatenated envelopes are no envelope, nor is the second one's body behind the first."""
    one, other = sealed_in([content(first)]), sealed_in([content(second)])

    assert not opened_in([one, other])[1]
    assert not opened_in([one, other[BODY:]])[1]


@given(st.permutations(range(4)), st.sampled_from([0, 1, 99]))
def test_segments_in_another_order_are_refused(order: list[int], rest: int) -> None:
    """Each segment's number is in its nonce: nothing comes out from the first one that is out of place."""
    plain = content(3 * SEGMENT_BYTES + rest)
    envelope = sealed_in([plain])
    segments = [envelope[BODY + at * SEALED_SEGMENT :][:SEALED_SEGMENT] for at in range(4)]
    came, confirmed = opened_in([envelope[:BODY], *(segments[at] for at in order)])

    assert confirmed == (order == sorted(order))
    assert plain.startswith(came)


@given(st.integers(0, 2), st.integers(0, 2))
def test_a_segment_of_another_file_is_refused(into: int, taken: int) -> None:
    """Two files under one key and in one place share no segment: each message has keys of its own."""
    plain = content(3 * SEGMENT_BYTES)
    one, other = sealed_in([plain]), sealed_in([plain])
    at = BODY + into * SEALED_SEGMENT
    foreign = other[BODY + taken * SEALED_SEGMENT :][:SEALED_SEGMENT]

    assert opened_in([one[:at], foreign, one[at + SEALED_SEGMENT :]]) == (plain[: into * SEGMENT_BYTES], False)


@given(SIZES)
def test_a_swapped_file_lets_nothing_out(size: int) -> None:
    """The context is in the key commitment, before the first segment."""
    assert opened_in([sealed_in([content(size)], THERE)], HERE) == (b"", False)


@pytest.mark.parametrize("byte", range(HEADER_BYTES))
def test_a_changed_header_lets_nothing_out(byte: int) -> None:
    """The header is in the commitment too."""
    envelope = bytearray(sealed_in([content(SEGMENT_BYTES + 5)]))
    envelope[byte] ^= 0x02

    assert opened_in([bytes(envelope)]) == (b"", False)


def test_the_other_suite_has_no_stream() -> None:
    """A value in suite 1 is opened whole, and says so."""
    envelope = KEY.seal(Suite.XAES_256_GCM, HERE, b"cell")

    with pytest.raises(NotAnEnvelope, match="opens whole"):
        KEY.opening(HERE, envelope[:HEADER_BYTES])


def test_another_key_is_named() -> None:
    """A header that names another key is refused before a byte is read."""
    with pytest.raises(DoesNotOpen, match="another key"):
        DataKey(KeyRef(b"another!"), b"k" * 32).opening(HERE, KEY.sealing(HERE).header)


def test_a_failed_piece_leaves_no_plaintext_behind() -> None:
    """`update_into` overwrites the buffer when a segment fails, the authentic ones before it included."""
    plain = b"\xff" * (2 * SEGMENT_BYTES)
    envelope = bytearray(sealed_in([plain]))
    envelope[BODY + SEALED_SEGMENT + 5] ^= 1
    out = bytearray(b"\xaa" * (3 * SEGMENT_BYTES))

    with pytest.raises(DoesNotOpen):
        KEY.opening(HERE, bytes(envelope[:HEADER_BYTES])).update_into(envelope[HEADER_BYTES:], out)
    assert out == bytes(len(out))


@given(st.sampled_from([0, 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, UPDATE_BYTES]), st.sampled_from([UPDATE_BYTES, UPDATE_BYTES - 1]))
@example(UPDATE_BYTES, UPDATE_BYTES)
def test_one_buffer_serves_a_whole_file(first: int, size: int) -> None:
    """A buffer of `ROOM_BYTES` beyond the piece is enough both ways, wherever the pieces end."""
    plain = content(2 * UPDATE_BYTES + 5000)
    out = memoryview(bytearray(UPDATE_BYTES + ROOM_BYTES))
    sealing = KEY.sealing(HERE)
    envelope = sealing.header
    for piece in (plain[:first], *(plain[start : start + size] for start in range(first, len(plain), size))):
        envelope += out[: sealing.update_into(piece, out)]
    envelope += sealing.finish()
    opening = KEY.opening(HERE, envelope[:HEADER_BYTES])
    came = b""
    for start in range(HEADER_BYTES, len(envelope), size):
        came += out[: opening.update_into(envelope[start : start + size], out)]

    assert came + opening.finish() == plain


@pytest.mark.parametrize("size", [57, SEGMENT_BYTES, SEALED_SEGMENT])
def test_published_messages_give_their_authentic_beginning(size: int) -> None:
    """Wycheproof's good messages open whole; of the bad ones comes out what the vector says is authentic, and not a byte more."""
    found = [one for one in wycheproof("c2sp_chunked_encryption_aes_256_gcm_test.json") if len(one["key"]) == 2 * KEY_BYTES]
    for one in found:
        message = zlib.decompress(bytes.fromhex(one["ct"]))
        stream = OpeningStream(bytes.fromhex(one["key"]), b"", bytes.fromhex(one["ctx"]))
        came, confirmed = b"", False
        try:
            for start in range(0, len(message), size):
                came += stream.update(message[start : start + size])
            came, confirmed = came + stream.finish(), True
        except DoesNotOpen:
            pass

        assert confirmed == (one["result"] == "valid"), one["comment"]
        assert len(came) == one.get("msgLength", 0), one["comment"]
        assert hashlib.sha512(came).hexdigest() == one.get("msgSha512", hashlib.sha512(b"").hexdigest()), one["comment"]
    assert len(found) == 33
