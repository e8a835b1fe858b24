"""Root keys in a file that a passphrase opens: whoever has the file alone must guess the passphrase, at the cost of Argon2id each time."""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import argon2
from argon2.low_level import hash_secret_raw

from confide.crypto.errors import DoesNotOpen
from confide.crypto.random import KEY_BYTES
from confide.keys.errors import KeyFileRefused, ProviderRefused
from confide.keys.providers import slotfile
from confide.keys.providers.keyfile import FIRST_ROOT
from confide.keys.providers.local import LocalProvider
from confide.keys.providers.naming import SLOT, bound
from confide.keys.providers.slotkey import REF_BYTES, SlotKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Ask = Callable[[], str]
    """Returns the passphrase, or raises ProviderRefused."""

FIRST_LINE = "confide sealed root keys 1"
LEAST_CHARACTERS = 15
"""For a secret that stands alone (NIST SP 800-63B-4 section 3.1.1.2). Five or more words drawn by dice are better."""
SALT_BYTES = 16
"""RFC 9106 section 3.1: 16 bytes are recommended."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess costs."""

    memory_kib: int
    passes: int
    lanes: int

    def encoded(self) -> bytes:
        """Return the form that stands in the file, and that the sealed keys are bound to."""
        return b"".join(value.to_bytes(4, "big") for value in (argon2.low_level.ARGON2_VERSION, self.memory_kib, self.passes, self.lanes))


HIGH_MEMORY = Cost(memory_kib=2 * 1024 * 1024, passes=1, lanes=4)
"""RFC 9106 section 4, first recommended option: 2 GiB for a second or two, once for each start."""
LOW_MEMORY = Cost(memory_kib=64 * 1024, passes=3, lanes=4)
"""RFC 9106 section 4, second recommended option, where 2 GiB are too much: 64 MiB."""
MOST = Cost(memory_kib=4 * 1024 * 1024, passes=64, lanes=64)
"""A file that asks for more was changed to exhaust this machine."""

_SALT, _COST, _CHECK = "salt", "argon2id", "check"


class SealedRoots:
    """Root keys sealed under a key that Argon2id makes of the passphrase and the salt beside them."""

    def __init__(self, path: Path, ask: Ask) -> None:
        """Take where they are and how to ask for the passphrase; it is asked for when it is needed, and again after it was changed."""
        self.path = path
        self._ask = ask
        self._under: _Under | None = None

    def load(self) -> dict[str, SlotKey]:
        """Return them.

        Raises:
            KeyFileRefused: as `slotfile.read`.
            ProviderRefused: the passphrase is another one.
        """
        found = slotfile.read(self.path, FIRST_LINE)
        under = self._under = self._opener(found)
        try:
            return {
                slot: SlotKey(under.key.open(bound(slot, under.salt), sealed)) for slot, sealed in found.items() if SLOT.fullmatch(slot)
            }
        except DoesNotOpen:
            raise _changed(self.path) from None

    def store(self, roots: Mapping[str, SlotKey]) -> None:
        """Write them under the passphrase with which they were opened."""
        _write(self.path, self._under or self._opener(slotfile.read(self.path, FIRST_LINE)), roots)

    def _opener(self, found: Mapping[str, bytes]) -> _Under:
        salt, cost, check = found.get(_SALT, b""), _cost(found.get(_COST, b"")), found.get(_CHECK, b"")
        if cost is None or len(salt) != SALT_BYTES:
            raise _changed(self.path)
        if self._under is not None and (self._under.salt, self._under.cost) == (salt, cost):
            under = self._under
        else:
            under = stretched(self._ask(), salt, cost)
        try:
            under.key.open(_bound_check(under), check)
        except DoesNotOpen:
            message = f"The passphrase is not the one that {self.path} was sealed with: give the right one. Nothing was written."
            raise ProviderRefused(message) from None
        return under


