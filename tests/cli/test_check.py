"""`confide check` finds what is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from confide.keys.providers import keyfile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.desk import Desk


def _open_key(folder: Path) -> None:
    (folder / "root.key").chmod(0o644)


def _open_folder(folder: Path) -> None:
    folder.chmod(0o755)


def _other_key(folder: Path) -> None:
    (folder / "root.key").unlink()
    keyfile.create(folder / "root.key")


def _no_schema(folder: Path) -> None:
    (folder / "data.db").unlink()


def _no_certificate(folder: Path) -> None:
    (folder / "tls" / "server.pem").unlink()


def _open_demo(folder: Path) -> None:
    (folder / "confide.toml").write_text('demo = true\nhost = "0.0.0.0"\n')


def _open_http(folder: Path) -> None:
    (folder / "confide.toml").write_text('tls = false\nhost = "0.0.0.0"\n')


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (_open_key, "key provider"),
        (_open_folder, "folder"),
        (_other_key, "keys"),
        (_no_schema, "schema"),
        (_no_certificate, "certificate"),
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
    assert named in {one["name"] for one in found["checks"] if not one["ok"]}


def test_the_data_map_is_checked_without_an_instance(desk: Desk) -> None:
    """`make datamap` needs no folder."""
    assert desk.run("check", "--datamap").exit_code == 0
