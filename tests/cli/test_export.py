"""`confide export`."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pyrage
import pytest

from confide.cli import export
from confide.cli.errors import AlreadyThere, NothingToDo
from confide.cli.sink import open_sink, recipient_of
from tests.cli.desk import Desk, events, write_bundles

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def filled(stored_desk: Desk, tmp_path: Path) -> Desk:
    write_bundles(tmp_path / "in", ["Amsel", "Birke"])
    stored_desk.run("import", str(tmp_path / "in"))
    return stored_desk


def test_a_plain_export_holds_each_resource_on_a_line(filled: Desk, tmp_path: Path) -> None:
    """One file for each type that has resources, for the owner only."""
    result = filled.run("export", "--to", str(tmp_path / "out"), "--plaintext", "--json")
    families = [json.loads(line)["name"][0]["family"] for line in (tmp_path / "out" / "Patient.ndjson").read_text().splitlines()]

    assert json.loads(result.stdout)["resources"] == {"Observation": 4, "Patient": 2}
    assert sorted(families) == ["Amsel", "Birke"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["Observation.ndjson", "Patient.ndjson"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()} == {0o600}


def test_an_encrypted_export_opens_for_its_recipient_alone(filled: Desk, tmp_path: Path) -> None:
    """No name is in the file, and the identity brings everything back."""
    identity = pyrage.x25519.Identity.generate()
    filled.run("export", "--to", str(tmp_path / "out"), "--recipient", str(identity.to_public()))
    sealed = (tmp_path / "out" / "Patient.ndjson.age").read_bytes()

    assert b"Amsel" not in sealed
    assert b"Amsel" in pyrage.decrypt(sealed, [identity])
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed, [pyrage.x25519.Identity.generate()])


def test_an_export_of_one_patient_holds_no_other(filled: Desk, tmp_path: Path) -> None:
    """The compartment of the Patient, and nothing beside it."""
    filled.run("export", "--to", str(tmp_path / "all"), "--plaintext")
    patient = json.loads((tmp_path / "all" / "Patient.ndjson").read_text().splitlines()[0])
    filled.run("export", "--to", str(tmp_path / "one"), "--plaintext", "--patient", patient["id"])
    observations = [json.loads(line) for line in (tmp_path / "one" / "Observation.ndjson").read_text().splitlines()]

    assert [json.loads(line) for line in (tmp_path / "one" / "Patient.ndjson").read_text().splitlines()] == [patient]
    assert {one["subject"]["reference"] for one in observations} == {f"Patient/{patient['id']}"}
    assert len(observations) == 2


def test_every_batch_is_in_the_trail(filled: Desk, tmp_path: Path) -> None:
    """Whoever exports leaves an event for each type."""
    filled.run("export", "--to", str(tmp_path / "out"), "--plaintext", "--type", "Patient")
    told = [event for event in events(filled) if event["action"] == "export"]

    assert [(event["role"], len(event["resources"]), len(event["patients"])) for event in told] == [("operator", 2, 2)]


def test_batches_leave_nothing_out(filled: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More resources than fit one batch are all written, once."""
    monkeypatch.setattr(export, "BATCH", 3)
    filled.run("export", "--to", str(tmp_path / "out"), "--plaintext", "--type", "Observation")
    ids = [json.loads(line)["id"] for line in (tmp_path / "out" / "Observation.ndjson").read_text().splitlines()]

    assert len(ids) == len(set(ids)) == 4


def test_nothing_is_overwritten(filled: Desk, tmp_path: Path) -> None:
    """A folder that holds something is refused."""
    (tmp_path / "in" / "x").touch()

    assert isinstance(filled.run("export", "--to", str(tmp_path / "in"), "--plaintext").exception, AlreadyThere)


def test_an_unknown_patient_is_said_to_be_one(filled: Desk, tmp_path: Path) -> None:
    """An empty export would look like a patient without a chart."""
    result = filled.run("export", "--to", str(tmp_path / "out"), "--plaintext", "--patient", "00000000-0000-4000-8000-000000000000")

    assert isinstance(result.exception, NothingToDo)


@pytest.mark.parametrize("arguments", [(), ("--plaintext", "--recipient", "age1x"), ("--recipient", "age1x")])
def test_who_may_open_the_files_must_be_said(desk: Desk, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Neither, both, or a key that is none: wrong usage."""
    assert desk.run("export", "--to", str(tmp_path / "out"), *arguments).exit_code == 2


def test_in_the_clear_and_encrypted_exclude_each_other(desk: Desk, tmp_path: Path) -> None:
    """The sentence says that, and nothing is written."""
    result = desk.run("export", "--to", str(tmp_path / "out"), "--plaintext", "--recipient", "age1x")

    assert "exclude each other" in result.output
    assert not (tmp_path / "out").exists()


def test_a_secret_key_is_refused_and_not_repeated(desk: Desk, tmp_path: Path) -> None:
    """Someone who mistakes the identity for the recipient is told that it is known now."""
    secret = str(pyrage.x25519.Identity.generate())
    result = desk.run("export", "--to", str(tmp_path / "out"), "--recipient", secret)

    assert result.exit_code == 2
    assert secret not in result.output


@pytest.mark.parametrize("encrypted", [True, False])
def test_a_file_that_is_not_complete_never_has_its_name(tmp_path: Path, encrypted: bool) -> None:
    """An error in between leaves nothing at all."""
    encryption = recipient_of(str(pyrage.x25519.Identity.generate().to_public())) if encrypted else None

    def stop_halfway() -> None:
        with open_sink(tmp_path / "Patient.ndjson", encryption) as sink:
            sink.write(b"x" * 1_000_000)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stop_halfway()
    assert list(tmp_path.iterdir()) == []


def test_a_large_file_is_encrypted_whole(tmp_path: Path) -> None:
    """What is written in pieces comes back in one."""
    identity = pyrage.x25519.Identity.generate()
    with open_sink(tmp_path / "a", recipient_of(str(identity.to_public()))) as sink:
        for at in range(3_000):
            sink.write(b"%04d" % at * 256)

    assert pyrage.decrypt((tmp_path / "a.age").read_bytes(), [identity]) == b"".join(b"%04d" % at * 256 for at in range(3_000))
