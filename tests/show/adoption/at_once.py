"""A Django database that the backend of before wrote, sealed by one migration, which is killed once and leaves everything as it was."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING
from uuid import UUID

from tests.adopt import consumer, supporters
from tests.show.adoption.findings import count

if TYPE_CHECKING:
    from pathlib import Path

    from tests.show.adoption.findings import Findings

DATABASE = "consumer.db"
KILLED = """
import os, signal, manage
from confide.crypto.envelope import DataKey
from django.core.management import execute_from_command_line

sealed, seal = [], DataKey.seal_cells

def killed(key, cells):
    sealed.extend(cells)
    if len(sealed) > 100:
        os.kill(os.getpid(), signal.SIGKILL)
    return seal(key, cells)

DataKey.seal_cells = killed
execute_from_command_line(["manage.py", "migrate", "--verbosity", "0"])
"""
"""The migration of after, which kills itself while it is at work."""


def seal(folder: Path, people: int, findings: Findings) -> None:
    """Seal what the backend of before wrote about so many people."""
    with consumer.running("before", folder) as before:
        planted = supporters.fill(before, people)
        seen = supporters.look(before)
        assert count(planted, before.content()) == len(planted), "what was planted does not stand in the files of before"
    consumer.manage("after", folder, "confide", "init")
    _kill(folder, findings)
    with consumer.running("before", folder, is_new=False) as before:
        findings.hold(supporters.look(before) == seen, "consumer: after a killed migration an answer differs")
    print("  migrate …")
    with consumer.running("after", folder, is_new=False) as after:
        findings.hold(supporters.look(after) == seen, "consumer: after the migration an answer differs")
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    left = count(planted, after.content())
    findings.hold(left == 0, f"consumer: {left} planted values are left after the migration")
    findings.figures.append(f"  planted values found after migrating  {left} of {len(planted)}; one that was killed left all as it was")
    _erase(folder, findings, seen)


def _kill(folder: Path, findings: Findings) -> None:
    """Kill the migration at work, when so many values are sealed."""
    known = consumer.environment("after", folder)
    process = subprocess.run([sys.executable, "-c", KILLED], cwd=folder, env=known, check=False)
    print("  migrate, killed at work …")
    findings.hold(process.returncode == -signal.SIGKILL, f"consumer: the migration was not killed ({process.returncode})")
    findings.hold("people.0002_seal" not in _migrations(folder), "consumer: a killed migration is told as done")


def _migrations(folder: Path) -> set[str]:
    with closing(sqlite3.connect(f"file:{folder / DATABASE}?mode=ro", uri=True, timeout=30)) as connection:
        return {f"{app}.{name}" for app, name in connection.execute("SELECT app, name FROM django_migrations")}


def _erase(folder: Path, findings: Findings, seen: list[object]) -> None:
    """Erase the first person."""
    with closing(sqlite3.connect(f"file:{folder / DATABASE}?mode=ro", uri=True, timeout=30)) as connection:
        (row,) = connection.execute("SELECT row FROM people_person ORDER BY id LIMIT 1").fetchone()
    subject = str(UUID(bytes=row) if isinstance(row, bytes) else UUID(row))
    consumer.manage("after", folder, "confide", "erase", subject)
    with consumer.running("after", folder, is_new=False) as after:
        findings.hold(supporters.is_gone(after, seen), "consumer: the erased person is still found, or somebody else is not")
    findings.figures.append("  erased                                one person; the others are found as before")
