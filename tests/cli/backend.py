"""What the tests of `confide adopt` stand on: a person in the folder of a backend."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from confide.cli import main as entry
from tests.adopt.bank import environment

if TYPE_CHECKING:
    from pathlib import Path


class Shell:
    """A person in the folder of the backend; each command imports the backend's modules anew."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._monkeypatch, self._capsys = folder, monkeypatch, capsys

    def __call__(self, *words: str, variant: str = "migrating", **settings: str) -> tuple[int, str, str]:
        """Run a command; return its status and what it said on both ways."""
        with self._monkeypatch.context() as here:
            here.chdir(self.folder)
            here.setattr("sys.argv", ["confide", "adopt", *words])
            here.setattr("sys.path", [*environment(variant)["PYTHONPATH"].split(os.pathsep), *sys.path])
            for name, value in settings.items():
                here.setenv(name, value)
            for module in [name for name in sys.modules if name.partition(".")[0] in {"bank", "broken"}]:
                here.delitem(sys.modules, module)
            mask = os.umask(0o077)
            with pytest.raises(SystemExit) as end:
                entry.main()
            os.umask(mask)
        said, errors = self._capsys.readouterr()
        return int(end.value.code or 0), said, errors


def refused(found: tuple[int, str, str]) -> str:
    """The one sentence of a command that failed."""
    status, _, errors = found
    assert status == 1
    assert len(errors.strip().splitlines()) == 1
    assert "unexpected" not in errors
    return errors
