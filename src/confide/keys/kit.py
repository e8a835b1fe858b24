"""The recovery kit: what a key file or a passphrase provider keeps on this machine, for the day on which the machine is lost.

It is the only copy that may leave the machine, and it is replaced with every epoch: an old one would bring destroyed epochs back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import shamir_mnemonic

from confide.crypto.envelope import DataKey, Suite
from confide.crypto.errors import CryptoError
from confide.crypto.random import KEY_BYTES, new_key
from confide.keys.errors import KitRefused
from confide.values.ids import KeyRef

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST, MOST = 2, 16
"""Shares; one alone would be no split, and SLIP-39 numbers them in four bits."""
FILES = ("root.key", "epochs.key")
"""All that a local provider has, by the names that it gives them."""
_CONTEXT = b"confide recovery kit 1"
_REFERENCE = KeyRef(b"recovery")


class Kit(msgspec.Struct, frozen=True):
    """The content of a kit; it prints nothing of it."""

    epoch: int
    """The living epoch when it was made."""
    made: int
    """Microseconds since 1970."""
    files: dict[str, bytes]

    def __repr__(self) -> str:
        """Return a form without the keys."""
        return f"Kit(epoch={self.epoch})"


def pack(kit: Kit) -> bytes:
    """Return the bytes of a kit, in the clear: encrypt them to somebody, or `split` them."""
    return msgspec.msgpack.encode(kit)


def unpack(content: bytes) -> Kit:
    """Return a kit.

    Raises:
        KitRefused: the bytes are none.
    """
    try:
        kit = msgspec.msgpack.decode(content, type=Kit)
    except (msgspec.MsgspecError, ValueError):
        kit = None
    if kit is None or not set(kit.files) <= set(FILES):
        message = "This is no recovery kit: look for the file that confide keys kit wrote."
        raise KitRefused(message)
    return kit


def split(content: bytes, needed: int, shares: int) -> tuple[bytes, list[str]]:
    """Return a kit sealed under a key that no one holds, and the shares of that key (SLIP-39 words); so many are needed to open it.

    Raises:
        KitRefused: fewer than two are needed, or more than there are.
    """
    if not FEWEST <= needed <= shares <= MOST:
        message = f"Split a kit into {FEWEST} to {MOST} shares, of which at least {FEWEST} are needed."
        raise KitRefused(message)
    key = new_key()
    sealed = DataKey(_REFERENCE, key).seal(Suite.XAES_256_GCM, _CONTEXT, content)
    [words] = shamir_mnemonic.generate_mnemonics(1, [(needed, shares)], bytes(key))
    key[:] = bytes(KEY_BYTES)
    return sealed, words


def join(sealed: bytes, words: Sequence[str]) -> bytes:
    """Return what `split` sealed.

    Raises:
        KitRefused: too few shares, a mistyped one, or shares of another kit.
    """
    try:
        key = shamir_mnemonic.combine_mnemonics([" ".join(one.lower().split()) for one in words])
        return DataKey(_REFERENCE, key).open(_CONTEXT, sealed)
    except (shamir_mnemonic.MnemonicError, CryptoError):
        message = "These shares do not open the kit: look for mistyped words, for more shares, or for those of this very kit."
        raise KitRefused(message) from None
