"""`make show-adopt`: backends that know nothing of Confide adopt it in a few lines, and their tables are sealed while they go on.

For each example:

1. The same client does everything that the API offers, before and after; then every byte of the files is searched for what was planted.
2. The lines are counted that adopting takes.
3. What the backend of before wrote is sealed. On SQLAlchemy in place: a dry run, room made beside a running backend, a kill in between, the
   rest, the end; with Django in one migration, which is killed once. A client looks at every answer in between.
4. A person is erased, and nothing of them is found any more.

Ends with status 1 if a client sees a difference, a planted value is left, adopting takes more than 40 lines, or anything is lost.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.adopt.difference import LINES, changes
from tests.show.adoption.example import EXAMPLES
from tests.show.adoption.findings import Findings, count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.show.adoption.example import Example


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print the figures last, return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.show.adopt", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--people", type=int, default=150, help="whose rows are migrated (default 150)")
    people = parser.parse_args(arguments).people
    began, findings = time.monotonic(), Findings()
    for example in EXAMPLES:
        print(f"\n{example.name}")
        with tempfile.TemporaryDirectory(prefix="confide-adopt-") as scratch:
            show(example, Path(scratch), people, findings)
    print()
    for line in findings.figures:
        print(line)
    print(f"\n{len(EXAMPLES)} examples, {time.monotonic() - began:.0f} s")
    for fault in findings.faults:
        print(f"FAILED: {fault}")
    if not findings.faults:
        print("A backend adopts Confide in a few lines, its clients see no difference, and a thief finds nothing.")
    return 1 if findings.faults else 0


def show(example: Example, scratch: Path, people: int, findings: Findings) -> None:
    """Walk through one example; what stops it is a fault as well."""
    findings.figures.append(f"{example.name}:")
    try:
        for variant in ("before", "after"):
            sides(example, folder_in(scratch, variant), variant, findings)
        lines = changes(example.sources) + example.by_hand
        findings.figures.append(f"  lines changed                         {lines} (at most {LINES})")
        findings.hold(lines <= LINES, f"adopting {example.name} takes {lines} lines")
        example.seal(folder_in(scratch, "migrated"), people, findings)
    except (AssertionError, subprocess.SubprocessError, RuntimeError) as error:
        findings.faults.append(f"{example.name}: {type(error).__name__}: {error}")


def folder_in(scratch: Path, name: str) -> Path:
    """Make a folder."""
    made = scratch / name
    made.mkdir()
    return made


def sides(example: Example, folder: Path, variant: str, findings: Findings) -> None:
    """Let the client do everything, and search the files."""
    print(f"  the client does everything with the backend of {variant} …")
    with example.running(variant, folder) as backend:
        example.walk(backend)
        backend.stop()
        found = count(example.planted, backend.content())
    findings.figures.append(f"  planted values found {variant:<16} {found} of {len(example.planted)}")
    if variant == "before":
        findings.hold(found > 0, f"{example.name}: the search finds nothing even before, so it shows nothing")
    else:
        findings.hold(found == 0, f"{example.name}: {found} planted values are found after")


if __name__ == "__main__":
    sys.exit(main())
