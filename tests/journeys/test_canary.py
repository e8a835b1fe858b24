"""Zero plaintext on disk, and a search that finds it where it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.cli.desk import SECONDS
from tests.journeys.canaries import BLOCK, CORE, Canaries, forms, scan
from tests.show import canary

if TYPE_CHECKING:
    from pathlib import Path


def test_no_planted_value_is_on_disk(tmp_path: Path) -> None:
    """After every path was exercised, no byte of the instance, its logs and its temporary files shows a planted value."""
    result = canary.run(tmp_path, "sqlite", None, broken=False)

    assert result.findings == []
    assert result.planted > 60
    assert result.size > 100_000


def test_what_is_planted_in_the_clear_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--break`, every form is found and the run fails."""
    assert canary.main(["--store", "sqlite", "--break"]) == 1
    assert "FAILED" in capsys.readouterr().out


def test_a_run_that_is_told_to_stop_leaves_nothing_behind(tmp_path: Path) -> None:
    """Its folder is removed, and the server in it is stopped."""
    asked = [sys.executable, "-m", "tests.show.canary", "--store", "sqlite"]
    with subprocess.Popen(asked, stdout=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(tmp_path)}) as process:
        until = time.monotonic() + SECONDS
        while not list(tmp_path.glob("*/seen/instance/confide.toml")) and time.monotonic() < until:
            time.sleep(0.05)
        process.terminate()
        status = process.wait(SECONDS)

    assert status == 128 + signal.SIGTERM
    assert list(tmp_path.glob("confide-canary-*")) == []


@pytest.mark.parametrize("name", sorted(forms("b" * 24)))
def test_each_form_is_found(tmp_path: Path, name: str) -> None:
    """A value is found in every form, at the border of two blocks as well."""
    canaries = Canaries()
    value = canaries.new("here")
    (tmp_path / "file").write_bytes(bytes(BLOCK - CORE // 2) + forms(value)[name] + bytes(9))

    found, files, _ = scan(canaries.planted, tmp_path)

    assert forms(value)[name] in {forms(value)[one.form] for one in found}  # several forms of one value may be the same bytes
    assert files == 1


@pytest.mark.parametrize("before", range(5))
def test_base64_of_a_longer_text_is_found(tmp_path: Path, before: int) -> None:
    """Whatever stands around it in the encoded text."""
    import base64  # noqa: PLC0415 - only here

    canaries = Canaries()
    text = b"x" * before + canaries.new("here").encode() + b"yz"
    (tmp_path / "standard").write_bytes(base64.b64encode(text))

    assert scan(canaries.planted, tmp_path)[0]
