"""`confide check` finds what is wrong."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from confide.cli.check import CHECKS
from confide.cli.errors import NotFinished
from confide.cli.init import make_instance
from confide.clinic.app import clock
from confide.crypto import certificates
from confide.keys.providers import keyfile
from confide.store.errors import Damaged
from tests.cli.desk import write_bundles
from tests.postgres import free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.desk import Desk

PASSWORD = "tall-ferns-99"


def _open_key(folder: Path) -> None:
    (folder / "root.key").chmod(0o644)


def _no_key(folder: Path) -> None:
    (folder / "root.key").unlink()


def _open_folder(folder: Path) -> None:
    folder.chmod(0o755)


def _other_key(folder: Path) -> None:
    (folder / "root.key").unlink()
    keyfile.create(folder / "root.key")


def _no_schema(folder: Path) -> None:
    (folder / "data.db").unlink()


def _no_certificate(folder: Path) -> None:
    (folder / "tls" / "server.pem").unlink()


def _ended_certificate(folder: Path) -> None:
    _issue(folder, datetime(2020, 1, 1, tzinfo=UTC))


def _ending_certificate(folder: Path) -> None:
    _issue(folder, datetime.fromtimestamp(clock() / 1_000_000, UTC) - timedelta(days=397 - 29))


def _issue(folder: Path, then: datetime) -> None:
    authority = certificates.Issued((folder / "tls" / "ca.key").read_bytes(), (folder / "tls" / "ca.pem").read_bytes())
    issued = certificates.issue(authority, ["localhost"], then)
    (folder / "tls" / "server.key").write_bytes(issued.key)
    (folder / "tls" / "server.pem").write_bytes(issued.certificate)


def _certificate_of_another_key(folder: Path) -> None:
    key = (folder / "tls" / "server.key").read_bytes()
    _ended_certificate(folder)
    (folder / "tls" / "server.key").write_bytes(key)


def _no_certificate_at_all(folder: Path) -> None:
    (folder / "tls" / "server.pem").write_text("certificate")


def _data_gone(folder: Path) -> None:
    _unreachable(folder, "data_database")


def _keys_gone(folder: Path) -> None:
    _unreachable(folder, "keys_database")


def _unreachable(folder: Path, name: str) -> None:
    (folder / "confide.toml").write_text(f'{name} = "postgresql://confide:{PASSWORD}@127.0.0.1:{free_port()}/none"\n')


def _no_database(folder: Path) -> None:
    (folder / "data.db").write_text("no database at all" * 1000)


def _later_schema(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "keys.db", isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def _open_demo(folder: Path) -> None:
    (folder / "confide.toml").write_text('demo = true\nhost = "0.0.0.0"\n')


def _open_http(folder: Path) -> None:
    (folder / "confide.toml").write_text('tls = false\nhost = "0.0.0.0"\n')


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (_no_key, "key provider"),
        (_open_key, "key provider"),
        (_open_folder, "folder"),
        (_other_key, "keys"),
        (_no_schema, "schema"),
        (_data_gone, "schema"),
        (_keys_gone, "schema"),
        (_no_database, "schema"),
        (_later_schema, "schema"),
        (_no_certificate, "certificate"),
        (_no_certificate_at_all, "certificate"),
        (_certificate_of_another_key, "certificate"),
        (_ended_certificate, "certificate"),
        (_ending_certificate, "certificate"),
        (_open_demo, "network"),
        (_open_http, "network"),
    ],
)
def test_check_finds_what_is_wrong(desk: Desk, harm: Callable[[Path], None], named: str) -> None:
    """Each fault is found under its name, and the status says that there is one."""
    sound = json.loads(desk.run("check", "--json").stdout)
    harm(desk.folder)
    result = desk.run("check", "--json")
    found = json.loads(result.stdout)

    assert sound["ok"] is True
    assert result.exit_code != 0
    assert found["ok"] is False
    said = {one["name"]: one["message"] for one in found["checks"] if not one["ok"]}
    assert named in said
    assert said[named].endswith(".")
    assert "unexpected" not in said[named]
    assert not said[named].startswith("A file")
    assert PASSWORD not in result.output


def test_a_key_database_of_another_instance_is_found(desk: Desk, tmp_path: Path) -> None:
    """With its own root key it opens well, and knows none of the keys that the data name."""
    make_instance(tmp_path / "other", {})
    empty = desk.run("check")
    write_bundles(tmp_path / "in", ["Amsel"])
    desk.run("import", str(tmp_path / "in"))
    sound = desk.run("check")
    for name in ("keys.db", "root.key", "epochs.key"):
        (desk.folder / name).write_bytes((tmp_path / "other" / name).read_bytes())
    for rest in ("keys.db-wal", "keys.db-shm"):
        (desk.folder / rest).unlink(missing_ok=True)
    found = json.loads(desk.run("check", "--json").stdout)

    assert (empty.exit_code, sound.exit_code) == (0, 0)
    assert [one["name"] for one in found["checks"] if not one["ok"]] == ["keys"]
    assert "put back" in next(one["message"] for one in found["checks"] if one["name"] == "keys")


@pytest.mark.parametrize("name", ["data.db", "keys.db"])
def test_a_damaged_file_is_named(desk: Desk, name: str) -> None:
    """It is no matter of a network, and init is not what mends it."""
    (desk.folder / name).write_bytes(b"no database at all" * 1000)
    for result in (desk.run("check"), desk.run("init"), desk.run("account", "add", "a.nurse", "clinician", "--password-stdin", given="x")):
        said = f"{result.output} {result.exception}"

        assert f"{desk.folder / name} is damaged" in said
        assert "confide restore" in said


def test_missing_epochs_are_named(desk: Desk) -> None:
    """With where they can be had."""
    (desk.folder / "epochs.key").unlink()
    found = desk.run("check").output

    assert f"{desk.folder / 'epochs.key'} is missing" in found
    assert "kit recover" in found


def test_pages_that_are_damaged_later_are_told_by_name(desk: Desk, tmp_path: Path) -> None:
    """A file whose head is sound is found out by whoever reads on."""
    desk.run("import", *map(str, write_bundles(tmp_path / "in", ["Amsel"], 40)))
    content = (desk.folder / "data.db").read_bytes()
    (desk.folder / "data.db").write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    result = desk.run("audit", "show")

    assert isinstance(result.exception, Damaged)
    assert "data.db" in str(result.exception)


def test_one_fault_hides_no_other(desk: Desk) -> None:
    """Every question is asked, and each answer stands in a line of its own."""
    _open_key(desk.folder)
    _ended_certificate(desk.folder)
    result = desk.run("check")
    failed = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("failed")]

    assert failed == ["key", "keys", "certificate"]
    assert len(result.stdout.splitlines()) == len(CHECKS)
    assert isinstance(result.exception, NotFinished)


def test_the_data_map_is_checked_without_an_instance(desk: Desk) -> None:
    """`make datamap` needs no folder."""
    assert desk.run("check", "--datamap").exit_code == 0
