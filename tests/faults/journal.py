"""The journal that `recorder.c` writes: build the layer, read the records."""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).with_name("recorder.c")
HEAD = struct.Struct("=cQQI")
"""Kind, file (inode number), place, length of the body; `struct head` in recorder.c."""


class NoCompilerError(RuntimeError):
    """There is nothing to build the recorder with."""


class TornJournalError(RuntimeError):
    """The journal ends in the middle of a record, or tells of something that the recorder cannot follow."""


class Kind(StrEnum):
    """What a process did."""

    CREATED = "C"
    OPENED = "O"
    WRITTEN = "W"
    CUT = "T"
    SYNCED = "S"
    FOLDER_SYNCED = "D"
    RENAMED = "R"
    UNLINKED = "U"
    NOT_FOLLOWED = "X"


@dataclass(frozen=True, slots=True)
class Record:
    """One call; `end` is where its record ends, in bytes from the start of the journal."""

    kind: Kind
    file: int
    place: int
    body: bytes
    end: int


def build(folder: Path) -> Path:
    """Compile the recorder into a folder and return the shared object.

    Raises:
        NoCompilerError: there is no C compiler.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        message = "There is no C compiler (cc), which the layer that loses unsynced writes is built with: run make system-packages."
        raise NoCompilerError(message)
    built = folder / "recorder.so"
    flags = ("-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")
    subprocess.run([compiler, *flags, "-o", str(built), str(SOURCE), "-ldl", "-pthread"], check=True)
    return built


def environment(recorder: Path, folder: Path, journal: Path) -> dict[str, str]:
    """Return the variables with which a process has its deeds on a folder written down."""
    return {
        "LD_PRELOAD": str(recorder),
        "RECORDER_FOLDER": str(folder.resolve()),
        "RECORDER_JOURNAL": str(journal.resolve()),
    }


def read(journal: Path) -> Iterator[Record]:
    """Yield the records in order.

    Raises:
        TornJournalError: see there.
    """
    content = memoryview(journal.read_bytes())
    at = 0
    while at < len(content):
        if at + HEAD.size > len(content):
            message = "The journal ends within the head of a record."
            raise TornJournalError(message)
        kind, file, place, length = HEAD.unpack_from(content, at)
        at += HEAD.size
        body = bytes(content[at : at + length])
        at += length
        record = Record(Kind(kind.decode("ascii")), file, place, body, at)
        if len(body) != length:
            message = "The journal ends within a record."
            raise TornJournalError(message)
        yield record
