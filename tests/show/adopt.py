"""`make show-adopt`: backends that know nothing of Confide adopt it in a few lines, and their tables are sealed while they go on.

For each example:

1. The same client does everything that the API offers, before and after; then every byte of the files is searched for what was planted.
2. The lines are counted that adopting takes.
3. Tables that the backend of before wrote are sealed in place: a dry run, room made beside a running backend, a kill in between, the rest,
   the end; a client looks at every answer in between.
4. A person is erased, and nothing of them is found any more.

Ends with status 1 if a client sees a difference, a planted value is left, adopting takes more than 40 lines, or anything is lost.
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.adopt.difference import LINES, changes
from tests.adopt.example import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.adopt.example import Example

KILL_SECONDS = 120
"""A migration that was not seen at work within this time was not killed."""


@dataclass
class Findings:
    """What was seen."""

    figures: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def hold(self, is_so: bool, fault: str) -> None:
        """Note what falls short."""
        if not is_so:
            self.faults.append(fault)


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
        lines = changes(example.sources, example.package)
        findings.figures.append(f"  lines changed                         {lines} (at most {LINES})")
        findings.hold(lines <= LINES, f"adopting {example.name} takes {lines} lines")
        Migration(example, folder_in(scratch, "migrated"), findings).run(people)
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


def count(planted: list[bytes], content: bytes) -> int:
    """Count the values that stand in some bytes."""
    return sum(value in content for value in planted)


class Migration:
    """The tables of the backend of before, sealed in place."""

    def __init__(self, example: Example, folder: Path, findings: Findings) -> None:
        """Take an example and an empty folder."""
        self.example, self.folder, self.findings = example, folder, findings

    def run(self, people: int) -> None:
        """Fill, prepare, migrate with a kill in between, finish, erase."""
        example = self.example
        with example.running("before", self.folder) as backend:
            planted = example.fill(backend, people)
            seen = example.look(backend)
            assert count(planted, backend.content()) == len(planted), "what was planted does not stand in the files of before"
            before = (self.folder / example.database).read_bytes()
            subprocess.run(example.begin, check=True, **self.settings())
            self.migrate("--dry-run")
            assert (self.folder / example.database).read_bytes() == before, "the dry run changed the database"
            self.migrate("--prepare")
            self.same(backend, seen, "the backend of before, beside the room that was made")
        with example.running("migrating", self.folder) as backend:
            self.same(backend, seen, "nothing sealed yet")
            sealed, rows = self.kill()
            self.same(backend, seen, f"killed with {sealed} of {rows} rows sealed")
            self.migrate("--batch", "50")
            self.same(backend, seen, "everything sealed")
            self.migrate("--finish")
            self.same(backend, seen, "finished")
            backend.stop()
            left = count(planted, backend.content())
            self.findings.hold(left == 0, f"{example.name}: {left} planted values are left after the migration")
        self.findings.figures += [
            f"  rows of {example.watched[0]} migrated, killed at    {rows}, {sealed}",
            f"  planted values found after migrating  {left} of {len(planted)}",
        ]
        self.erase(seen)

    def settings(self) -> dict[str, Any]:
        """How a command of the example is run."""
        return {"cwd": self.folder, "env": self.example.environment("migrating"), "stdout": subprocess.DEVNULL}

    def migrate(self, *options: str) -> None:
        """Run the command to its end."""
        print(f"  migrate {' '.join(options)} …")
        subprocess.run([*self.example.migrate, *options], check=True, **self.settings())

    def kill(self) -> tuple[int, int]:
        """Kill the command at work; return how many rows were sealed by then, of how many."""
        process = subprocess.Popen([*self.example.migrate, "--batch", "1"], **self.settings())
        until = time.monotonic() + KILL_SECONDS
        sealed, rows = self.progress()
        while sealed < rows // 3 and time.monotonic() < until and process.poll() is None:
            sealed, rows = self.progress()
        process.kill()
        process.wait()
        sealed, rows = self.progress()
        print(f"  migrate, killed with {sealed} of {rows} rows sealed …")
        self.findings.hold(0 < sealed < rows, f"{self.example.name}: the kill came too early or too late ({sealed} of {rows})")
        return sealed, rows

    def progress(self) -> tuple[int, int]:
        """Count the rows of one table that are sealed, and all of them."""
        table, column = self.example.watched
        with closing(sqlite3.connect(f"file:{self.folder / self.example.database}?mode=ro", uri=True, timeout=30)) as connection:
            asked = f"SELECT count(*) - count({column}), count(*) FROM {table}"  # noqa: S608 - names of the example
            sealed, rows = connection.execute(asked).fetchone()
        return int(sealed), int(rows)

    def same(self, backend: Any, seen: list[Any], when: str) -> None:
        """Hold every answer against what was seen before."""
        now = self.example.look(backend)
        differing = sum(one != other for one, other in zip(now, seen, strict=False)) + abs(len(now) - len(seen))
        self.findings.hold(differing == 0, f"{self.example.name}: {differing} answers differ ({when})")

    def erase(self, seen: list[Any]) -> None:
        """Erase the first person."""
        options = self.settings() | {"stdout": subprocess.PIPE, "text": True}
        said = subprocess.run([sys.executable, "-c", self.example.erase], check=True, **options).stdout.strip().splitlines()
        with self.example.running("migrating", self.folder) as backend:
            gone = self.example.is_gone(backend, seen)
        self.findings.hold(gone, f"{self.example.name}: the erased person is still found, or somebody else is not")
        self.findings.hold(len(said) == 2, f"{self.example.name}: something of the erased person is left")
        self.findings.figures.append(f"  erased                                {'; '.join(said)}")


if __name__ == "__main__":
    sys.exit(main())
