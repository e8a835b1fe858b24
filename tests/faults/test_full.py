"""A disk that is full: a clear sentence, nothing acknowledged that is not stored, nothing overwritten, and on it goes once there is room.

A limit on the size of files stands for the disk: the system refuses the same writes, and it can be lifted again.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pyrage
import pytest

from confide.cli.demonstration.server import trusting
from tests import ground
from tests.clinic.practice import entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALL = 33 * 1024
"""Bytes of a file: SQLite opens a database, and cannot store more than a few pages."""
PERSONS = 150
FAMILY = "Ravensbourne"
NO_BYTECODE = {"PYTHONDONTWRITEBYTECODE": "1"}
"""Python would store half of a compiled module, and take it for the whole one next time."""


@contextmanager
def full(process: int, size: int) -> Iterator[None]:
    """Let a process write no file beyond a size."""
    before = resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(process, resource.RLIMIT_FSIZE, before)


def confide(folder: Path, *words: str, size: int = resource.RLIM_INFINITY) -> subprocess.CompletedProcess[str]:
    """Run a command that can write no file beyond a size."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    command = [sys.executable, "-m", "confide.cli.main", *words, "--folder", str(folder)]
    return subprocess.run(command, env=ground.surroundings() | NO_BYTECODE, capture_output=True, text=True, check=False, preexec_fn=limit)


def content(folder: Path) -> dict[str, bytes]:
    """Return what must not change: everything but the journals of SQLite."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm")))
    return {path.name: path.read_bytes() for path in files}


def test_a_server_says_so_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """Reads as well wait for room, since their events could not be stored."""
    place = ground.make(tmp_path / "instance")
    server = ground.start(place, added=NO_BYTECODE)
    trusted = trusting(place.settings.ca_certificate)
    try:
        with httpx.Client(base_url=place.settings.public_url, verify=trusted, headers=place.headers, trust_env=False, timeout=30) as http:
            patient = {"resourceType": "Patient", "name": [{"family": FAMILY}]}
            kept = [http.post("/fhir/Patient", json=patient).raise_for_status().json()["id"] for _ in range(5)]
            with full(server.process.pid, SMALL):
                refused = [http.post("/fhir/Patient", json=patient) for _ in range(3)]
                unread = http.get(f"/fhir/Patient/{kept[0]}")
            later = http.post("/fhir/Patient", json=patient)
            found = http.get("/fhir/Patient", params={"family": FAMILY, "_count": "50"}).json()
    finally:
        server.stop()

    assert {one.status_code for one in [*refused, unread]} == {503}
    assert "make room" in refused[0].json()["issue"][0]["diagnostics"]
    assert later.status_code == 201
    assert {one["resource"]["id"] for one in found["entry"]} == {*kept, later.json()["id"]}


@pytest.mark.parametrize("what", ["kek", "epoch"])
def test_a_rotation_says_so_and_is_finished_later(tmp_path: Path, what: str) -> None:
    """Whatever was sealed before opens afterwards."""
    place = ground.make(tmp_path / "instance")
    patients = [{"resourceType": "Patient", "id": f"p{at}", "name": [{"family": FAMILY}]} for at in range(PERSONS)]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry(one, f"urn:uuid:{uuid4()}") for one in patients]}
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps(bundle))
    imported = confide(place.folder, "import", str(file))
    stopped = confide(place.folder, "keys", "rotate", what, size=SMALL)
    finished = confide(place.folder, "keys", "rotate", what)
    exported = confide(place.folder, "export", "--plaintext", "--to", str(tmp_path / "export"))

    assert imported.returncode == 0, imported.stderr
    assert stopped.returncode == 1
    assert "Traceback" not in stopped.stderr
    assert "make room" in stopped.stderr
    assert finished.returncode == 0, finished.stderr
    assert exported.returncode == 0, exported.stderr
    assert sum(one.read_text().count(FAMILY) for one in (tmp_path / "export").rglob("*.ndjson")) == PERSONS


def test_a_backup_says_so_and_leaves_none_that_looks_whole(tmp_path: Path) -> None:
    """Nor does it change what is saved."""
    place = ground.make(tmp_path / "instance")
    before = content(place.folder)
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    words = ("backup", "--data-to", str(tmp_path / "data"), "--keys-to", str(tmp_path / "keys"), "--recipient", recipient)
    stopped = confide(place.folder, *words, size=64)

    assert stopped.returncode == 1
    assert "Traceback" not in stopped.stderr
    assert not list(tmp_path.glob("data/*.confide*"))
    assert content(place.folder) == before


def test_a_new_instance_says_so_and_is_made_when_there_is_room(tmp_path: Path) -> None:
    """What was begun is no obstacle."""
    stopped = confide(tmp_path / "new", "init", size=SMALL)
    made = confide(tmp_path / "new", "init")

    assert stopped.returncode == 1
    assert "Traceback" not in stopped.stderr
    assert made.returncode == 0, made.stderr
