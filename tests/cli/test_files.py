"""`confide files`, and what other commands do with files."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from confide.clinic.records.framed import INLINE_BYTES
from tests.cli.desk import Desk, events

if TYPE_CHECKING:
    from pathlib import Path

DAY_SECONDS = 86_400
CONTENT = bytes(range(256)) * (INLINE_BYTES // 256)


def bundle() -> dict[str, Any]:
    """A patient with a scan."""
    urn = "urn:uuid:00000000-0000-4000-8000-000000000001"
    scan = {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"reference": urn},
        "content": [{"attachment": {"contentType": "image/png", "data": b64encode(CONTENT).decode()}}],
    }
    entries = [
        {"fullUrl": urn, "resource": {"resourceType": "Patient"}, "request": {"method": "POST", "url": "Patient"}},
        {"resource": scan, "request": {"method": "POST", "url": "DocumentReference"}},
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


@pytest.fixture
def filled(stored_desk: Desk, tmp_path: Path) -> Desk:
    """An instance with a file."""
    (tmp_path / "bundle.json").write_text(json.dumps(bundle()), encoding="utf-8")
    result = stored_desk.run("import", str(tmp_path / "bundle.json"))
    assert result.exit_code == 0, result.output
    return stored_desk


def objects(desk: Desk) -> list[Path]:
    """The files of the object store."""
    return sorted(path for path in (desk.folder / "objects").rglob("*") if path.is_file())


def orphan(desk: Desk, days: int) -> Path:
    """Put an object beside the others that no row names, so many days old."""
    [needed] = objects(desk)
    made = needed.with_name("0" * 30)
    made.write_bytes(b"sealed")
    when = made.stat().st_mtime - days * DAY_SECONDS
    os.utime(made, (when, when))
    return made


def test_a_dry_run_counts_and_deletes_nothing(filled: Desk) -> None:
    """And leaves no event."""
    made = orphan(filled, 2)
    result = filled.run("files", "sweep", "--dry-run", "--json")

    assert json.loads(result.stdout) == {"deleted": False, "seen": 2, "left": 0, "orphans": 1, "unfinished": 0, "bytes": 6}
    assert made.exists()
    assert "sweep-files" not in {event["action"] for event in events(filled)}


def test_a_sweep_deletes_what_is_old_and_nobody_names(filled: Desk) -> None:
    """It tells how much, and the trail who."""
    made, [needed] = orphan(filled, 2), [path for path in objects(filled) if path.name != "0" * 30]
    result = filled.run("files", "sweep")

    assert result.exit_code == 0
    assert "1 orphans" in result.output
    assert objects(filled) == [needed]
    assert not made.exists()
    assert "sweep-files" in {event["action"] for event in events(filled)}


def test_what_is_younger_than_asked_for_stays(filled: Desk) -> None:
    """The age is a choice; less than an hour is none."""
    made = orphan(filled, 2)

    assert json.loads(filled.run("files", "sweep", "--older-than", "72", "--json").stdout)["orphans"] == 0
    assert made.exists()
    assert filled.run("files", "sweep", "--older-than", "0").exit_code == 2


def test_an_export_holds_what_lies_in_files(filled: Desk, tmp_path: Path) -> None:
    """Byte for byte, one resource on a line."""
    filled.run("export", "--to", str(tmp_path / "out"), "--plaintext")
    [line] = (tmp_path / "out" / "DocumentReference.ndjson").read_text(encoding="utf-8").splitlines()

    assert json.loads(line)["content"] == bundle()["entry"][1]["resource"]["content"]


def test_an_unknown_store_is_refused_at_the_start(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sentence that says which addresses there are."""
    monkeypatch.setenv("CONFIDE_OBJECTS", "ftp://host")
    result = filled.run("files", "sweep")

    assert result.exit_code != 0
    assert "s3://bucket/prefix" in str(result.exception)
