"""AES-256-GCM and CMAC against NIST's vectors, on the way that our own messages go.

Only IVs of 96 bits take that way: XAES fixes the length, and no caller can choose another.
"""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given
from hypothesis import strategies as st

from confide.crypto.errors import DoesNotOpen
from confide.crypto.xaes import TAG_BYTES, Xaes
from tests.crypto.published import FAIL, KnownKey, nist

ENCRYPT, DECRYPT = "ciphers/AES/GCM/gcmEncryptExtIV256.rsp", "ciphers/AES/GCM/gcmDecrypt256.rsp"
FULL_TAG = str(TAG_BYTES * 8)
PER_GROUP, GROUPS = 15, 25
"""CAVP: five lengths of plaintext times five of associated data."""


def vectors(name: str, *, full: bool = True) -> list[dict[str, str]]:
    """The vectors with an IV of 96 bits; with a tag of 128 bits, or of fewer."""
    return [one for one in nist(name) if one["IVlen"] == "96" and (one["Taglen"] == FULL_TAG) is full]


def opened(one: dict[str, str]) -> bytes:
    """Open a vector."""
    return KnownKey(bytes.fromhex(one["Key"])).open(
        KnownKey.nonce(one["IV"]), bytes.fromhex(one["CT"] + one["Tag"]), bytes.fromhex(one["AAD"])
    )


def test_every_message_seals_to_the_published_bytes() -> None:
    """NIST's encryption vectors give NIST's ciphertext and tag, and open again."""
    found = vectors(ENCRYPT)
    for one in found:
        key = KnownKey(bytes.fromhex(one["Key"]))
        sealed = key.seal(KnownKey.nonce(one["IV"]), bytes.fromhex(one["PT"]), bytes.fromhex(one["AAD"]))

        assert sealed.hex() == one["CT"] + one["Tag"]
        assert opened(one).hex() == one["PT"]
    assert len(found) == PER_GROUP * GROUPS


def test_what_nist_opens_opens_and_what_nist_refuses_does_not() -> None:
    """NIST's decryption vectors: a plaintext, or a wrong tag."""
    found = vectors(DECRYPT)
    for one in found:
        if FAIL in one:
            with pytest.raises(DoesNotOpen):
                opened(one)
        else:
            assert opened(one).hex() == one["PT"]
    assert len(found) == PER_GROUP * GROUPS
    assert 0 < sum(FAIL in one for one in found) < len(found)


def test_a_right_tag_that_is_too_short_does_not_open() -> None:
    """A tag of 32 to 120 bits, right as far as it goes, is no tag here."""
    found = [one for one in vectors(DECRYPT, full=False) if FAIL not in one]
    for one in found:
        with pytest.raises(DoesNotOpen):
            opened(one)
    assert {one["Taglen"] for one in found} == {"32", "64", "96", "104", "112", "120"}


def test_the_doubled_block_is_nists() -> None:
    """NIST SP 800-38B, AES-256: the CMAC of one whole block, made of the two parts that XAES uses."""
    [one] = [one for one in nist("CMAC/nist-800-38b-aes256.txt") if len(one["MESSAGE"]) == 2 * TAG_BYTES]
    xaes = Xaes(bytes.fromhex(one["KEY"]))
    block = int(one["MESSAGE"], 16) ^ xaes._k1

    assert xaes._blocks.update(block.to_bytes(16, "big")).hex() == one["OUTPUT"]


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=24, max_size=24))
def test_message_keys_are_those_of_sp_800_108(key: bytes, nonce: bytes) -> None:
    """NIST SP 800-108r1 in counter mode over CMAC, made by the library's own CMAC: counter, label X, nought, half a nonce."""
    expected = b""
    for counter in (1, 2):
        cmac = CMAC(algorithms.AES256(key))
        cmac.update(counter.to_bytes(2, "big") + b"X\x00" + nonce[:12])
        expected += cmac.finalize()

    assert Xaes(key)._message_key(nonce) == expected
