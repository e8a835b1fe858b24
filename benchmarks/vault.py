"""`make bench-vault`: what sealing costs beside others, in one run. Ends non-zero while a figure falls short. See docs/performance.md.

python -m benchmarks.vault [tiny]
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks import columns, documents, files, rewrap
from benchmarks.asked import judge
from benchmarks.measure import machine

PEERS = ("SQLAlchemy-Utils", "sealed-fields", "fieldseal", "pymongocrypt", "aws-encryption-sdk")


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    rows: int = columns.ROWS
    people: int = columns.PEOPLE
    charts: int = documents.PEOPLE
    keys: int = rewrap.KEYS
    mebibytes: int = files.MEBIBYTES
    rounds: int | None = None
    """None: as many as each part takes."""


TINY = Sizes(rows=20, people=4, charts=2, keys=50, mebibytes=2, rounds=1)
"""Shows that everything runs; its figures mean nothing."""


def main(sizes: Sizes) -> int:
    """Measure, print, and return 0 where everything holds; 2 without age."""
    if not files.is_ready():
        print(files.NO_AGE, file=sys.stderr)
        return 2
    began = time.monotonic()
    files.CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=files.CACHE) as scratch:
        of_columns = columns.measure(_within(scratch, "columns"), sizes.rows, sizes.people, sizes.rounds or columns.ROUNDS)
        _say("columns measured")
        size, of_documents = documents.measure(_within(scratch, "documents"), sizes.charts, rounds=sizes.rounds or documents.ROUNDS)
        _say("documents measured")
        of_keys = rewrap.measure(sizes.keys, sizes.rounds or rewrap.ROUNDS)
        _say("rewrapping measured")
        of_files = files.measured(_within(scratch, "files"), sizes.mebibytes, sizes.rounds or files.ROUNDS)
    asked = [*columns.report(of_columns), *documents.report(size, of_documents), *rewrap.report(of_keys), *files.report(of_files)]
    print("\nWhat is asked")
    held = judge(asked)
    print()
    for line in [*machine(), f"age {files.version()}, " + ", ".join(f"{name} {version(name)}" for name in PEERS)]:
        print(line)
    print(f"CPU time of this process, but for files: wall, in the page cache, nothing synced; {time.monotonic() - began:.0f} s in all.")
    print("Everything holds." if held else "FALLS SHORT, see above.")
    return 0 if held else 1


def _within(scratch: str, name: str) -> Path:
    folder = Path(scratch) / name
    folder.mkdir()
    return folder


def _say(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(TINY if sys.argv[1:] == ["tiny"] else Sizes()))
