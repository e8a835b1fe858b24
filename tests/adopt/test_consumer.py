"""The example for consumers before and after: the same client suite passes on both, and only what is stored differs."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.adopt.consumer import BY_HAND, EXAMPLES, Consumer, manage, running
from tests.adopt.difference import LINES, changes, difference, sources
from tests.adopt.supporters import ADA, BEN, NOTE, PLANTED, found, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "adopt-django.md"


@pytest.fixture(params=["before", "after"])
def consumer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Consumer]:
    """A backend of each kind."""
    with running(request.param, tmp_path) as found:
        yield found


def seen(consumer: Consumer) -> set[str]:
    """The planted values that stand in some file, but for the log, which has the addresses of requests."""
    log = consumer.folder / "log.txt"
    stored = b"".join(path.read_bytes() for path in consumer.folder.rglob("*") if path.is_file() and path != log)
    return {value.decode() for value in PLANTED if value in stored}


def test_the_client_sees_no_difference_and_a_thief_does(consumer: Consumer) -> None:
    """One suite for both; then a scan of every file, in which the backend of before shows everything."""
    walk(consumer)
    consumer.stop()
    if consumer.variant == "before":
        assert {ADA["email"], ADA["address"], NOTE, BEN["name"], BEN["born"]} <= seen(consumer)
    else:
        assert seen(consumer) == set()


def test_an_existing_database_is_sealed_by_the_migration(tmp_path: Path) -> None:
    """What was stored before is found and opened after, and no file shows it any more once the space was given back."""
    with running("before", tmp_path) as before:
        walk(before)
    with running("after", tmp_path, is_new=False) as after:
        assert found(after.client, name="marker adak") == ["Marker Adaking"]
        assert found(after.client, email=BEN["email"]) == [BEN["name"]]
        assert found(after.client, born_from="1815-01-01", born_to="1815-12-31") == ["Marker Adaking"]
        one = after.client.get("/people", params={"email": ADA["email"]}).json()[0]
        assert after.client.get(f"/people/{one['id']}/notes").json() == [{"author": "anna", "text": NOTE}]
        assert after.client.post("/people", json=BEN).status_code == 400
    with sqlite3.connect(tmp_path / "consumer.db") as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()

    assert seen(after) == set()


def test_every_reading_is_in_the_trail(tmp_path: Path) -> None:
    """The backend of after has an event for each person of each request, stored when the answer was there."""
    with running("after", tmp_path) as after:
        for one in (ADA, BEN):
            after.client.post("/people", json=one)
        connection = sqlite3.connect(tmp_path / "consumer.db")
        before = connection.execute("SELECT count(*) FROM audit_outbox").fetchone()[0]
        found(after.client)
        stored = connection.execute("SELECT count(*) FROM audit_outbox").fetchone()[0]
        connection.close()

    assert stored - before == 2


def test_adopting_takes_few_lines() -> None:
    """Counted as `diff` counts them: every line that was added or taken away."""
    edited = sum(
        "sealing" in line or line == "    ])" or '"confide", "0001_initial"' in line
        for line in (EXAMPLES / "after" / "people" / "migrations" / "0002_seal.py").read_text().splitlines()
    )
    assert edited == BY_HAND
    assert changes(EXAMPLES) + edited <= LINES
    assert 200 <= sum(len(path.read_text(encoding="utf-8").splitlines()) for path in sources(EXAMPLES)) <= 300


def test_nothing_is_left_to_migrate(tmp_path: Path) -> None:
    """The migration that is shown makes what the models say."""
    manage("after", tmp_path, "makemigrations", "--check", "--dry-run")


def test_the_guide_shows_the_very_change() -> None:
    """The page includes what is compared here."""
    assert (EXAMPLES / "adopt.diff").read_text(encoding="utf-8") == "".join(line + "\n" for line in difference(EXAMPLES))
    assert "adopt.diff" in GUIDE.read_text(encoding="utf-8")
