"""What the tests of the command line stand on: an instance, a way to run a command, small bundles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from confide.cli.instance import call_now, run_in_house, settings_of
from confide.cli.main import confide
from confide.clinic.records.search import Wanted, candidates
from confide.values.permit import Action

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from click.testing import Result

    from confide.clinic.app import House

SECONDS = 120
"""For one command in a process of its own, on a busy machine."""


@dataclass(frozen=True)
class Desk:
    """An instance and the command line beside it."""

    folder: Path

    def run(self, *arguments: str, given: str | None = None) -> Result:
        """Run a command in this process; an error stands in the result's `exception`."""
        return CliRunner().invoke(confide, [*arguments, "--folder", str(self.folder)], input=given)

    def count(self, kind: str) -> int:
        """Return how many resources of a type are stored."""

        async def work(house: House) -> int:
            call = call_now(house)
            found = await candidates(house.database, call.rows(kind, Action.SEARCH), Wanted(kind, None, None, ()), 0, 10_000)
            return len(found)

        return run_in_house(settings_of(self.folder), work)


def command(*arguments: str) -> list[str]:
    """Return the command line of `confide …`."""
    return [sys.executable, "-m", "confide.cli.main", *arguments]


def run_apart(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, as a shell would."""
    known = {**os.environ, **environment}
    return subprocess.run(
        command(*arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False, env=known
    )


def bundle(family: str, observations: int = 2) -> bytes:
    """Return a transaction of one Patient and some Observations about them."""
    patient = {"resourceType": "Patient", "name": [{"family": family}]}
    entries = [{"fullUrl": "urn:uuid:1", "resource": patient, "request": {"method": "POST", "url": "Patient"}}]
    for at in range(observations):
        observation = {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": f"code {at}"},
            "subject": {"reference": "urn:uuid:1"},
        }
        entries.append({"fullUrl": f"urn:uuid:o{at}", "resource": observation, "request": {"method": "POST", "url": "Observation"}})
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()


def write_bundles(folder: Path, families: Sequence[str], observations: int = 2) -> list[Path]:
    """Write one bundle for each family."""
    folder.mkdir(exist_ok=True)
    paths = []
    for at, family in enumerate(families):
        path = folder / f"{at:03d}.json"
        path.write_bytes(bundle(family, observations))
        paths.append(path)
    return paths


def events(desk: Desk, count: int = 100) -> list[dict[str, Any]]:
    """Return the newest events of the trail."""
    result = desk.run("audit", "show", "-n", str(count), "--json")
    return [json.loads(line) for line in result.stdout.splitlines()]
