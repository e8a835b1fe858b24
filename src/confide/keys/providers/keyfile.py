"""The default provider: root keys in a file that only its owner may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.keys.errors import KeyFileRefused
from confide.keys.providers import epochs, slotfile
from confide.keys.providers.local import LocalProvider
from confide.keys.providers.naming import SLOT, is_root
from confide.keys.providers.slotkey import SECRET_BYTES, SlotKey

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FIRST_LINE = "confide root keys 1"
FIRST_ROOT = "root-1"


class ClearRoots:
    """Root keys as they are; the mode of the file is all that guards them."""

    def __init__(self, path: Path) -> None:
        """Take where they are."""
        self.path = path

    def load(self) -> dict[str, SlotKey]:
        """Return them.

        Raises:
            KeyFileRefused: as `slotfile.read`.
        """
        found = slotfile.read(self.path, FIRST_LINE)
        if any(len(secret) != SECRET_BYTES for secret in found.values()):
            message = f"{self.path} holds a key of another length: put back the right file. Nothing was written."
            raise KeyFileRefused(message)
        return {slot: SlotKey(secret) for slot, secret in found.items()}

    def store(self, roots: Mapping[str, SlotKey]) -> None:
        """Write them."""
        slotfile.write(self.path, FIRST_LINE, {slot: key.secret for slot, key in roots.items()})


class KeyFile(LocalProvider):
    """Wraps under the root keys of one file, and the epoch keys of the file beside it."""

    def __init__(self, path: Path) -> None:
        """Take where the root keys are; nothing is read yet, see `probe`."""
        super().__init__("key file", ClearRoots(path))


def create(path: Path) -> None:
    """Write a file with a fresh root key, readable by its owner only and durable before return.

    Raises:
        KeyFileRefused: there is a file already; it is left as it is.
        ProviderUnavailable: the disk is full or not writable.
    """
    slotfile.write(path, FIRST_LINE, {FIRST_ROOT: SlotKey.fresh().secret}, new=True)


def restore(path: Path, secrets: Mapping[str, bytes]) -> None:
    """Write the files anew from what `reveal` gave: the epoch keys first, so that a kill in between leaves no root key without them.

    Raises:
        KeyFileRefused: one of the files is there already and is left as it is; or these are not the keys of slots.
        ProviderUnavailable: the disk is full or not writable.
    """
    whole = all(SLOT.fullmatch(slot) and len(secret) == SECRET_BYTES for slot, secret in secrets.items())
    if not whole or not any(map(is_root, secrets)):
        message = "This is not a set of keys of slots with a root among them: take all of what was revealed. Nothing was written."
        raise KeyFileRefused(message)
    keys = {slot: SlotKey(secret) for slot, secret in secrets.items()}
    roots = {slot: key for slot, key in keys.items() if is_root(slot)}
    with slotfile.alone(path.parent):
        if path.exists():
            message = f"There is a file at {path} already; it is left as it is."
            raise KeyFileRefused(message)
        epochs.store(path.with_name(epochs.FILE), {slot: keys[slot] for slot in keys.keys() - roots}, roots, new=True)
        slotfile.write(path, FIRST_LINE, {slot: key.secret for slot, key in roots.items()}, new=True)


def read(path: Path) -> KeyFile:
    """Return the provider of a key file that is there and whole.

    Raises:
        KeyFileRefused: missing, unreadable, readable by group or world, or not a key file.
    """
    provider = KeyFile(path)
    provider.probe()
    return provider
