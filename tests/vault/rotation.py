"""Every rotation, killed again and again, while a client writes and reads: nothing acknowledged is lost, and everything opens."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from confide.cli.demonstration.server import trusting
from tests import ground

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random  # noqa: TID251 - chance comes in as an argument, from a seed

    from tests.ground import Ground

FILLED = 300
"""Patients before the first rotation, each with a key of its own."""
KILLS = 3
"""Of each rotation, before it is let through."""
LEAST_SECONDS, MOST_SECONDS = 0.6, 2.5
"""Until a kill: a command needs about a second before it begins."""
WHAT = ("epoch", "kek", "root", "data", "index")
PROVIDER_SECONDS = 10
"""A process asks for keys so often; four times this is how long an index key takes before anything is indexed under it anew."""
ANSWER_SECONDS = 30


@dataclass
class Rotations:
    """What was done, and what was not as it should be."""

    killed: int = 0
    finished: int = 0
    written: int = 0
    read: int = 0
    searched: int = 0
    faults: list[str] = field(default_factory=list)

    def line(self) -> str:
        """Return the figures as a line."""
        return (
            f"rotation under load: {self.finished} rotations finished after {self.killed} kills, meanwhile {self.written} patients written "
            f"{self.read} read, {self.searched} searched for, {len(self.faults)} faults"
        )


def run(folder: Path, random: Random) -> Rotations:
    """Rotate everything under load."""
    seen = Rotations()
    place = ground.make(folder / "instance", {"provider_seconds": PROVIDER_SECONDS})
    server = ground.start(place)
    try:
        load = _Load(place, seen)
        load.fill(FILLED)
        load.start()
        for what in WHAT:
            for _ in range(KILLS):
                _rotate(place, what, random.uniform(LEAST_SECONDS, MOST_SECONDS), seen)
            _rotate(place, what, None, seen)
        load.stop()
        load.read_all()
    finally:
        server.stop()
    server = ground.start(place)  # a fresh process opens everything as well
    try:
        load.read_all()
    finally:
        server.stop()
    return seen


def _rotate(place: Ground, what: str, seconds: float | None, seen: Rotations) -> None:
    command = [sys.executable, "-m", "confide.cli.main", "keys", "rotate", what, "--folder", str(place.folder)]
    # A day, so that every data key is old enough.
    process = subprocess.Popen(
        command, cwd=ground.ROOT, env=ground.surroundings() | {"CONFIDE_DEK_DAYS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        seen.killed += 1
        return
    if process.returncode:
        seen.faults.append(f"rotate {what} failed: {said.decode(errors='replace').strip()[-200:]}")
    seen.finished += 1


class _Load:
    """A client that writes, and reads what it wrote."""

    def __init__(self, place: Ground, seen: Rotations) -> None:
        self._place = place
        self._seen = seen
        self._written: list[str] = []
        self._going = threading.Event()
        self._thread = threading.Thread(target=self._go, name="load")

    def _client(self) -> httpx.Client:
        trusted = trusting(self._place.settings.ca_certificate)
        return httpx.Client(
            base_url=self._place.settings.public_url, verify=trusted, headers=self._place.headers, timeout=ANSWER_SECONDS, trust_env=False
        )

    def fill(self, count: int) -> None:
        """Write so many patients."""
        with self._client() as http:
            for _ in range(count):
                self._write(http)

    def start(self) -> None:
        """Write and read until told to stop."""
        self._going.set()
        self._thread.start()

    def stop(self) -> None:
        """Stop."""
        self._going.clear()
        self._thread.join()

    def _go(self) -> None:
        with self._client() as http:
            at = 0
            while self._going.is_set():
                self._write(http)
                at = (at + 7) % len(self._written)
                self._read(http, self._written[at])
                self._search(http, at)
                time.sleep(0.01)

    def _write(self, http: httpx.Client) -> None:
        answer = http.post("/fhir/Patient", json={"resourceType": "Patient", "name": [{"family": f"Kept{len(self._written)}"}]})
        if answer.status_code != httpx.codes.CREATED:
            self._seen.faults.append(f"a write was answered with {answer.status_code}")
            return
        self._written.append(answer.json()["id"])
        self._seen.written += 1

    def _read(self, http: httpx.Client, identifier: str) -> None:
        answer = http.get(f"/fhir/Patient/{identifier}")
        if answer.status_code != httpx.codes.OK:
            self._seen.faults.append(f"a read was answered with {answer.status_code}")
        self._seen.read += 1

    def _search(self, http: httpx.Client, at: int) -> None:
        answer = http.get("/fhir/Patient", params={"family:exact": f"Kept{at}"})
        found = [one["resource"]["id"] for one in answer.json().get("entry", [])]
        if found != [self._written[at]]:
            self._seen.faults.append(f"a search was answered with {answer.status_code} and found {len(found)} in place of one")
        self._seen.searched += 1

    def read_all(self) -> None:
        """Read everything that was acknowledged, and search for it."""
        with self._client() as http:
            for at, identifier in enumerate(self._written):
                self._read(http, identifier)
                self._search(http, at)
