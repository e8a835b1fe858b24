"""Making an instance."""

from __future__ import annotations

import shlex
import stat
import tomllib
from typing import TYPE_CHECKING

import pytest

from confide.cli import making
from confide.cli.errors import AlreadyThere, PartLost
from confide.cli.init import make_instance
from confide.cli.instance import settings_of
from confide.clinic.settings import Settings
from confide.keys.providers import keyfile
from confide.store import migrate
from tests.cli.desk import Desk, run_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
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


def _keys_lost(desk: Desk) -> None:
    _drop(desk, "keys.db")


def _data_lost(desk: Desk) -> None:
    _drop(desk, "data.db")


def _both_lost_but_for_the_ledger(desk: Desk) -> None:
    (desk.folder / "shred.ledger").write_text("a line\n")
    _keys_lost(desk)
    _data_lost(desk)


def _keys_empty_beside_a_ledger(desk: Desk) -> None:
    _both_lost_but_for_the_ledger(desk)
    making.make_databases(settings_of(desk.folder))


def _keys_cut_to_nothing(desk: Desk) -> None:
    _keys_lost(desk)
    (desk.folder / "keys.db").touch()


def _keys_without_a_row(desk: Desk) -> None:
    _keys_lost(desk)
    migrate.upgrade(settings_of(desk.folder).keys_url, migrate.Which.KEYS)


def _drop(desk: Desk, name: str) -> None:
    for path in desk.folder.glob(f"{name}*"):
        path.unlink()


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm"))}


@pytest.mark.parametrize(
    ("lose", "named"),
    [
        (_keys_lost, "key database"),
        (_keys_cut_to_nothing, "key database"),
        (_keys_without_a_row, "key database"),
        (_data_lost, "data database"),
        (_both_lost_but_for_the_ledger, "data and key database"),
        (_keys_empty_beside_a_ledger, "data and key database"),
    ],
)
@pytest.mark.parametrize("command", [("init",), ("migrate",), ("bootstrap",), ("keys", "status")])
def test_a_lost_database_is_put_back_and_never_made_anew(
    desk: Desk, lose: Callable[[Desk], None], named: str, command: Sequence[str]
) -> None:
    """Whatever is run, nothing is made or written, and the sentence leads to the backups."""
    desk.run("bootstrap")  # the data are no longer as a stopped init leaves them
    lose(desk)
    before = _content(desk.folder)
    result = desk.run(*command)

    assert isinstance(result.exception, PartLost)
    assert named in str(result.exception)
    assert "confide restore" in str(result.exception)
    assert "init" not in str(result.exception)
    assert _content(desk.folder) == before


@pytest.mark.parametrize("lose", [_keys_lost, _data_lost])
def test_check_never_advises_to_make_a_lost_database_anew(desk: Desk, lose: Callable[[Desk], None]) -> None:
    """It says to put it back, or to restore it."""
    desk.run("bootstrap")
    lose(desk)
    result = desk.run("check")

    assert "put it back" in result.output
    assert "confide init" not in result.output


def test_an_empty_data_database_beside_keys_is_refused(tmp_path: Path, postgresql_url: str) -> None:
    """On PostgreSQL as well, before a folder is made."""
    make_instance(tmp_path / "first", {})
    chosen = {"data_database": postgresql_url, "keys_database": settings_of(tmp_path / "first").keys_url}
    with pytest.raises(PartLost, match="data database is missing or empty"):
        make_instance(tmp_path / "second", chosen)

    assert not (tmp_path / "second").exists()


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        (["port=abc"], "port must be a whole number from 1 to 65535"),
        (["port=0"], "port must be"),
        (["tls=maybe"], "tls must be true or false"),
        (["key_provider=nosuch"], "key_provider must be one of"),
        (["key_provider=passphrase"], "There is no passphrase"),
        (["key_provider=openbao"], "openbao_url"),
        (["data_database=mysql://localhost/x"], "data_database must be an address"),
        (["search_across_patients=Condition.code"], "search_across_patients must be a list of texts"),
    ],
)
def test_init_refuses_a_setting_before_it_makes_anything(tmp_path: Path, chosen: list[str], named: str) -> None:
    """The same command, put right, then makes the instance."""
    result = Desk(tmp_path / "new").run("init", *(word for one in chosen for word in ("--set", one)))

    assert named in str(result.exception)
    assert not (tmp_path / "new").exists()


def test_init_refuses_a_wrong_variable_before_it_makes_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would stand over the file of the new instance."""
    monkeypatch.setenv("CONFIDE_PORT", "abc")
    result = Desk(tmp_path / "new").run("init")

    assert "port must be a whole number" in str(result.exception)
    assert not (tmp_path / "new").exists()


def test_init_writes_what_was_chosen_as_what_it_is(tmp_path: Path) -> None:
    """Numbers, truth values, lists and texts."""
    lines = ["port=9443", "demo=true", 'search_across_patients=["Condition.code"]', "key_prefix=7"]
    made = Desk(tmp_path / "new").run("init", *(word for one in lines for word in ("--set", one)))

    assert made.exit_code == 0, made.output
    written = tomllib.loads((tmp_path / "new" / "confide.toml").read_text())
    assert written == {"port": 9443, "demo": True, "search_across_patients": ["Condition.code"], "key_prefix": "7"}


def test_a_setting_for_an_instance_that_is_there_is_refused(desk: Desk) -> None:
    """It would be ignored otherwise; what the file says already is no change."""
    changed = desk.run("init", "--set", "port=9000")
    (desk.folder / "confide.toml").write_text("port = 9000\n")
    same = desk.run("init", "--set", "port=9000")

    assert f"edit {desk.folder / 'confide.toml'}" in str(changed.exception)
    assert "There is an instance" in str(same.exception)


def test_a_misspelt_variable_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command goes on, since others may use the same prefix."""
    monkeypatch.setenv("CONFIDE_PROT", "9000")
    result = run_apart("bootstrap", "--folder", str(desk.folder))

    assert result.returncode == 0
    assert "CONFIDE_PROT is no setting" in result.stderr


def test_a_printed_command_works_when_it_is_copied(tmp_path: Path) -> None:
    """A folder with a blank in its name as well."""
    folder = tmp_path / "my instance"
    made = Desk(folder).run("init")
    serve = next(line for line in made.output.splitlines() if " serve " in line).strip(" $")

    assert shlex.split(serve)[-3:] == ["serve", "--folder", str(folder)]


def test_a_key_database_that_was_lost_beside_any_data_database_is_not_made_anew(stored_desk: Desk) -> None:
    """On each engine."""
    stored_desk.run("bootstrap")
    _keys_lost(stored_desk)
    result = stored_desk.run("init")

    assert isinstance(result.exception, PartLost)
    assert not (stored_desk.folder / "keys.db").exists()
