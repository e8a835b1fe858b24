"""Objects as files of a local folder, for nobody but the account that the server runs under.

An object is written beside its place under a name of its own kind, made durable, and renamed: a crash leaves the whole object or none,
and what it leaves besides is recognised by its name.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from confide.store.errors import Unavailable
from confide.store.objects.errors import ObjectsRefused, missing, taken
from confide.store.objects.protocol import Stored, Unfinished, check_name
from confide.store.objects.reserve import reserve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from confide.store.errors import StoreError
    from confide.store.objects.protocol import Piece

UNFINISHED = ".part"
"""No object's name has a dot."""
FILE_MODE, FOLDER_MODE = 0o600, 0o700
REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}


class Folder:
    """The object store of an instance without another."""

    def __init__(self, root: Path) -> None:
        """Take the folder; it is made with the first object."""
        self._root = root

    def put(self, name: str) -> FolderWriting:
        """Begin to write a file."""
        path = self._path(name)
        if path.exists():
            raise taken()
        try:
            _make_folders(path.parent, self._root)
            part = path.with_name(path.name + UNFINISHED)
            return FolderWriting(path, part, os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))
        except FileExistsError:
            raise taken() from None
        except OSError as error:
            raise _failure(error) from None

    def get(self, name: str, limit: int | None = None) -> FolderReading:
        """Open a file."""
        try:
            return FolderReading(os.open(self._path(name), os.O_RDONLY), limit)
        except FileNotFoundError:
            raise missing() from None
        except OSError as error:
            raise _failure(error) from None

    def find(self, name: str) -> Stored | None:
        """Return size and time of a file."""
        try:
            found = self._path(name).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _failure(error) from None
        return Stored(name, found.st_size, found.st_mtime_ns // 1000)

    def delete(self, name: str) -> None:
        """Unlink a file. What the disk still holds of it is sealed; see the guide for what that is worth once its key is gone."""
        self._unlink(self._path(name))

    def list(self, prefix: str) -> Iterator[Stored]:
        """Yield the files whose names begin with `prefix`."""
        for path, name in self._walk(prefix):
            if not name.endswith(UNFINISHED):
                found = self._stat(path)
                if found is not None:
                    yield Stored(name, found.st_size, found.st_mtime_ns // 1000)

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Yield the files that were not renamed."""
        for path, name in self._walk(prefix):
            if name.endswith(UNFINISHED):
                found = self._stat(path)
                if found is not None:
                    yield Unfinished(name.removesuffix(UNFINISHED), UNFINISHED, found.st_mtime_ns // 1000)

    def discard(self, one: Unfinished) -> None:
        """Unlink what was left."""
        path = self._path(one.name)
        self._unlink(path.with_name(path.name + UNFINISHED))

    def _path(self, name: str) -> Path:
        return self._root / check_name(name)

    def _walk(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Yield path and name of every file below the last folder that `prefix` names."""
        start = self._root / prefix.rpartition("/")[0]
        for folder, _, files in os.walk(start, onerror=_walking):
            for file in files:
                path = os.path.join(folder, file)  # noqa: PTH118 - a Path for each of a million files takes seconds
                name = os.path.relpath(path, self._root)
                if name.startswith(prefix):
                    yield path, name

    def _stat(self, path: str) -> os.stat_result | None:
        try:
            return os.stat(path)  # noqa: PTH116 - as above
        except FileNotFoundError:
            return None  # deleted or renamed meanwhile
        except OSError as error:
            raise _failure(error) from None

    def _unlink(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
            if path.parent.exists():
                sync_folder(path.parent)
        except OSError as error:
            raise _failure(error) from None


class FolderWriting:
    """A file that has not its name yet."""

    def __init__(self, path: Path, part: Path, descriptor: int) -> None:
        """Take the open file."""
        self._path, self._part, self._descriptor = path, part, descriptor

    def write(self, piece: Piece, /) -> int:
        """Hand bytes to the system."""
        left = memoryview(piece)
        try:
            while left:  # a full disk takes a part before it refuses
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            raise _failure(error) from None
        return len(piece)

    def reserve(self, size: int) -> None:
        """Reserve room for so many bytes more."""
        try:
            reserve(self._descriptor, os.lseek(self._descriptor, 0, os.SEEK_CUR), size)
        except OSError as error:
            raise _failure(error) from None

    def finish(self) -> None:
        """Make the bytes durable, then the name."""
        try:
            os.fsync(self._descriptor)
            self._close()
            if self._path.exists():
                raise taken()
            # Nobody else can take the name between these two lines: writers of one name exclude each other by its part file.
            self._part.rename(self._path)
            sync_folder(self._path.parent)
        except OSError as error:
            raise _failure(error) from None

    def abort(self) -> None:
        """Remove the file."""
        self._close()
        try:
            self._part.unlink(missing_ok=True)
        except OSError:
            return  # it stays for the sweep

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class FolderReading:
    """An open file."""

    def __init__(self, descriptor: int, limit: int | None) -> None:
        """Take the open file."""
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        self._left = self.size if limit is None else limit

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def readinto(self, room: memoryview, /) -> int:
        """Read."""
        try:
            got = os.readv(self._descriptor, [room[: self._left]])
        except OSError as error:
            raise _failure(error) from None
        self._left -= got
        return got

    def close(self) -> None:
        """Close."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folders(folder: Path, root: Path) -> None:
    if folder.exists():
        return
    if folder != root:
        _make_folders(folder.parent, root)
    folder.mkdir(FOLDER_MODE, parents=folder == root, exist_ok=True)
    sync_folder(folder.parent)


def _walking(error: OSError) -> None:
    if error.errno != errno.ENOENT:
        raise _failure(error) from None


def _failure(error: OSError) -> StoreError:
    name = errno.errorcode.get(error.errno or 0, "unknown")
    if error.errno in REFUSED:
        return ObjectsRefused(f"The folder of the object store cannot be used ({name}): give it to the account of the server.")
    return Unavailable(f"The object store cannot be used now ({name}): look at its disk. Nothing was overwritten.")
