"""Reserved room: there before it is written to, without making the file longer; where it cannot be had, nothing happens."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from confide.store.errors import Unavailable
from confide.store.objects.folder import Folder
from confide.store.objects.reserve import reserve

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024


def test_room_is_there_and_the_file_is_not_longer(tmp_path: Path) -> None:
    """Blocks belong to the file, and whoever reads it sees what was written."""
    with (tmp_path / "file").open("wb", buffering=0) as file:
        file.write(b"written")
        reserve(file.fileno(), 7, 3 * MIB)
        found = os.fstat(file.fileno())

    assert found.st_size == 7
    assert found.st_blocks * 512 >= 3 * MIB


@pytest.mark.parametrize("size", [0, -1])
def test_no_room_is_nothing(tmp_path: Path, size: int) -> None:
    """As for an empty file."""
    with (tmp_path / "file").open("wb") as file:
        reserve(file.fileno(), 0, size)


def test_what_cannot_reserve_is_left_alone() -> None:
    """A pipe has no room; it is written to without."""
    out, into = os.pipe()
    reserve(into, 0, MIB)
    os.close(out)
    os.close(into)


def test_a_store_without_room_is_unavailable(tmp_path: Path) -> None:
    """Told by the store in its own words, before a byte is written."""
    writing = Folder(tmp_path).put("a")
    with pytest.raises(Unavailable, match="ENOSPC"):
        writing.reserve(2**50)
    writing.abort()

    assert list(tmp_path.iterdir()) == []
