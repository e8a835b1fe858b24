"""The contracts in pyproject.toml hold, and each one breaks when its violation is planted in a copy of the house."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
}


class Violation(NamedTuple):
    """A file that breaks one contract, and what the report must name."""

    contract: str
    file: str
    text: str
    named: str


VIOLATIONS = {
    "a lower room imports a higher one": Violation("floors", "store/planted.py", "import confide.clinic\n", "confide.store.planted"),
    "strangers meet": Violation("floors", "identity/planted.py", "import confide.watch\n", "confide.identity.planted"),
    "a room without a floor": Violation("floors", "attic/__init__.py", '"""Nobody gave it a floor."""\n', "attic"),
    "records import fhir": Violation("clinic-floors", "clinic/records/planted.py", "import confide.clinic.fhir\n", "records.planted"),
    "a clinic room without a floor": Violation("clinic-floors", "clinic/shed/__init__.py", '"""As above."""\n', "shed"),
    "a search knows an interaction": Violation(
        "fhir-rooms", "clinic/fhir/rules/planted.py", "import confide.clinic.fhir.interactions\n", "rules.planted"
    ),
    "a value reads the clock": Violation("ground-floor-is-pure", "values/planted.py", "import time\n", "confide.values.planted"),
    "cryptography through the window": Violation(
        "one-door-for-cryptography", "access/planted.py", "from cryptography import x509\n", "confide.access.planted"
    ),
    "siblings in a circle": Violation("no-cycles", "audit/circle_a.py", "import confide.audit.circle_b\n", "circle_a"),
}


def lint(source: Path) -> str:
    """Run every contract over a source folder and return the report on one line."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache", "--no-logo"]
    ran = subprocess.run(
        [*command, "--config", str(ROOT / "pyproject.toml")],
        check=False,
        capture_output=True,
        text=True,
        cwd=source,
        env={**os.environ, "PYTHONPATH": str(source), "COLUMNS": "400", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert ran.stderr == ""
    return ran.stdout


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the report over a copy of the house in which every violation is planted at once."""
    source = tmp_path_factory.mktemp("broken") / "src"
    house = source / "confide"
    shutil.copytree(ROOT / "src" / "confide", house, ignore=shutil.ignore_patterns("__pycache__"))
    for violation in VIOLATIONS.values():
        path = house / violation.file
        for package in path.relative_to(house).parents:
            (house / package).mkdir(exist_ok=True, parents=True)
            (house / package / "__init__.py").touch()
        path.write_text(violation.text, encoding="utf-8")
    (house / "audit" / "circle_b").mkdir()
    (house / "audit" / "circle_b" / "__init__.py").write_text("import confide.audit.circle_a\n", encoding="utf-8")
    return lint(source)


def section(report: str, contract: str) -> str:
    """Return what a report says about one broken contract."""
    _, _, broken_part = report.partition("Broken contracts")
    pattern = re.escape(CONTRACTS[contract]) + r"\s*\n-+\n(.*?)(?=\n\n[^\n]+\n-{3,}\n|\Z)"
    found = re.search(pattern, broken_part, re.DOTALL)
    return found.group(1) if found else ""


def test_the_house_keeps_every_contract() -> None:
    """No contract is broken by what stands in src/."""
    report = lint(ROOT / "src")

    assert "0 broken." in report, report


def test_every_contract_has_a_planted_violation() -> None:
    """A contract that nobody has seen fail is not known to work."""
    assert {violation.contract for violation in VIOLATIONS.values()} == set(CONTRACTS)


@pytest.mark.parametrize("violation", VIOLATIONS.values(), ids=VIOLATIONS.keys())
def test_a_planted_violation_breaks_its_contract(broken: str, violation: Violation) -> None:
    """The report names the contract as broken, and the culprit below it."""
    assert violation.named in section(broken, violation.contract), broken
