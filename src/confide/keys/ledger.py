"""The shred ledger: which subjects' keys were destroyed, as signed lines in a file that is part of no backup.

A restored backup is older than the ledger. Whatever the ledger tells and the restored databases have not carried out must be carried
out before a key opens again. A ledger that lost lines is refused: the databases remember how many there were, and the last one's hash.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from confide.crypto.signing import is_signed
from confide.keys.errors import LedgerRefused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from confide.crypto.signing import SigningKey

OWNER_ONLY = 0o600
START = bytes(32)
"""What the first line follows."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line; byte strings in hex. Identifiers in it are random and mean nothing once the data are gone."""

    number: int
    time: int
    """Microseconds since 1970."""
    tenant: int
    subjects: tuple[str, ...]
    """Every key of theirs is destroyed."""
    keys: tuple[str, ...] = ()
    """References of single keys that are destroyed, such as the old key of a document that named several people."""
    previous: str
    """SHA-256 of the line before."""

    def subject_ids(self) -> tuple[bytes, ...]:
        """Return the 16-byte identifiers of the subjects."""
        return tuple(map(bytes.fromhex, self.subjects))

    def key_refs(self) -> tuple[bytes, ...]:
        """Return the 8-byte references of single keys."""
        return tuple(map(bytes.fromhex, self.keys))


class _Line(msgspec.Struct, frozen=True):
    entry: Entry
    signature: str


@dataclass(frozen=True, slots=True)
class State:
    """How far a database has carried the ledger out: the number of entries, and the hash of the last one's line."""

    entries: int = 0
    head: bytes = START


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger file of one organisation; `public` is the key that its lines are signed with."""

    path: Path
    public: bytes

    def pending(self, state: State) -> list[tuple[Entry, State]]:
        """Return the entries that a database has still to carry out, each with the state that it leads to.

        Raises:
            LedgerRefused: a line is missing, changed, out of order or not signed by us; or it is not the ledger of this database.
        """
        found, at = [], State()
        agrees = state.entries == 0
        for raw in self._lines():
            at, entry = self._check(raw, at)
            if at.entries == state.entries:
                agrees = at.head == state.head
            if at.entries > state.entries:
                found.append((entry, at))
        if not agrees:
            message = (
                f"The shred ledger {self.path} does not hold the {state.entries} erasures that this database has carried out: put the "
                "whole ledger back. Nothing is opened without it, since erased data could return."
            )
            raise LedgerRefused(message)
        return found

    def all(self) -> list[Entry]:
        """Return every entry.

        Raises:
            LedgerRefused: as `pending`.
        """
        return [entry for entry, _ in self.pending(State())]

    def append(self, signer: SigningKey, tenant: int, subjects: tuple[bytes, ...], keys: tuple[bytes, ...], now: int) -> Entry:
        """Write an entry and return it once it is durable.

        Raises:
            LedgerRefused: the ledger cannot be read or written; nothing was destroyed.
        """
        with self._held() as handle:
            raw = os.pread(handle, os.fstat(handle).st_size, 0)
            whole = raw[: raw.rfind(b"\n") + 1]  # a line without its end was never acknowledged
            at = State()
            for line in whole.splitlines():
                at, _ = self._check(line, at)
            entry = Entry(
                number=at.entries + 1,
                time=now,
                tenant=tenant,
                subjects=tuple(one.hex() for one in subjects),
                keys=tuple(one.hex() for one in keys),
                previous=at.head.hex(),
            )
            signature = signer.sign(msgspec.json.encode(entry)).hex()
            os.ftruncate(handle, len(whole))
            os.pwrite(handle, msgspec.json.encode(_Line(entry, signature)) + b"\n", len(whole))
            os.fsync(handle)
        return entry

    def _lines(self) -> list[bytes]:
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            message = f"The shred ledger {self.path} cannot be read ({error.strerror}): nothing is opened without it."
            raise LedgerRefused(message) from None
        return raw[: raw.rfind(b"\n") + 1].splitlines()

    def _check(self, raw: bytes, before: State) -> tuple[State, Entry]:
        try:
            line = msgspec.json.decode(raw, type=_Line)
            signature = bytes.fromhex(line.signature)
        except (msgspec.MsgspecError, ValueError):
            line, signature = None, b""
        entry = line.entry if line else None
        if (
            line is None
            or entry is None
            or entry.number != before.entries + 1
            or entry.previous != before.head.hex()
            or not is_signed(self.public, msgspec.json.encode(entry), signature)
        ):
            message = (
                f"Line {before.entries + 1} of the shred ledger {self.path} is not as it was written, or belongs to another instance: "
                "put the ledger back as it was. Nothing is opened without it."
            )
            raise LedgerRefused(message)
        return State(entry.number, sha256(raw).digest()), entry

    @contextmanager
    def _held(self) -> Iterator[int]:
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, OWNER_ONLY)
        except OSError as error:
            message = f"The shred ledger {self.path} cannot be written ({error.strerror}): nothing was destroyed."
            raise LedgerRefused(message) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            _sync_folder(self.path.parent)
            yield handle
        finally:
            os.close(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
