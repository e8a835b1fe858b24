"""Licences are allowed one by one; whatever else a package states is refused."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from tools import check_licences

ROOT = Path(__file__).resolve().parents[2]


def test_every_runtime_dependency_is_allowed() -> None:
    """Nothing that an operator must install binds what they build."""
    assert check_licences.refused(ROOT / "requirements.lock") == {}


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 OR BSD-3-Clause", True),
        ("GPL-3.0-only OR MIT", True),
        ("(MIT AND PSF-2.0)", True),
        ("MIT AND GPL-2.0-or-later", False),
        ("AGPL-3.0-only", False),
        ("GNU General Public License v3 (GPLv3)", False),
        ("SSPL-1.0", False),
        ("", False),
    ],
)
def test_an_expression_is_allowed_by_one_clean_alternative(expression: str, *, allowed: bool) -> None:
    """OR leaves the choice to us, AND binds us to every part."""
    assert check_licences.is_allowed(expression) is allowed


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([("License-Expression", "MIT"), ("License", "GPL")], "MIT"),
        ([("License", "MIT License")], "MIT"),
        ([("License", "Long text\n        of a licence"), ("Classifier", "License :: OSI Approved :: BSD License")], "BSD-3-Clause"),
        ([("Classifier", "License :: OSI Approved :: GNU General Public License v3 (GPLv3)")], "GNU General Public License v3 (GPLv3)"),
        ([("Classifier", "Programming Language :: Python")], ""),
    ],
)
def test_a_licence_is_read_where_packages_state_it(fields: list[tuple[str, str]], expected: str, tmp_path: Path) -> None:
    """The expression first, then the short field, then the classifiers."""
    lines = ["Metadata-Version: 2.4", "Name: some", *(f"{name}: {value}" for name, value in fields)]
    (tmp_path / "METADATA").write_text("\n".join(lines) + "\n\nAbout it.\n", encoding="utf-8")

    assert check_licences.stated(metadata.PathDistribution(tmp_path).metadata) == expected


def test_a_package_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """What is locked but not installed has no known licence; what another platform needs is left out."""
    lock = tmp_path / "requirements.lock"
    lock.write_text("not-installed-anywhere==1.0 \\\n    --hash=sha256:00\nelsewhere==1 ; sys_platform == 'win32' \\\n", encoding="utf-8")

    assert check_licences.refused(lock) == {"not-installed-anywhere": ""}
