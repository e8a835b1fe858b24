"""Cells of one row: sealed together, opened one by one, in any order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.crypto import envelope as envelope_module
from confide.crypto.envelope import FLAG_PADDED, HALF_NONCE, HEADER_BYTES, DataKey, Suite, key_ref_of
from confide.crypto.errors import DoesNotOpen, NotAnEnvelope
from confide.values.ids import KeyRef

KEY = DataKey(KeyRef(b"row-key1"), b"\x07" * 32)
BODY = HEADER_BYTES + 2 * HALF_NONCE

cells = st.lists(st.tuples(st.binary(max_size=40), st.binary(max_size=40), st.sampled_from((0, FLAG_PADDED))), max_size=6)


@given(st.lists(cells, max_size=4), st.randoms(use_true_random=False))
def test_cells_of_many_rows_open_in_any_order(rows: list[list[tuple[bytes, bytes, int]]], order: object) -> None:
    """The key of a message that is kept from one cell to the next never serves another row."""
    sealed = [(cell, envelope) for row in rows for cell, envelope in zip(row, KEY.seal_cells(row), strict=True)]
    order.shuffle(sealed)  # type: ignore[attr-defined]  # random.Random

    assert [KEY.open(context, envelope) for (context, _, _), envelope in sealed] == [plaintext for (_, plaintext, _), _ in sealed]


def test_no_two_cells_have_one_nonce() -> None:
    """Their first half is kept for a while, their second is drawn for each."""
    nonces = [envelope[HEADER_BYTES:BODY] for _ in range(300) for envelope in KEY.seal_cells([(b"c", b"p", 0)] * 3)]

    assert len(set(nonces)) == len({nonce[HALF_NONCE:] for nonce in nonces}) == 900


def test_a_half_is_kept_for_so_many_cells_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then another is drawn; every key begins with one of its own."""
    monkeypatch.setattr(envelope_module, "HALF_CELLS", 6)
    keys = [DataKey(KeyRef(b"row-key1"), bytes([at]) * 32) for at in range(2)]
    halves = [[key.seal_cells([(b"c", b"p", 0)] * 3)[0][HEADER_BYTES:][:HALF_NONCE] for _ in range(6)] for key in keys]

    for mine in halves:
        assert [mine.index(half) for half in mine] == [0, 0, 2, 2, 4, 4]
    assert set(halves[0]) & set(halves[1]) == set()


@given(st.binary(max_size=30), st.data())
def test_any_flipped_bit_of_a_cell_is_noticed(plaintext: bytes, data: st.DataObject) -> None:
    """Header, nonce, ciphertext and tag are all bound."""
    envelope = bytearray(KEY.seal_cells([(b"context", plaintext, FLAG_PADDED)])[0])
    bit = data.draw(st.integers(0, len(envelope) * 8 - 1))
    envelope[bit // 8] ^= 1 << bit % 8

    with pytest.raises((DoesNotOpen, NotAnEnvelope)):
        KEY.open(b"context", bytes(envelope))


def test_cells_open_as_what_was_sealed_alone() -> None:
    """Both ways of sealing write one format."""
    alone = KEY.seal(Suite.XAES_256_GCM, b"context", b"value")
    cell = KEY.seal_cells([(b"context", b"value", 0)])[0]

    assert (alone[:HEADER_BYTES], len(alone)) == (cell[:HEADER_BYTES], len(cell))
    assert KEY.open(b"context", alone) == KEY.open(b"context", cell) == b"value"


def test_the_key_is_named_in_the_clear() -> None:
    """A key is looked up by eight bytes of the header; what is no envelope has none."""
    assert key_ref_of(KEY.seal_cells([(b"", b"", 0)])[0]) == b"row-key1"
    for wrong in (b"", b"\xe1\x01", b"plain text of a column that is long enough to be an envelope"):
        with pytest.raises(NotAnEnvelope):
            key_ref_of(wrong)
