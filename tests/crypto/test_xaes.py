"""XAES-256-GCM against the vectors of C2SP."""

import hashlib

import pytest

from confide.crypto.errors import DoesNotOpen
from confide.crypto.xaes import Xaes

NONCE = b"ABCDEFGHIJKLMNOPQRSTUVWX"
PLAINTEXT = b"XAES-256-GCM"


@pytest.mark.parametrize(
    ("key", "associated", "sealed"),
    [
        (b"\x01" * 32, b"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        (b"\x03" * 32, b"c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
    ],
)
def test_the_published_vectors_are_reproduced(key: bytes, associated: bytes, sealed: str) -> None:
    """C2SP's two vectors, one for each branch of the doubling."""
    xaes = Xaes(key)

    assert xaes.seal(NONCE, PLAINTEXT, associated).hex() == sealed
    assert xaes.open(NONCE, bytes.fromhex(sealed), associated) == PLAINTEXT


def test_ten_thousand_accumulated_vectors_are_reproduced() -> None:
    """C2SP's accumulated test: random inputs from SHAKE-128, every ciphertext into a second SHAKE-128."""
    source = hashlib.shake_128().digest(10_000 * (32 + 24 + 2 + 2 * 255))
    at = 0
    total = hashlib.shake_128()

    def take(count: int) -> bytes:
        nonlocal at
        at += count
        return source[at - count : at]

    for _ in range(10_000):
        key, nonce = take(32), take(24)
        plaintext = take(take(1)[0])
        associated = take(take(1)[0])
        sealed = Xaes(key).seal(nonce, plaintext, associated)
        total.update(sealed)

    assert total.hexdigest(32) == "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"


def test_a_changed_tag_does_not_open() -> None:
    """The last byte of the tag is authenticated like every other."""
    sealed = bytearray(Xaes(b"\x01" * 32).seal(NONCE, PLAINTEXT, b""))
    sealed[-1] ^= 1

    with pytest.raises(DoesNotOpen):
        Xaes(b"\x01" * 32).open(NONCE, bytes(sealed), b"")
