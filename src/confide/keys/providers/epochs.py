"""The epoch keys of a provider that is a file: in a file of their own, each sealed under a root key, so that it opens nothing alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.crypto.errors import DoesNotOpen
from confide.keys.errors import KeyFileRefused, SlotMissing
from confide.keys.providers import slotfile
from confide.keys.providers.naming import bound, number
from confide.keys.providers.slotkey import REF_BYTES, SlotKey

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = "epochs.key"
FIRST_LINE = "confide epoch keys 1"
_PURPOSE = b"epoch key"
_REF = slice(4, 4 + REF_BYTES)
"""Where an envelope names the key that it is sealed under (crypto/envelope.py)."""


def load(path: Path, roots: Mapping[str, SlotKey]) -> dict[str, SlotKey]:
    """Return the epoch keys of a file; a file that is not there holds none.

    Raises:
        KeyFileRefused: as `slotfile.read`; or a key is sealed under a root that is not among `roots`.
    """
    if slotfile.stamp(path) is None:
        return {}
    by_ref = {root.secret[:REF_BYTES]: root for root in roots.values()}
    return {slot: _opened(path, slot, sealed, by_ref) for slot, sealed in slotfile.read(path, FIRST_LINE).items()}


def store(path: Path, epochs: Mapping[str, SlotKey], roots: Mapping[str, SlotKey], *, new: bool = False) -> None:
    """Write the epoch keys, all sealed under the current root; `new` refuses to take the place of a file that is there.

    Raises:
        SlotMissing: there is no root to seal them under.
        KeyFileRefused: there is a file, and `new` was asked for.
        ProviderUnavailable: as `slotfile.write`.
    """
    if epochs and not roots:
        message = "There is no root key to seal an epoch key under: make root-1 first."
        raise SlotMissing(message)
    current = roots[max(roots, key=number)] if roots else None
    sealed = {slot: current.seal(bound(slot, _PURPOSE), key.secret) for slot, key in epochs.items() if current}
    slotfile.write(path, FIRST_LINE, sealed, new=new)


def _opened(path: Path, slot: str, sealed: bytes, by_ref: Mapping[bytes, SlotKey]) -> SlotKey:
    root = by_ref.get(sealed[_REF])
    if root is not None:
        try:
            return SlotKey(root.open(bound(slot, _PURPOSE), sealed))
        except DoesNotOpen:
            pass
    message = f"{path} was made beside other root keys, or was changed: put back the {FILE} that belongs to them. Nothing was written."
    raise KeyFileRefused(message)
