"""The house as it stands obeys the rules, and each rule catches a violation planted in another house."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import grimp
import pytest

from tests.architecture import house_rules as rule

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
HOUSE = ROOT / "src" / "confide"

GRAPH_RULES = [
    (rule.impure, "access/policy.py", "from planted.store import engine\n", "planted.access.policy"),
    (rule.impure, "values/period.py", "import time\n", "planted.values.period"),
    (rule.borrowed_stores, "rights/erase.py", "from planted.consent import store\n", "planted.rights.erase"),
    (rule.built_elsewhere, "rights/erase.py", "from planted.keys.providers import keyfile\n", "planted.rights.erase"),
    (rule.built_elsewhere, "clinic/records/read.py", "from planted.clinic import settings\n", "planted.clinic.records.read"),
    (rule.empty_names, "clinic/utils.py", "", "planted.clinic.utils"),
]
TEXT_RULES = [
    (rule.speaking_inits, "access/__init__.py", '"""Access."""\nfrom planted.values import permit\n'),
    (rule.forged_permits, "rights/erase.py", "from planted.values.permit import Permit\nPermit(1)\n"),
    (rule.forged_permits, "rights/erase.py", "from planted.values.permit import Permit as P\nP(1)\n"),
    (rule.forged_permits, "rights/erase.py", "import dataclasses\ndataclasses.replace(permit, reach=1)\n"),
    (rule.opened_elsewhere, "rights/erase.py", "keys.open(permit, sealed)\n"),
    (rule.opened_elsewhere, "rights/erase.py", "self.keys.open(sealed, permit=granted)\n"),
    (rule.opened_elsewhere, "rights/erase.py", "keys.opening(permit, place, header)\n"),
]


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a small house of another name that obeys every rule."""
    house = tmp_path / "planted"
    for file, text in {
        "access/decide.py": "from planted.values.permit import Permit\nPermit(1)\n",
        "access/unseal.py": "keys.open(permit, sealed)\n",
        "store/engine.py": "import sqlite3\n",
        "consent/store.py": "from planted.store import engine\n",
        "consent/withdraw.py": "from planted.consent import store\n",
        "keys/providers/keyfile.py": "import os\n",
        "keys/rotate.py": "from planted.keys.providers import keyfile\n",
        "clinic/settings.py": "",
        "clinic/app.py": "from planted.clinic import settings\nfrom planted.keys.providers import keyfile\n",
        "values/permit.py": "class Permit: ...\n",
    }.items():
        plant(house, file, text)
    monkeypatch.syspath_prepend(tmp_path)
    return house


def plant(house: Path, file: str, text: str) -> None:
    """Write a source file into a house, with the packages around it."""
    path = house / file
    path.parent.mkdir(parents=True, exist_ok=True)
    for package in (path.parent, *path.parent.parents):
        if package == house.parent:
            break
        (package / "__init__.py").touch()
    path.write_text(text, encoding="utf-8")


def graph_of(root: str) -> grimp.ImportGraph:
    """Return the import graph of a package and of what it imports."""
    return grimp.build_graph(root, include_external_packages=True, cache_dir=None)


@pytest.fixture(scope="module")
def house() -> grimp.ImportGraph:
    """Return the import graph of Confide."""
    return graph_of("confide")


@pytest.mark.parametrize("broken", dict.fromkeys(checked for checked, *_ in GRAPH_RULES), ids=lambda checked: checked.__name__)
def test_the_house_obeys_the_rules_over_its_imports(
    house: grimp.ImportGraph, broken: Callable[[grimp.ImportGraph, str], set[object]]
) -> None:
    """Purity, private stores, builders and names hold in every module."""
    assert broken(house, "confide") == set()


@pytest.mark.parametrize("broken", dict.fromkeys(checked for checked, *_ in TEXT_RULES), ids=lambda checked: checked.__name__)
def test_the_house_obeys_the_rules_over_its_text(broken: Callable[[Path], set[str]]) -> None:
    """Silent `__init__` files, one maker of permits and one opener hold in every file."""
    assert broken(HOUSE) == set()


@pytest.mark.parametrize(("broken", "file", "text", "culprit"), GRAPH_RULES)
def test_a_planted_import_is_caught(
    planted: Path, broken: Callable[[grimp.ImportGraph, str], set[object]], file: str, text: str, culprit: str
) -> None:
    """The rule passes the small house, and names the culprit once it is planted."""
    before = broken(graph_of("planted"), "planted")
    plant(planted, file, text)
    after = broken(graph_of("planted"), "planted")

    assert before == set()
    assert {leak if isinstance(leak, str) else leak[0] for leak in after if isinstance(leak, str | tuple)} == {culprit}


@pytest.mark.parametrize(("broken", "file", "text"), TEXT_RULES)
def test_a_planted_text_is_caught(planted: Path, broken: Callable[[Path], set[str]], file: str, text: str) -> None:
    """The rule passes the small house, and names the file once it is planted."""
    before = broken(planted)
    plant(planted, file, text)

    assert before == set()
    assert {place.split(":")[0] for place in broken(planted)} == {file}


def test_an_io_two_imports_away_is_caught(planted: Path) -> None:
    """Purity is a matter of what is reached, not of what is imported."""
    plant(planted, "rights/ask.py", "from planted.rights import fetch\n")
    plant(planted, "rights/fetch.py", "from planted.store import engine\n")
    plant(planted, "rights/plan.py", "from planted.rights import ask\n")

    assert rule.impure(graph_of("planted"), "planted") == {("planted.rights.plan", "sqlite3")}


def test_every_test_states_a_fact() -> None:
    """Each test function in the suite opens with a docstring of one sentence."""
    silent = {
        f"{path}:{node.name}"
        for path, tree in rule.sources(ROOT / "tests")
        if Path(path).name.startswith("test_")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    }

    assert silent == set()
