"""A small file of secrets: written whole or not at all, and read only where nobody but its owner may read it.

```
confide … 1            what it is
root-1 8f03…           a name and hexadecimal bytes, in each line
sum 5a0c…              SHA-256 of all the lines before: a part of a file is not taken for a file
```
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import time
from typing import TYPE_CHECKING

from confide.keys.errors import KeyFileRefused, ProviderUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

OWNER_ONLY = 0o600
OTHERS = 0o077
PART = ".part"
SUM = b"sum "
MOST_BYTES = 1 << 20
"""Far more than ten thousand slots need."""
LOCK_SECONDS = 10.0
"""How long another process may take to write; it takes milliseconds."""
_POLL_SECONDS = 0.01

Stamp = tuple[int, int, int, int]
"""What changes when a file is replaced or written to: inode, time, size, mode."""


def stamp(path: Path) -> Stamp | None:
    """Return the stamp of a file, None where there is none.

    Raises:
        KeyFileRefused: it cannot be looked at, or others may read it.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error) from None
    _check_mode(path, found.st_mode)
    return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode


def read(path: Path, first_line: str) -> dict[str, bytes]:
    """Return the names of a file with their bytes.

    Raises:
        KeyFileRefused: missing, unreadable, readable by group or world, of another kind, or not whole. It is left as it is.
    """
    try:
        with path.open("rb") as file:
            _check_mode(path, os.fstat(file.fileno()).st_mode)
            content = file.read(MOST_BYTES)
    except OSError as error:
        raise _unreadable(path, error) from None
    found = _parsed(content, first_line)
    if found is None:
        message = f"{path} is no whole key file that starts with “{first_line}”: put back the right one, all of it. Nothing was written."
        raise KeyFileRefused(message)
    return found


def write(path: Path, first_line: str, content: Mapping[str, bytes], *, new: bool = False) -> None:
    """Give a file its content, for its owner only and durably; a failure leaves what is there as it is.

    Args:
        path: where; a symbolic link is followed, not replaced.
        first_line: what it is.
        content: names and their bytes.
        new: refuse to take the place of a file that is there.

    Raises:
        KeyFileRefused: there is a file already, and `new` was asked for.
        ProviderUnavailable: the disk is full or not writable.
    """
    path = path.resolve()
    body = "\n".join((first_line, *(f"{name} {value.hex()}" for name, value in content.items()), "")).encode("ascii")
    part = path.with_name(path.name + PART)
    try:
        part.unlink(missing_ok=True)  # of a process that was killed; it never got the name
        _write_part(part, body + SUM + hashlib.sha256(body).hexdigest().encode() + b"\n")
        if new:
            os.link(part, path)
            part.unlink()
        else:
            part.replace(path)
        _sync_folder(path.parent)
    except FileExistsError:
        part.unlink(missing_ok=True)
        message = f"There is a file at {path} already; it is left as it is."
        raise KeyFileRefused(message) from None
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        message = f"The file {path} cannot be written ({error.strerror}): make room or mend its folder. What was there is as it was."
        raise ProviderUnavailable(message) from None


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep every other process and thread from changing the files of a folder meanwhile.

    Raises:
        KeyFileRefused: the folder is not there.
        ProviderUnavailable: another process keeps it for too long.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise _unreadable(folder, error) from None
    try:
        until = time.monotonic() + LOCK_SECONDS
        while not _locked(handle):
            if time.monotonic() > until:
                message = f"Another process has been changing the key files in {folder} for {LOCK_SECONDS:.0f} seconds: look for it."
                raise ProviderUnavailable(message)
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(handle)


def _parsed(content: bytes, first_line: str) -> dict[str, bytes] | None:
    body, _, total = content.rpartition(SUM)
    if total != hashlib.sha256(body).hexdigest().encode() + b"\n":
        return None
    first, *lines = body.decode("ascii", "replace").splitlines() or [""]
    try:
        found = {name: bytes.fromhex(value) for name, value in (line.split(" ", 1) for line in lines)}
    except ValueError:
        return None
    return found if first == first_line else None


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_part(part: Path, content: bytes) -> None:
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, OWNER_ONLY)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _check_mode(path: Path, mode: int) -> None:
    if mode & OTHERS:
        shown = f"{stat.S_IMODE(mode):04o}"
        message = f"The key file {path} can be read by others (mode {shown}): run chmod 600 on it, and consider the keys known."
        raise KeyFileRefused(message)


def _unreadable(path: Path, error: OSError) -> KeyFileRefused:
    return KeyFileRefused(
        f"The key file {path} cannot be read ({error.strerror}): put it back, or name another in the settings. Nothing was written."
    )
