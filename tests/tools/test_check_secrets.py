"""A secret that somebody adds is found; what the baseline holds is not."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tools import check_secrets

if TYPE_CHECKING:
    from pathlib import Path

KEY = "AKIA" + "IOSFODNN7QWERTYU"
"""In two parts, so that this file does not hold what it plants."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a repository with one harmless file and a baseline."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "settings.py").write_text("port = 8443\n", encoding="utf-8")
    assert check_secrets.accept(tmp_path) == 0
    return tmp_path


def test_a_clean_checkout_passes(checkout: Path) -> None:
    """Nothing was planted, nothing is found."""
    assert check_secrets.check(checkout) == 0


def test_a_planted_key_is_found(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is named, even before it is added to git."""
    (checkout / "deploy.py").write_text(f'cloud_key = "{KEY}"\n', encoding="utf-8")

    code = check_secrets.check(checkout)

    assert code != 0
    assert "deploy.py:1" in capsys.readouterr().err


def test_an_accepted_key_passes_until_another_comes(checkout: Path) -> None:
    """The baseline knows one value, not one file."""
    path = checkout / "deploy.py"
    path.write_text(f'cloud_key = "{KEY}"\n', encoding="utf-8")
    check_secrets.accept(checkout)
    accepted = check_secrets.check(checkout)
    path.write_text(f'cloud_key = "{KEY}"\nother_key = "{KEY[:-1]}X"\n', encoding="utf-8")

    assert accepted == 0
    assert check_secrets.check(checkout) != 0


def test_a_locked_hash_is_no_secret(checkout: Path) -> None:
    """Locks are full of entropy that everybody may see."""
    (checkout / "requirements-more.lock").write_text("click==1 --hash=sha256:" + "0123456789abcdef" * 4 + "\n", encoding="utf-8")

    assert check_secrets.check(checkout) == 0
