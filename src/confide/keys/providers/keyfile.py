"""The default provider: a root key in a file that only its owner may read."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from confide.crypto.envelope import DataKey, Suite
from confide.crypto.random import KEY_BYTES, new_key, new_key_ref, wipe
from confide.keys.errors import KeyFileRefused, SlotMissing
from confide.values.ids import KeyRef

if TYPE_CHECKING:
    from pathlib import Path

FIRST_LINE = b"confide root key 1\n"
OWNER_ONLY = 0o600
_CONTEXT = b"root"


class KeyFile:
    """Wraps tenant keys under the root key of one file."""

    name, durable, destruction_seconds = "key file", False, 0

    def __init__(self, key: DataKey, path: Path) -> None:
        self._key = key
        self._path = path.with_name("epochs.key")
        self._slots: dict[str, bytes] = {}

    def make(self, slot: str) -> None:
        import secrets

        self._slots.setdefault(slot, secrets.token_bytes(32))

    def _of(self, slot: str) -> DataKey:
        if slot == "root-1":
            return self._key
        if slot not in self._slots:
            raise SlotMissing("gone")
        return DataKey(KeyRef(slot.encode().ljust(8)[:8]), self._slots[slot])

    def wrap(self, slot: str, key: bytes | bytearray, context: bytes) -> bytes:
        return self._of(slot).seal(Suite.XAES_256_GCM, _CONTEXT + context, bytes(key))

    def unwrap(self, slot: str, wrapped: bytes, context: bytes) -> bytearray:
        return bytearray(self._of(slot).open(_CONTEXT + context, wrapped))

    def destroy(self, slot: str) -> None:
        self._slots.pop(slot, None)

    def slots(self) -> frozenset[str]:
        return frozenset({"root-1", *self._slots})

    def probe(self) -> None:
        pass


def create(path: Path) -> None:
    """Write a fresh root key, readable by its owner only and durable before return.

    Raises:
        KeyFileRefused: there is a file already; it is left as it is.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    except FileExistsError:
        message = f"There is a key file at {path} already; it is left as it is."
        raise KeyFileRefused(message) from None
    key = new_key()
    try:
        os.write(handle, FIRST_LINE + (new_key_ref() + key).hex().encode() + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)
        wipe(key)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path) -> KeyFile:
    """Return the provider of a key file.

    Raises:
        KeyFileRefused: missing, unreadable, readable by group or world, or not a key file.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                message = f"The key file {path} can be read by others (mode {mode:04o}): run chmod 600 on it, and consider the key known."
                raise KeyFileRefused(message)
            content = file.read(1024)
    except OSError as error:
        message = (
            f"The key file {path} cannot be read ({error.strerror}): put it back, or name another in the settings. Nothing was written."
        )
        raise KeyFileRefused(message) from None
    first, _, rest = content.partition(b"\n")
    try:
        secret = bytearray.fromhex(rest.decode("ascii").strip())
    except ValueError:
        secret = bytearray()
    if first + b"\n" != FIRST_LINE or len(secret) != KEY_BYTES + 8:
        message = f"The file {path} is not a Confide key file, or a part of it is missing. Nothing was written."
        raise KeyFileRefused(message)
    provider = KeyFile(DataKey(KeyRef(bytes(secret[:8])), secret[8:]), path)
    wipe(secret)
    return provider
