"""Write objects into a folder, and say after each that it is stored: the process that a test kills, or whose disk loses power.

python -m tests.store.objects.folder_writer FOLDER COUNT BYTES
"""

from __future__ import annotations

import sys
from pathlib import Path

from confide.store.objects.folder import Folder
from confide.store.objects.protocol import written


def content(number: int, size: int) -> bytes:
    """The content of one object."""
    return bytes([number % 256]) * size


def main(folder: str, count: int, size: int) -> None:
    """Write, and never stop in the middle by itself."""
    objects = Folder(Path(folder))
    for number in range(count):
        with written(objects, f"{number % 4}/{number}") as writing:
            writing.write(content(number, size // 2))
            writing.write(content(number, size - size // 2))
        print(number, flush=True)  # noqa: T201 - the acknowledgement


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
