"""The example for consumers before and after: the same client suite passes on both, and only what is stored differs."""

from __future__ import annotations

import difflib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.adopt.consumer import EXAMPLES, Consumer, manage, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

LINES = 40
"""Lines that adopting Confide may add or take away, those that are changed in what makemigrations wrote included."""
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "adopt-django.md"
ADA: dict[str, Any] = {
    "name": "Marker Adalovelace",
    "email": "marker.ada@example.org",
    "phone": "+44 20 7946 0901",
    "born": "1815-12-10",
    "address": "12 Marker Square, London",
}
BEN = ADA | {"name": "Benjamin Marker", "email": "marker.ben@example.org", "born": "1790-01-17", "phone": None, "address": None}
NOTE = "Marker called about the engine"
PLANTED = [str(value).encode() for value in (*ADA.values(), *BEN.values(), NOTE) if value is not None]


@pytest.fixture(params=["before", "after"])
def consumer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Consumer]:
    """A backend of each kind."""
    with running(request.param, tmp_path) as found:
        yield found


def walk(client: httpx.Client) -> None:
    """Do everything that the API offers, and look at every answer."""
    ada, ben = (client.post("/people", json=one) for one in (ADA, BEN))
    assert (ada.status_code, ben.status_code) == (201, 201), ada.text
    key = ada.json()["id"]
    assert ada.json() == ADA | {"id": key}
    assert client.post("/people", json=ADA).json() == {"email": ["Person with this Email already exists."]}
    assert client.post("/people", json=ADA | {"email": "no address", "born": "someday"}).status_code == 400
    assert found(client, name="marker ada") == [ADA["name"]]
    assert found(client, name="Marker Adalovelace") == [ADA["name"]]
    assert found(client, name="benj") == [BEN["name"]]
    assert found(client, name="nobody") == []
    assert found(client, email="Marker.BEN@example.org") == [BEN["name"]]
    assert found(client, born_from="1815-01-01", born_to="1815-12-31") == [ADA["name"]]
    assert found(client, born_from="1700-01-01", born_to="1815-12-31", name="marker") == [ADA["name"]]
    assert found(client) == [ADA["name"], BEN["name"]]
    page = client.get("/search", params={"name": "marker"}).text
    assert ADA["email"] in page
    assert BEN["email"] not in page
    changed = client.patch(f"/people/{key}", json={"name": "Marker Adaking", "phone": None}).json()
    assert (changed["name"], changed["phone"], changed["email"]) == ("Marker Adaking", None, ADA["email"])
    assert found(client, name="marker adal") == []
    assert client.patch(f"/people/{key}", json={"email": BEN["email"]}).status_code == 400
    for given in (True, False, True):
        assert client.put(f"/people/{key}/consents/news", json={"given": given}).json() == {"purpose": "news", "given": given}
    assert client.get(f"/people/{key}").json() == ADA | {"id": key, "name": "Marker Adaking", "phone": None, "consents": {"news": True}}
    assert client.post(f"/people/{key}/notes", json={"text": NOTE}).json() == [{"author": "anna", "text": NOTE}]
    assert client.get(f"/people/{key}/notes").json() == [{"author": "anna", "text": NOTE}]
    assert client.get("/people/999").status_code == 404
    gone = client.post("/people", json=ADA | {"name": "Marker Gone", "email": "marker.gone@example.org"}).json()["id"]
    assert client.delete(f"/people/{gone}").status_code == 204
    assert found(client, name="marker gone") == []


def found(client: httpx.Client, **asked: str) -> list[str]:
    """Search people and return their names."""
    answer = client.get("/people", params=asked)
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()]


def seen(consumer: Consumer) -> set[str]:
    """The planted values that stand in some file, but for the log, which has the addresses of requests."""
    log = consumer.folder / "log.txt"
    stored = b"".join(path.read_bytes() for path in consumer.folder.rglob("*") if path.is_file() and path != log)
    return {value.decode() for value in PLANTED if value in stored}


def test_the_client_sees_no_difference_and_a_thief_does(consumer: Consumer) -> None:
    """One suite for both; then a scan of every file, in which the backend of before shows everything."""
    walk(consumer.client)
    consumer.stop()
    if consumer.variant == "before":
        assert {ADA["email"], ADA["address"], NOTE, BEN["name"], BEN["born"]} <= seen(consumer)
    else:
        assert seen(consumer) == set()


def test_an_existing_database_is_sealed_by_the_migration(tmp_path: Path) -> None:
    """What was stored before is found and opened after, and no file shows it any more once the space was given back."""
    with running("before", tmp_path) as before:
        walk(before.client)
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
        "sealing" in line or line == "    ])"
        for line in (EXAMPLES / "after" / "people" / "migrations" / "0002_seal.py").read_text().splitlines()
    )
    assert edited == 3
    assert sum(line[0] in "+-" for line in changes()) + edited <= LINES
    assert 200 <= sum(len(path.read_text(encoding="utf-8").splitlines()) for path in sources()) <= 300


def test_nothing_is_left_to_migrate(tmp_path: Path) -> None:
    """The migration that is shown makes what the models say."""
    manage("after", tmp_path, "makemigrations", "--check", "--dry-run")


def test_the_guide_shows_the_very_change() -> None:
    """The page includes what is compared here."""
    assert (EXAMPLES / "adopt.diff").read_text(encoding="utf-8") == "".join(line + "\n" for line in difference())
    assert "adopt.diff" in GUIDE.read_text(encoding="utf-8")


def sources() -> list[Path]:
    """What a person wrote of the backend of before."""
    return [path for path in sorted((EXAMPLES / "before").rglob("*.py")) if path.parent.name != "migrations"]


def difference() -> list[str]:
    """The unified diff of both variants, without times."""
    shown: list[str] = []
    for before in sources():
        name = before.relative_to(EXAMPLES / "before")
        old, new = ((EXAMPLES / variant / name).read_text(encoding="utf-8").splitlines() for variant in ("before", "after"))
        shown += difflib.unified_diff(old, new, f"before/{name}", f"after/{name}", lineterm="", n=1)
    return shown


def changes() -> list[str]:
    """The changed lines alone."""
    return [line for line in difference() if line[:3] not in ("+++", "---") and line[0] in "+-"]