class Passphrase(LocalProvider):
    """Wraps under root keys that a passphrase opens, and the epoch keys of the file beside them."""

    def __init__(self, path: Path, ask: Ask) -> None:
        """Take where the sealed root keys are, and how to ask for the passphrase; nothing is read yet, see `probe`."""
        super().__init__("passphrase", SealedRoots(path, ask))


@dataclass(frozen=True, slots=True, repr=False)
class _Under:
    """What the root keys are sealed under, and how it was made."""

    salt: bytes
    cost: Cost
    key: SlotKey


def create(path: Path, passphrase: str, cost: Cost = LOW_MEMORY) -> None:
    """Write a file with a fresh root key that this passphrase opens.

    Raises:
        ProviderRefused: the passphrase is too short.
        KeyFileRefused: there is a file already; it is left as it is.
        ProviderUnavailable: the disk is full or not writable.
    """
    check_length(passphrase)
    _write(path, stretched(passphrase, secrets.token_bytes(SALT_BYTES), cost), {FIRST_ROOT: SlotKey.fresh()}, new=True)


def change(path: Path, ask: Ask, passphrase: str, cost: Cost = LOW_MEMORY) -> None:
    """Seal the root keys of a file under another passphrase. A running service asks again for it.

    Raises:
        ProviderRefused: `ask` did not give the passphrase of now, or the new one is too short; nothing was written.
        KeyFileRefused, ProviderUnavailable: as `slotfile.read` and `slotfile.write`.
    """
    check_length(passphrase)
    with slotfile.alone(path.parent):
        roots = SealedRoots(path, ask).load()
        _write(path, stretched(passphrase, secrets.token_bytes(SALT_BYTES), cost), roots)


def check_length(passphrase: str) -> None:
    """Return if a passphrase is long enough for a new file.

    Raises:
        ProviderRefused: it is not.
    """
    if len(passphrase) < LEAST_CHARACTERS:
        message = f"The passphrase is too short: take at least {LEAST_CHARACTERS} characters, better five or more words drawn by dice."
        raise ProviderRefused(message)


def stretched(passphrase: str, salt: bytes, cost: Cost) -> _Under:
    """Return the key that Argon2id (RFC 9106) makes of a passphrase; its reference is the start of the salt, which is no secret."""
    secret = unicodedata.normalize("NFKC", passphrase).encode("utf-8", "surrogatepass")
    key = hash_secret_raw(secret, salt, cost.passes, cost.memory_kib, cost.lanes, KEY_BYTES, argon2.Type.ID)
    return _Under(salt, cost, SlotKey(salt[:REF_BYTES] + key))


def _write(path: Path, under: _Under, roots: Mapping[str, SlotKey], *, new: bool = False) -> None:
    content = {_COST: under.cost.encoded(), _SALT: under.salt, _CHECK: under.key.seal(_bound_check(under), b"")}
    sealed = {slot: under.key.seal(bound(slot, under.salt), key.secret) for slot, key in roots.items()}
    slotfile.write(path, FIRST_LINE, content | sealed, new=new)


def _bound_check(under: _Under) -> bytes:
    return bound(_CHECK, under.salt + under.cost.encoded())


def _cost(encoded: bytes) -> Cost | None:
    numbers = [int.from_bytes(encoded[start : start + 4], "big") for start in range(0, len(encoded), 4)]
    if len(encoded) != 4 * 4 or numbers[0] != argon2.low_level.ARGON2_VERSION:
        return None
    cost = Cost(*numbers[1:])
    bounded = cost.memory_kib <= MOST.memory_kib and 1 <= cost.passes <= MOST.passes and 1 <= cost.lanes <= MOST.lanes
    return cost if bounded and cost.memory_kib >= 8 * cost.lanes else None


def _changed(path: Path) -> KeyFileRefused:
    return KeyFileRefused(f"{path} was changed, or written by a later version: put back the right file. Nothing was written.")
