"""What the key file and the passphrase share: keys that this process reads from files and uses itself."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, Protocol

from confide.keys.errors import SlotMissing
from confide.keys.providers import epochs, slotfile
from confide.keys.providers.naming import bound, check_slot, is_root
from confide.keys.providers.slotkey import SlotKey
from confide.keys.providers.unseen import Unseen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Roots(Protocol):
    """Where the root keys are."""

    path: Path

    def load(self) -> dict[str, SlotKey]:
        """Return them."""
        ...

    def store(self, roots: Mapping[str, SlotKey]) -> None:
        """Write them, whole or not at all."""
        ...


class _Keys(NamedTuple):
    """What the files held when they had these stamps."""

    stamps: tuple[slotfile.Stamp | None, ...]
    roots: dict[str, SlotKey]
    epochs: dict[str, SlotKey]


class LocalProvider(Unseen):
    """Keys in files. The files are looked at before every use, so that what another process did to them holds here at once."""

    durable = False
    destruction_seconds = 0

    def __init__(self, name: str, roots: Roots) -> None:
        """Take where the root keys are; nothing is read yet."""
        self.name = name
        self._roots = roots
        self._epochs = roots.path.with_name(epochs.FILE)
        self._seen: _Keys | None = None
        self._reading = Lock()  # a passphrase is asked for, and stretched, by one thread for all

    def make(self, slot: str) -> None:
        """Make the key of a slot, where there is none. The file of the root keys must be there: see `create`.

        Raises:
            KeyFileRefused: a file is missing, unreadable, open to others or not whole; nothing is written.
            ProviderUnavailable: the disk is full or not writable; nothing is lost.
        """
        check_slot(slot)
        with slotfile.alone(self._roots.path.parent):
            keys = self._keys()
            if slot in keys.roots or slot in keys.epochs:
                return
            if is_root(slot):
                self._roots.store({**keys.roots, slot: SlotKey.fresh()})
            else:
                epochs.store(self._epochs, {**keys.epochs, slot: SlotKey.fresh()}, keys.roots)

    def wrap(self, slot: str, key: bytes | bytearray, context: bytes) -> bytes:
        """Return `key` sealed under the slot's key, bound to slot and context.

        Raises:
            SlotMissing: the slot has no key.
        """
        return self._key(slot).seal(bound(slot, context), bytes(key))

    def unwrap(self, slot: str, wrapped: bytes, context: bytes) -> bytearray:
        """Return the key in a buffer that the caller wipes.

        Raises:
            SlotMissing: the slot has no key.
            DoesNotOpen: another slot, another context, or bytes that were changed.
        """
        return bytearray(self._key(slot).open(bound(slot, context), bytes(wrapped)))

    def destroy(self, slot: str) -> None:
        """Take a slot's key out of its file. Epoch keys go over to another root before their root goes; the last root takes them along.

        Raises:
            KeyFileRefused, ProviderUnavailable: as `make`.
        """
        check_slot(slot)
        with slotfile.alone(self._roots.path.parent):
            keys = self._keys()
            if slot in keys.epochs:
                epochs.store(self._epochs, without(keys.epochs, slot), keys.roots)
            elif slot in keys.roots:
                left = without(keys.roots, slot)
                if keys.epochs:
                    epochs.store(self._epochs, keys.epochs if left else {}, left)
                self._roots.store(left)

    def slots(self) -> frozenset[str]:
        """Return the slots in the files.

        Raises:
            KeyFileRefused: a file cannot be read.
        """
        keys = self._keys()
        return frozenset((*keys.roots, *keys.epochs))

    def probe(self) -> None:
        """Return if the files are whole and open.

        Raises:
            KeyFileRefused: one of them is not.
        """
        self._keys()

    def reveal(self) -> dict[str, bytes]:
        """Return the secret bytes of every slot: for a recovery kit or a ceremony, and for nothing else.

        Raises:
            KeyFileRefused: a file cannot be read.
        """
        keys = self._keys()
        return {slot: key.secret for slot, key in (keys.roots | keys.epochs).items()}

    def _key(self, slot: str) -> SlotKey:
        keys = self._keys()
        found = (keys.roots if is_root(check_slot(slot)) else keys.epochs).get(slot)
        if found is None:
            path = self._roots.path if is_root(slot) else self._epochs
            message = f"The {self.name} has no key for {slot}: it was destroyed or never made, or another {path.name} lies there."
            if not path.exists():
                message = (
                    f"{path} is missing, and with it the key for {slot}: put it back, or take it from the recovery kit (confide keys kit "
                    "recover, into a new folder)."
                )
            raise SlotMissing(message)
        return found

    def _keys(self) -> _Keys:
        with self._reading:
            stamps = (slotfile.stamp(self._roots.path), slotfile.stamp(self._epochs))
            seen = self._seen
            if seen is None or seen.stamps != stamps:
                roots = self._roots.load()
                seen = self._seen = _Keys(stamps, roots, epochs.load(self._epochs, roots))
            return seen


def without(keys: Mapping[str, SlotKey], slot: str) -> dict[str, SlotKey]:
    """Return the keys but one."""
    return {name: key for name, key in keys.items() if name != slot}
