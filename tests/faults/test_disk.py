"""The disk that loses what was not synced: what is sure, and what is not."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random  # noqa: TID251 - chance comes from a seed that Hypothesis chooses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults import journal
from tests.faults.disk import SECTOR, Disk
from tests.faults.journal import HEAD, Kind, Record, TornJournalError

FILE = 7
SHARE = st.floats(0, 1)
SEED = st.integers(0, 2**32)
WRITE = st.builds(
    lambda place, size, letter: Record(Kind.WRITTEN, FILE, place, bytes([letter]) * size, 0),
    st.integers(0, 4 * SECTOR),
    st.integers(1, 4 * SECTOR),
    st.integers(1, 255),
)
CUT = st.builds(lambda place: Record(Kind.CUT, FILE, place, b"", 0), st.integers(0, 6 * SECTOR))
CHANGES = st.lists(st.one_of(WRITE, CUT), max_size=8)
OPENED = Record(Kind.OPENED, FILE, 0, b"/x/a", 0)
CREATED = Record(Kind.CREATED, FILE, 0, b"/x/new", 0)
SYNCED = Record(Kind.SYNCED, FILE, 0, b"", 0)
FOLDER_SYNCED = Record(Kind.FOLDER_SYNCED, 0, 0, b"/x", 0)


def disk_of(*records: Record) -> Disk:
    disk = Disk({"/x/a": b"before", "/x/b": b"other"})
    for one in records:
        disk.take(one)
    return disk


def left(disk: Disk, seed: int, share: float) -> dict[str, bytes]:
    return disk.left(Random(seed), share)  # noqa: S311 - no secret comes of it


@given(CHANGES, SEED, SHARE)
def test_what_was_synced_stays(changes: list[Record], seed: int, share: float) -> None:
    """After a sync, every loss leaves the content that the process sees."""
    disk = disk_of(OPENED, *changes, SYNCED)

    assert left(disk, seed, share) == disk.whole()


@given(CHANGES, CHANGES, SEED)
def test_the_worst_loss_leaves_what_was_synced_and_the_least_leaves_all(synced: list[Record], after: list[Record], seed: int) -> None:
    """A share of 0 goes back to the last sync, a share of 1 loses nothing."""
    sure = disk_of(OPENED, *synced).whole()
    disk = disk_of(OPENED, *synced, SYNCED, *after)

    assert left(disk, seed, 0) == sure
    assert left(disk, seed, 1) == disk.whole()


@given(WRITE, SEED, SHARE)
def test_a_torn_write_is_torn_at_sectors(write: Record, seed: int, share: float) -> None:
    """Within a sector of the disk, an unsynced write is there whole or not at all."""
    size = 10 * SECTOR
    disk = Disk({"/x/a": bytes(size)})
    disk.take(OPENED)
    disk.take(write)

    content = left(disk, seed, share)["/x/a"]

    for start in range(0, size, SECTOR):
        sector = content[start : start + SECTOR]
        assert sector in {bytes(SECTOR), disk.whole()["/x/a"][start : start + SECTOR]}


def test_unsynced_writes_are_torn_kept_and_lost() -> None:
    """Over many losses, each fate occurs."""
    disk = disk_of(OPENED, Record(Kind.WRITTEN, FILE, 0, b"n" * 2 * SECTOR, 0))

    seen = {left(disk, seed, 0.5)["/x/a"] for seed in range(100)}

    assert {b"before", b"n" * 2 * SECTOR, b"n" * SECTOR, b"before" + bytes(SECTOR - 6) + b"n" * SECTOR} == seen


def test_a_name_is_sure_once_its_folder_was_synced() -> None:
    """A new file whose content alone was synced may be gone; with its folder synced it stays."""
    content = (CREATED, Record(Kind.WRITTEN, FILE, 0, b"new", 0), SYNCED)

    without, with_folder = disk_of(*content), disk_of(*content, FOLDER_SYNCED)

    assert {"/x/new" in left(without, seed, 0.5) for seed in range(50)} == {True, False}
    assert all(left(with_folder, seed, 0)["/x/new"] == b"new" for seed in range(50))


def test_a_removed_file_may_be_back() -> None:
    """Until its folder was synced, the removal of a name is not sure."""
    removed = Record(Kind.UNLINKED, 0, 0, b"/x/b", 0)

    assert {"/x/b" in left(disk_of(removed), seed, 0.5) for seed in range(50)} == {True, False}
    assert "/x/b" not in left(disk_of(removed, FOLDER_SYNCED), 1, 0)


def test_a_rename_is_whole_or_absent() -> None:
    """A file has its old name or its new one, never both or none."""
    renamed = Record(Kind.RENAMED, 0, 0, b"/x/b\0/x/a", 0)

    seen = {tuple(sorted(left(disk_of(renamed), seed, 0.5).items())) for seed in range(50)}

    assert seen == {(("/x/a", b"before"), ("/x/b", b"other")), (("/x/a", b"other"),)}


def test_the_recorder_tells_of_each_kind_of_call(tmp_path: Path) -> None:
    """What a process does with a folder through every call that is followed gives the very files that it leaves."""
    folder, told = tmp_path / "folder", tmp_path / "journal"
    folder.mkdir()
    (folder / "old").write_bytes(b"old content")
    (folder / "gone").write_bytes(b"gone")
    before = {str(path): path.read_bytes() for path in folder.iterdir()}
    program = """
import os, sys
os.chdir(sys.argv[1])
here = os.getcwd() + "/"
new = os.open(here + "new", os.O_RDWR | os.O_CREAT, 0o600)
os.write(new, b"0123456789")
os.pwrite(new, b"abc", 20)
os.fdatasync(new)
os.ftruncate(new, 15)
with open(here + "old", "ab") as old:
    old.write(b" and more")
    old.flush()
    os.fsync(old.fileno())
with open(here + "part", "wb") as part:
    part.write(b"first")
with open(here + "part", "wb") as part:
    part.write(b"x")
os.rename(here + "part", here + "whole")
os.unlink(here + "gone")
os.fsync(os.open(here, os.O_RDONLY))
"""
    recorder = journal.build(tmp_path)
    subprocess.run([sys.executable, "-c", program, str(folder)], check=True, env=journal.environment(recorder, folder, told))
    disk = Disk(before)
    kinds = set()
    for one in journal.read(told):
        disk.take(one)
        kinds.add(one.kind)

    assert disk.whole() == {str(path): path.read_bytes() for path in folder.iterdir()}
    assert kinds == set(Kind) - {Kind.NOT_FOLLOWED}


def test_what_cannot_be_followed_ends_the_run() -> None:
    """A record of a call that the recorder cannot follow is refused."""
    with pytest.raises(TornJournalError, match="pwritev"):
        disk_of(Record(Kind.NOT_FOLLOWED, 0, 0, b"pwritev", 0))


@given(st.binary(min_size=1, max_size=200))
def test_a_journal_that_ends_within_a_record_is_refused(body: bytes) -> None:
    """Whatever is cut off its end is noticed."""
    whole = HEAD.pack(b"W", FILE, 0, len(body)) + body
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "journal"
        told.write_bytes(whole)
        [record] = journal.read(told)
        told.write_bytes(whole[:-1])

        with pytest.raises(TornJournalError):
            list(journal.read(told))

    assert (record.kind, record.body, record.end) == (Kind.WRITTEN, body, len(whole))
