"""A folder: for nobody else's eyes, whole after a kill and after a loss of power, clear when the disk is full."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path
from random import Random  # noqa: TID251 - which losses are tried comes from a seed
from typing import TYPE_CHECKING

import pytest

from confide.store.errors import Unavailable
from confide.store.objects.errors import ObjectExists, ObjectsRefused, UnknownObjects
from confide.store.objects.folder import UNFINISHED, Folder
from confide.store.objects.opening import open_objects
from confide.store.objects.protocol import written
from tests.faults import journal
from tests.faults.disk import Disk
from tests.required import missing
from tests.store.objects.folder_writer import content

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
WRITER = (sys.executable, "-m", "tests.store.objects.folder_writer")
SIZE, COUNT = 3000, 12
POINTS = 60


def write(objects: Folder, name: str, *pieces: bytes) -> None:
    """Write an object."""
    with written(objects, name) as writing:
        for piece in pieces:
            writing.write(piece)


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Take away what else would keep others out."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_nobody_else_may_look(tmp_path: Path, open_umask: None) -> None:
    """Files are 0600 and folders 0700 from the first byte on, whatever the umask."""
    objects = Folder(tmp_path / "store")
    writing = objects.put("ab/cd/ef")
    writing.write(b"x")
    early = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "store").rglob("*")}
    writing.finish()
    late = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [tmp_path / "store", *(tmp_path / "store").rglob("*")]}

    assert early == {"ab": 0o700, "cd": 0o700, "ef.part": 0o600}
    assert late == {"store": 0o700, "ab": 0o700, "cd": 0o700, "ef": 0o600}


def test_a_killed_writer_leaves_what_it_finished_and_one_beginning(tmp_path: Path) -> None:
    """Every object that was acknowledged is whole, and what is left besides says what it is."""
    folder = tmp_path / "store"
    with subprocess.Popen([*WRITER, str(folder), "100000", "200000"], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(25)]
        process.kill()
        acknowledged += [int(line) for line in process.stdout if line.endswith("\n")]
    objects = Folder(folder)
    listed = {one.name: (folder / one.name).read_bytes() for one in objects.list("")}
    left = list(objects.unfinished(""))
    for one in left:
        objects.discard(one)

    assert listed.keys() >= {f"{number % 4}/{number}" for number in acknowledged}
    assert listed == {name: content(int(name.rpartition("/")[2]), 200_000) for name in listed}
    assert len(left) <= 1
    assert not list(folder.rglob("*" + UNFINISHED))


@pytest.fixture(scope="module")
def losses(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a folder, and the journal of all that a writer did to it."""
    scratch = tmp_path_factory.mktemp("losses")
    try:
        recorder = journal.build(scratch)
    except journal.NoCompilerError as error:
        missing(str(error))
    folder, book = scratch / "store", scratch / "journal"
    folder.mkdir()
    added = journal.environment(recorder, folder, book)
    subprocess.run([*WRITER, str(folder), str(COUNT), str(SIZE)], cwd=ROOT, env={**os.environ, **added}, check=True, capture_output=True)
    return folder, book


def test_a_loss_of_power_takes_no_finished_object(losses: tuple[Path, Path]) -> None:
    """Whatever a disk loses that was not synced: of each object the whole is there or nothing, and all that were finished are."""
    folder, book = losses
    disk, rng = Disk({}), Random(7)  # noqa: S311 - no secret comes of it
    begun, renamed, finished, checked = 0, 0, 0, 0
    for record in journal.read(book):
        disk.take(record)
        if record.kind is journal.Kind.RENAMED:
            renamed += 1
        if record.kind is journal.Kind.FOLDER_SYNCED and renamed > finished and record.body.decode() != str(folder.resolve()):
            finished += 1  # `finish` returns after this and not before
        begun += record.kind is journal.Kind.CREATED
        for share in (0.0, 0.3, 0.7, 1.0):
            left = {Path(path).name: data for path, data in disk.left(rng, share).items() if not path.endswith(UNFINISHED)}
            checked += 1

            assert left == {name: content(int(name), SIZE) for name in left}
            assert left.keys() >= {str(number) for number in range(finished)}
    assert (begun, finished) == (COUNT, COUNT)
    assert checked > POINTS


def test_a_name_taken_at_the_last_moment_is_not_overwritten(tmp_path: Path) -> None:
    """Between the first look and the end, another writer may have come and gone."""
    writing = Folder(tmp_path).put("a")
    writing.write(b"late")
    (tmp_path / "a").write_bytes(b"early")

    with pytest.raises(ObjectExists):
        writing.finish()
    writing.abort()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"early"}


def test_a_full_disk_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    """The limit is one of the system's, which cuts a write short as a full disk does."""
    objects = Folder(tmp_path / "store")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        with pytest.raises(Unavailable, match="EFBIG"):
            write(objects, "a/b", bytes(60_000), bytes(60_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)

    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []


def test_no_space_is_told(tmp_path: Path) -> None:
    """`/dev/full` is a disk without space."""
    objects = Folder(tmp_path / "store")
    writing = objects.put("a/b")
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, writing._descriptor)
    os.close(full)

    with pytest.raises(Unavailable, match="ENOSPC"):
        writing.write(b"x")
    writing.abort()


def test_a_folder_that_may_not_be_used_says_so(tmp_path: Path) -> None:
    """A file stands where the folder should be: the error has the system's word for it, and no path."""
    (tmp_path / "store").write_text("in the way", encoding="utf-8")

    with pytest.raises(Unavailable) as caught:
        Folder(tmp_path / "store").put("a/b")
    assert "ENOTDIR" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_permissions_are_told_apart_from_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the account may not do is refused, and waiting does not help."""

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, "no", "/a/path")

    objects = Folder(tmp_path)
    monkeypatch.setattr(os, "open", refuse)

    with pytest.raises(ObjectsRefused, match="EACCES"):
        objects.put("a")


def test_a_file_deleted_while_it_is_read_stays_readable(tmp_path: Path) -> None:
    """An open object is the object that was opened."""
    objects = Folder(tmp_path)
    write(objects, "a", b"content")
    reading = objects.get("a")
    objects.delete("a")
    room = memoryview(bytearray(100))

    assert bytes(room[: reading.readinto(room)]) == b"content"
    reading.close()


@pytest.mark.parametrize("address", ["", "objects", "file://relative", "ftp://host/x", "s3://", "s3:///x", "/absolute"])
def test_an_unknown_address_is_refused(address: str) -> None:
    """Only absolute folders and buckets are stores."""
    with pytest.raises(UnknownObjects):
        open_objects(address)


def test_a_folder_is_opened_by_its_address(tmp_path: Path) -> None:
    """`file://` and an absolute path."""
    store = open_objects(f"file://{tmp_path}/deep/store")
    assert isinstance(store, Folder)
    write(store, "a/b", b"x")

    assert (tmp_path / "deep" / "store" / "a" / "b").read_bytes() == b"x"
