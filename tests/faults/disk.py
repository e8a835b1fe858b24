"""A disk that keeps what was synced, and of the rest what chance leaves of it.

What POSIX promises, and no more: the content of a file is sure once it was synced after it was written; a name is sure once its folder
was synced. Of what came after, each write is whole, absent or torn at sectors, whatever became of the writes before it; each change of
size is done or not; of the changes of names, some of the first are done (every journalling file system keeps their order).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from tests.faults.journal import Kind, TornJournalError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random  # noqa: TID251 - chance comes in as an argument, from a seed

    from tests.faults.journal import Record

SECTOR = 512
"""Bytes that a disk writes whole or not at all; today's disks write at least this."""


class Change(NamedTuple):
    """A write at `place`, or a change of size to `place` where there is no data."""

    place: int
    data: bytes | None


@dataclass
class File:
    """What is sure of a file, and what was done since."""

    sure: bytearray = field(default_factory=bytearray)
    unsynced: list[Change] = field(default_factory=list)

    def sync(self) -> None:
        """Make all that was done sure."""
        for change in self.unsynced:
            apply(self.sure, change)
        self.unsynced.clear()

    def whole(self) -> bytes:
        """Return the content as the process sees it."""
        content = bytearray(self.sure)
        for change in self.unsynced:
            apply(content, change)
        return bytes(content)

    def left(self, rng: Random, share: float) -> bytes:
        """Return what a loss of power may leave, when it leaves about `share` of what was not synced."""
        content = bytearray(self.sure)
        for change in self.unsynced:
            for part in torn(change, rng, share):
                apply(content, part)
        return bytes(content)


def apply(content: bytearray, change: Change) -> None:
    """Do one change; a gap before it is filled with zeros."""
    place, data = change
    if data is None:
        del content[place:]
        content.extend(bytes(place - len(content)))
        return
    if len(content) < place:
        content.extend(bytes(place - len(content)))
    content[place : place + len(data)] = data


def torn(change: Change, rng: Random, share: float) -> list[Change]:
    """Return the parts of a change that reach the disk: all of it, nothing, or some of its sectors."""
    fate = rng.random()
    if change.data is None or fate >= share / 2:
        whole = rng.random() < share
        return [change] if whole else []
    return [part for part in sectors(change.place, change.data) if rng.random() < share]


def sectors(place: int, data: bytes) -> list[Change]:
    """Return a write as its pieces within the sectors of the disk."""
    first = SECTOR - place % SECTOR
    cuts = [0, *range(first, len(data), SECTOR), len(data)]
    return [Change(place + start, data[start:end]) for start, end in pairwise(cuts) if end > start]


class Naming(NamedTuple):
    """A file got a name, lost it (`file` is None), or took over the name `replaced`."""

    path: str
    file: File | None
    replaced: str | None = None


class Disk:
    """The files of one folder, made from what was there and from the records of what was done to it."""

    def __init__(self, base: Mapping[str, bytes]) -> None:
        """Start from the content of each path, all of it sure."""
        self._sure = {path: File(bytearray(content)) for path, content in base.items()}
        self._seen = dict(self._sure)
        self._unsynced: list[Naming] = []
        self._by_number: dict[int, File] = {}

    def take(self, record: Record) -> None:
        """Do what a record tells.

        Raises:
            TornJournalError: it tells of something that the recorder could not follow.
        """
        if record.kind in {Kind.WRITTEN, Kind.CUT, Kind.SYNCED}:
            self._change(self._by_number[record.file], record)
        else:
            self._change_names(record, record.body.decode())

    @staticmethod
    def _change(file: File, record: Record) -> None:
        if record.kind is Kind.SYNCED:
            file.sync()
        else:
            file.unsynced.append(Change(record.place, record.body if record.kind is Kind.WRITTEN else None))

    def _change_names(self, record: Record, path: str) -> None:
        match record.kind:
            case Kind.CREATED:
                file = self._by_number[record.file] = File()
                self._name(Naming(path, file))
            case Kind.OPENED:
                self._by_number[record.file] = self._seen[path]
            case Kind.UNLINKED:
                self._name(Naming(path, None))
            case Kind.RENAMED:
                before, after = path.split("\0")
                self._name(Naming(after, self._seen[before], before))
            case Kind.FOLDER_SYNCED:
                self._sync_folder(path)
            case _:
                message = f"The process called {path}, which the recorder cannot follow."
                raise TornJournalError(message)

    def whole(self) -> dict[str, bytes]:
        """Return the files as the process sees them."""
        return {path: file.whole() for path, file in self._seen.items()}

    def left(self, rng: Random, share: float) -> dict[str, bytes]:
        """Return the files that a loss of power at this moment may leave."""
        names = dict(self._sure)
        done = sum(rng.random() < share for _ in self._unsynced)
        for naming in self._unsynced[:done]:
            rename(names, naming)
        return {path: file.left(rng, share) for path, file in names.items()}

    def _name(self, naming: Naming) -> None:
        rename(self._seen, naming)
        self._unsynced.append(naming)

    def _sync_folder(self, folder: str) -> None:
        for naming in self._unsynced:
            if naming.path.rpartition("/")[0] == folder:
                rename(self._sure, naming)
        self._unsynced = [one for one in self._unsynced if one.path.rpartition("/")[0] != folder]


def rename(names: dict[str, File], naming: Naming) -> None:
    """Do one change of a name."""
    names.pop(naming.path, None)
    if naming.replaced is not None:
        names.pop(naming.replaced, None)
    if naming.file is not None:
        names[naming.path] = naming.file
