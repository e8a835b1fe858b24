"""Making an instance."""

from __future__ import annotations

import stat
import tomllib
from typing import TYPE_CHECKING

import pytest

from confide.cli import making
from confide.cli.errors import AlreadyThere
from confide.cli.init import make_instance
from confide.cli.instance import settings_of
from confide.clinic.settings import Settings
from confide.keys.providers import keyfile
from tests.cli.desk import Desk, run_apart

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_init_makes_an_instance_that_passes_its_check(tmp_path: Path) -> None:
    """A fresh instance is in order, and its link is shown once."""
    made = run_apart("init", "--folder", str(tmp_path / "new"))
    checked = Desk(tmp_path / "new").run("check")

    assert made.returncode == 0, made.stderr
    assert "https://localhost:8443/bootstrap/" in made.stdout
    assert "final" in made.stdout
    assert checked.exit_code == 0, checked.output


def test_everything_in_the_folder_is_the_owners_alone(desk: Desk) -> None:
    """No file is readable by group or world."""
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [desk.folder, *desk.folder.rglob("*")]}

    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


def test_a_second_init_changes_nothing(desk: Desk) -> None:
    """An instance that is there is refused, and every byte of it stays."""
    before = {path: path.read_bytes() for path in sorted(desk.folder.rglob("*")) if path.is_file()}
    result = desk.run("init")
    after = {path: path.read_bytes() for path in sorted(desk.folder.rglob("*")) if path.is_file()}

    assert isinstance(result.exception, AlreadyThere)
    assert {path.name for path in after if after[path] != before.get(path)} == set()


def _settings(folder: Path) -> None:
    making.make_settings(folder, {})


def _torn_key(folder: Path) -> None:
    _settings(folder)
    (folder / "root.key.part").write_bytes(b"confide root key 1\n00")


def _key(folder: Path) -> None:
    _settings(folder)
    keyfile.create(folder / "root.key")


def _half_authority(folder: Path) -> None:
    _key(folder)
    making.make_certificates(settings_of(folder))
    (folder / "tls" / "ca.pem").unlink()
    (folder / "tls" / "server.pem").unlink()


def _no_server_certificate(folder: Path) -> None:
    _key(folder)
    making.make_certificates(settings_of(folder))
    (folder / "tls" / "server.pem").unlink()


def _databases(folder: Path) -> None:
    _key(folder)
    making.make_certificates(settings_of(folder))
    making.make_databases(settings_of(folder))


@pytest.mark.parametrize("stopped", [making.make_folder, _settings, _torn_key, _key, _half_authority, _no_server_certificate, _databases])
def test_init_finishes_what_was_stopped(tmp_path: Path, stopped: Callable[[Path], object]) -> None:
    """After a kill at any step, the next run makes the rest."""
    folder = tmp_path / "instance"
    making.make_folder(folder)
    stopped(folder)
    make_instance(folder, {})

    assert Desk(folder).run("check").exit_code == 0


def test_a_key_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    """The root key of a stopped run stays byte for byte."""
    folder = tmp_path / "instance"
    making.make_folder(folder)
    _key(folder)
    before = (folder / "root.key").read_bytes()
    make_instance(folder, {})

    assert (folder / "root.key").read_bytes() == before


def test_init_refuses_a_folder_with_other_things(tmp_path: Path) -> None:
    """It says what is there."""
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(AlreadyThere, match=r"thesis\.txt"):
        make_instance(tmp_path, {})


def test_init_makes_no_new_root_key_beside_an_old_key_database(desk: Desk) -> None:
    """A new root key would open nothing: the old one must be put back."""
    (desk.folder / "root.key").unlink()
    result = desk.run("init")

    assert isinstance(result.exception, AlreadyThere)
    assert not (desk.folder / "root.key").exists()


def test_the_settings_file_holds_what_was_chosen_and_every_default(tmp_path: Path) -> None:
    """Uncommented, the lines are the defaults."""
    making.make_folder(tmp_path / "a")
    making.make_settings(tmp_path / "a", {"port": 9443, "demo": True})
    text = (tmp_path / "a" / "confide.toml").read_text()
    content = "\n".join(line.removeprefix("# ") for line in text.splitlines() if " = " in line and not line.startswith("# An"))

    assert tomllib.loads(text) == {"port": 9443, "demo": True}
    expected = {name: field.default for name, field in Settings.model_fields.items() if name != "folder"}
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in tomllib.loads(content).items()}
    assert found == {**expected, "port": 9443, "demo": True}


def test_the_link_is_for_the_first_administrator_only(desk: Desk) -> None:
    """A link can be had again, until there is an administrator."""
    assert desk.run("bootstrap").exit_code == 0
    assert desk.run("account", "add", "chief", "administrator", "--password-stdin", given="tall-ferns-99\n").exit_code == 0

    assert isinstance(desk.run("bootstrap").exception, AlreadyThere)
