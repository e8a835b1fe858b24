"""What pyproject.toml declares is what the code imports; the locks hold hashes and no host."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
LOADED_BY_NAME = {"httptools", "uvloop"}
"""uvicorn picks these up without an import of ours."""


def normal(name: str) -> str:
    """Return a package's name as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    """Return the names of the runtime dependencies."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = [line for lines in project["optional-dependencies"].values() for line in lines]
    return {normal(re.split(r"[<>=~!\[; ]", line)[0]) for line in (*project["dependencies"], *optional)}


def imported() -> set[str]:
    """Return the packages that the code under src/ imports."""
    graph = grimp.build_graph("confide", include_external_packages=True, cache_dir=None)
    outside = {module for module in graph.modules if not module.startswith("confide") and module not in sys.stdlib_module_names}
    packages = metadata.packages_distributions()
    return {normal(packages.get(module, [module])[0]) for module in outside}


def test_what_is_imported_is_declared() -> None:
    """Nothing works only because something else happens to bring it."""
    assert imported() - declared() == set()


def test_what_is_declared_is_imported() -> None:
    """Whoever installs Confide installs nothing in vain."""
    assert declared() - imported() - LOADED_BY_NAME == set()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_pins_by_hash_and_names_no_host(lock: Path) -> None:
    """Every pinned version is followed by at least one SHA-256; no index address is written down."""
    text = lock.read_text(encoding="utf-8")
    pins = re.findall(r"^[A-Za-z0-9][^\n]*==[^\n]*", text, re.MULTILINE)

    assert len(pins) == len(re.findall(r"^[A-Za-z0-9][^\n]*==[^\n]*\\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)) > 0
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", text)


def test_one_version_of_a_package_across_all_locks() -> None:
    """What is tested is what is served and what the demo runs."""
    pins = {
        lock.name: set(re.findall(r"^([A-Za-z0-9][^\s]*==[^\s;\\]+)", lock.read_text(encoding="utf-8"), re.MULTILINE)) for lock in LOCKS
    }

    assert pins["requirements.lock"] <= pins["requirements-demo.lock"] <= pins["requirements-dev.lock"]
