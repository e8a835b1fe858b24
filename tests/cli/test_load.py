"""`confide import`."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from confide.cli.errors import NotFinished, NothingToDo
from tests.cli.desk import Desk, bundle, command, events, write_bundles

if TYPE_CHECKING:
    from pathlib import Path


def test_an_import_stores_each_bundle_once(stored_desk: Desk, tmp_path: Path) -> None:
    """A second run finds everything there."""
    write_bundles(tmp_path / "in", ["Amsel", "Birke"])
    first = json.loads(stored_desk.run("import", str(tmp_path / "in"), "--json").stdout)
    second = json.loads(stored_desk.run("import", str(tmp_path / "in"), "--json").stdout)

    assert (first["imported"], first["known"], first["resources"]) == (2, 0, 6)
    assert (second["imported"], second["known"], second["resources"]) == (0, 2, 0)
    assert (stored_desk.count("Patient"), stored_desk.count("Observation")) == (2, 4)


def test_a_file_is_known_by_its_content(desk: Desk, tmp_path: Path) -> None:
    """The same bytes under another name are not stored again; the file system's names say nothing."""
    [path] = write_bundles(tmp_path / "in", ["Amsel"])
    (tmp_path / "in" / "copy.json").write_bytes(path.read_bytes())
    found = json.loads(desk.run("import", str(tmp_path / "in"), "--json").stdout)

    assert (found["imported"], found["known"]) == (1, 1)


def test_a_bad_file_is_named_with_its_places_and_the_others_go_on(desk: Desk, tmp_path: Path) -> None:
    """Nothing of a refused file is stored, and its values are not repeated."""
    paths = write_bundles(tmp_path / "in", ["Amsel", "Birke", "Cypresse"])
    broken = json.loads(bundle("Birke"))
    broken["entry"][1]["resource"]["status"] = "Quittenbrot"
    paths[1].write_text(json.dumps(broken))
    result = desk.run("import", str(tmp_path / "in"))

    assert isinstance(result.exception, NotFinished)
    assert "001.json: not imported" in result.stderr
    assert "Bundle.entry[1].resource.status" in result.stderr
    assert "Quittenbrot" not in result.output
    assert (desk.count("Patient"), desk.count("Observation")) == (2, 4)


def test_a_reference_that_leads_nowhere_is_named_with_its_place(desk: Desk, tmp_path: Path) -> None:
    """The entry in the bundle that holds it."""
    path = tmp_path / "dangling.json"
    path.write_bytes(bundle("Amsel").replace(b'{"reference": "urn:uuid:1"}', b'{"reference": "urn:uuid:2"}'))
    result = desk.run("import", str(path), "--json")

    [finding] = json.loads(result.stdout)["files"][0]["findings"]
    assert finding["location"] == "Bundle.entry[1].resource"


def test_a_refused_file_is_imported_once_it_is_put_right(desk: Desk, tmp_path: Path) -> None:
    """The run after the repair imports what was missing, and no more."""
    paths = write_bundles(tmp_path / "in", ["Amsel", "Birke"])
    paths[0].write_text("{")
    desk.run("import", str(tmp_path / "in"))
    paths[0].write_bytes(bundle("Amsel"))
    found = json.loads(desk.run("import", str(tmp_path / "in"), "--json").stdout)

    assert (found["imported"], found["known"], found["refused"]) == (1, 1, 0)
    assert desk.count("Patient") == 2


def test_every_import_is_in_the_trail(desk: Desk, tmp_path: Path) -> None:
    """The operator's writes are told like anyone's."""
    write_bundles(tmp_path / "in", ["Amsel"])
    desk.run("import", str(tmp_path / "in"))
    told = [event for event in events(desk) if event["action"] == "create"]

    assert [(event["role"], event["outcome"], len(event["resources"])) for event in told] == [("operator", "success", 3)]


def test_a_file_above_the_limit_is_refused(desk: Desk, tmp_path: Path) -> None:
    """The limit of the server holds here as well."""
    (desk.folder / "confide.toml").write_text("bundle_bytes = 1024\n")
    write_bundles(tmp_path / "in", ["Amsel"], observations=20)
    result = desk.run("import", str(tmp_path / "in"))

    assert isinstance(result.exception, NotFinished)
    assert "1024 bytes" in result.stderr


def test_a_folder_without_bundles_is_said_to_be_one(desk: Desk, tmp_path: Path) -> None:
    """Importing nothing is a mistake in the path."""
    (tmp_path / "empty").mkdir()

    assert isinstance(desk.run("import", str(tmp_path / "empty")).exception, NothingToDo)


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_an_import_that_is_stopped_goes_on(desk: Desk, tmp_path: Path, sign: signal.Signals) -> None:
    """After a kill or Ctrl-C, each file is in whole or not at all, and the next run imports the rest."""
    write_bundles(tmp_path / "in", [f"Family{at}" for at in range(30)], observations=60)
    process = subprocess.Popen(
        command("import", str(tmp_path / "in"), "--folder", str(desk.folder)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 60
    while desk.count("Patient") == 0 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(sign)
    status = process.wait(30)
    patients, observations = desk.count("Patient"), desk.count("Observation")
    found = json.loads(desk.run("import", str(tmp_path / "in"), "--json").stdout)

    assert status == (-signal.SIGKILL if sign is signal.SIGKILL else 130)
    assert 0 < patients < 30
    assert observations == 60 * patients
    assert (found["known"], found["imported"]) == (patients, 30 - patients)
    assert (desk.count("Patient"), desk.count("Observation")) == (30, 1800)
