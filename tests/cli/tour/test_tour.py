"""The demo and its tour, for real; and the tour is able to fail."""

from __future__ import annotations

import json
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from confide.cli.demonstration import server
from confide.cli.errors import ClaimFailed
from confide.cli.instance import settings_of
from confide.cli.tour import tamper
from confide.cli.tour.walk import Walk, claim
from tests.cli.desk import Desk, run_apart, write_bundles

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("synthea", reason="the generator of synthetic patients is not installed")


def test_a_claim_that_does_not_hold_ends_the_tour() -> None:
    """No claim is printed that was not seen."""
    with pytest.raises(ClaimFailed, match="the sky is green"):
        claim(False, "the sky is green")


def sealed_rows(desk: Desk) -> list[tuple[int, bytes]]:
    with sqlite3.connect(desk.folder / "data.db") as database:
        return database.execute("SELECT document, sealed FROM version ORDER BY document").fetchall()


def patient_id(desk: Desk) -> str:
    with sqlite3.connect(desk.folder / "data.db") as database:
        [identifier] = database.execute("SELECT id FROM document WHERE type = 'Patient'").fetchone()
    text: str = identifier.hex()
    return text


def test_a_moved_ciphertext_is_put_right_whatever_happens(desk: Desk, tmp_path: Path) -> None:
    """An error in between puts the row right at once; after a kill the next tour does."""
    desk.run("import", *map(str, write_bundles(tmp_path / "in", ["Amsel"])))
    walk, before = Walk(settings_of(desk.folder), desk.folder), sealed_rows(desk)
    moved: list[tuple[int, bytes]] = []

    def stop_halfway() -> None:
        with tamper.moved_ciphertext(walk, patient_id(desk)):
            moved.extend(sealed_rows(desk))
            shutil.copy(desk.folder / tamper.UNDO, tmp_path / "undo")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_halfway()
    after_error = sealed_rows(desk)
    with sqlite3.connect(desk.folder / "data.db") as database:
        database.executemany("UPDATE version SET sealed = ? WHERE document = ?", [(sealed, key) for key, sealed in moved])
    shutil.copy(tmp_path / "undo", desk.folder / tamper.UNDO)
    tamper.put_right(walk)

    assert moved != before
    assert after_error == before
    assert sealed_rows(desk) == before
    assert not (desk.folder / tamper.UNDO).exists()


@pytest.mark.slow
def test_the_demo_ends_in_a_tour_that_can_fail(tmp_path: Path) -> None:
    """A demo is made, toured, toured again, and stopped; a name planted beside the databases ends the tour."""
    folder = ("--folder", str(tmp_path / "demo"))
    try:
        made = run_apart("demo", *folder, "--patients", "1")
        toured = run_apart("tour", *folder)
        again = run_apart("demo", *folder, "--patients", "1")
        chart = json.loads(run_apart("audit", "show", *folder, "--json", "-n", "1").stdout)
        sound = run_apart("tour", *folder, "--only", "raw")
        run_apart("export", *folder, "--to", str(tmp_path / "out"), "--plaintext", "--type", "Patient")
        shutil.copy(tmp_path / "out" / "Patient.ndjson", tmp_path / "demo" / "planted.db")
        failed = run_apart("tour", *folder, "--only", "raw")
    finally:
        stopped = run_apart("demo", *folder, "--stop")

    assert made.returncode == 0, made.stderr
    assert toured.returncode == 0, toured.stderr
    assert "Every claim of 7 stops holds" in toured.stdout
    assert again.returncode == 0
    assert "invented" not in again.stdout
    assert chart["role"] == "auditor"
    assert sound.returncode == 0, sound.stderr
    assert failed.returncode == 1
    assert "does not hold" in failed.stderr
    assert "has stopped" in stopped.stdout
    assert server.running(tmp_path / "demo") is None
    assert list((tmp_path / "demo" / "synthetic").glob("*.json")) == []
