"""An instance for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from confide.cli.init import make_instance
from tests.cli.backend import Shell
from tests.cli.desk import Desk

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An instance as `confide init` makes it."""
    make_instance(tmp_path / "instance", {})
    return Desk(tmp_path / "instance")


@pytest.fixture
def stored_desk(tmp_path: Path, store_url: str) -> Desk:
    """An instance whose data are on a database of each kind."""
    make_instance(tmp_path / "instance", {"data_database": store_url})
    return Desk(tmp_path / "instance")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """In a folder without anything."""
    return Shell(tmp_path, monkeypatch, capsys)
