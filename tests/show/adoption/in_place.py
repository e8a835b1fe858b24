"""Tables that the backend of before wrote, sealed while it goes on: a dry run, room made, a kill in between, the rest, the end."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tests.adopt import bank, tellers
from tests.show.adoption.findings import count

if TYPE_CHECKING:
    from pathlib import Path

    from tests.show.adoption.findings import Findings

KILL_SECONDS = 120
"""A migration that was not seen at work within this time was not killed."""
WATCHED = ("customer", "name")
"""Table and column of before by which it can be seen how far a migration has come."""
DATABASE = "bank.db"
BEGIN = (*bank.CONFIDE, "init", bank.VAULT)
MIGRATE = (*bank.CONFIDE, "migrate", bank.VAULT, "--models", "bank.models")


class InPlace:
    """The tables of the backend of before, sealed in place."""

    def __init__(self, folder: Path, findings: Findings) -> None:
        """Take an empty folder."""
        self.folder, self.findings = folder, findings

    def run(self, people: int) -> None:
        """Fill, prepare, migrate with a kill in between, finish, erase."""
        with bank.running("before", self.folder) as backend:
            planted = tellers.fill(backend, people)
            seen = tellers.look(backend)
            assert count(planted, backend.content()) == len(planted), "what was planted does not stand in the files of before"
            before = (self.folder / DATABASE).read_bytes()
            subprocess.run(BEGIN, check=True, **self.settings())
            self.migrate("--dry-run")
            assert (self.folder / DATABASE).read_bytes() == before, "the dry run changed the database"
            self.migrate("--prepare")
            self.same(backend, seen, "the backend of before, beside the room that was made")
        with bank.running("migrating", self.folder) as backend:
            self.same(backend, seen, "nothing sealed yet")
            sealed, rows = self.kill()
            self.same(backend, seen, f"killed with {sealed} of {rows} rows sealed")
            self.migrate("--batch", "50")
            self.same(backend, seen, "everything sealed")
            self.migrate("--finish")
            self.same(backend, seen, "finished")
            backend.stop()
            left = count(planted, backend.content())
            self.findings.hold(left == 0, f"bank: {left} planted values are left after the migration")
        self.findings.figures += [
            f"  rows of {WATCHED[0]} migrated, killed at    {rows}, {sealed}",
            f"  planted values found after migrating  {left} of {len(planted)}",
        ]
        self.erase(seen)

    def settings(self) -> dict[str, Any]:
        """How a command of the example is run."""
        return {"cwd": self.folder, "env": bank.environment("migrating"), "stdout": subprocess.DEVNULL}

    def migrate(self, *options: str) -> None:
        """Run the command to its end."""
        print(f"  migrate {' '.join(options)} …")
        subprocess.run([*MIGRATE, *options], check=True, **self.settings())

    def kill(self) -> tuple[int, int]:
        """Kill the command at work; return how many rows were sealed by then, of how many."""
        process = subprocess.Popen([*MIGRATE, "--batch", "1"], **self.settings())
        until = time.monotonic() + KILL_SECONDS
        sealed, rows = self.progress()
        while sealed < rows // 3 and time.monotonic() < until and process.poll() is None:
            sealed, rows = self.progress()
        process.kill()
        process.wait()
        sealed, rows = self.progress()
        print(f"  migrate, killed with {sealed} of {rows} rows sealed …")
        self.findings.hold(0 < sealed < rows, f"bank: the kill came too early or too late ({sealed} of {rows})")
        return sealed, rows

    def progress(self) -> tuple[int, int]:
        """Count the rows of one table that are sealed, and all of them."""
        table, column = WATCHED
        with closing(sqlite3.connect(f"file:{self.folder / DATABASE}?mode=ro", uri=True, timeout=30)) as connection:
            asked = f"SELECT count(*) - count({column}), count(*) FROM {table}"  # noqa: S608 - names of the example
            sealed, rows = connection.execute(asked).fetchone()
        return int(sealed), int(rows)

    def same(self, backend: Any, seen: list[Any], when: str) -> None:
        """Hold every answer against what was seen before."""
        now = tellers.look(backend)
        differing = sum(one != other for one, other in zip(now, seen, strict=False)) + abs(len(now) - len(seen))
        self.findings.hold(differing == 0, f"bank: {differing} answers differ ({when})")

    def erase(self, seen: list[Any]) -> None:
        """Erase the first person."""
        options = self.settings() | {"stdout": subprocess.PIPE, "text": True}
        said = subprocess.run([sys.executable, "-c", bank.ERASE], check=True, **options).stdout.strip().splitlines()
        with bank.running("migrating", self.folder) as backend:
            gone = tellers.is_gone(backend, seen)
        self.findings.hold(gone, "bank: the erased person is still found, or somebody else is not")
        self.findings.hold(len(said) == 2, "bank: something of the erased person is left")
        self.findings.figures.append(f"  erased                                {'; '.join(said)}")


def seal(folder: Path, people: int, findings: Findings) -> None:
    """Seal what the bank of before wrote about so many people."""
    InPlace(folder, findings).run(people)
