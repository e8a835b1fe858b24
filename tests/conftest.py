"""What every test stands on: bounded examples, repeatable in CI, and a database of each kind."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import filelock
import hypothesis
import pytest

from tests import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

hypothesis.settings.register_profile("quick", max_examples=50, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("thorough", max_examples=5_000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "quick"))

SHARED = "CONFIDE_TEST_POSTGRES_SCRATCH"
"""Environment variable: the folder in which the workers of one run find the server that the first of them started."""
OWNER = "CONFIDE_TEST_OWNER"
"""Environment variable: the process that every worker belongs to; the server ends with it."""


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of the shared server, in the process that starts the workers."""
    if not hasattr(config, "workerinput"):
        os.environ[SHARED] = tempfile.mkdtemp(prefix=postgres.SCRATCH)
        os.environ[OWNER] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the shared server once every worker is done."""
    if not hasattr(config, "workerinput"):
        scratch = Path(os.environ.pop(SHARED))
        if (scratch / "url").exists():
            postgres.Cluster("", scratch / "data", postgres.binaries(scratch)).stop()
        shutil.rmtree(scratch, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_server() -> str:
    """Return the URL of one PostgreSQL for the whole run: the given one, or one started by whoever asks first."""
    given = os.environ.get(postgres.GIVEN)
    if given:
        return given
    scratch = Path(os.environ[SHARED])
    with filelock.FileLock(scratch / "lock"):
        url = scratch / "url"
        if not url.exists():
            url.write_text(postgres.start(scratch, *postgres.VOLATILE, owner=int(os.environ[OWNER])).url, encoding="utf-8")
        return url.read_text(encoding="utf-8")


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """Return the URL of an empty PostgreSQL database that this test has for itself."""
    url = asyncio.run(postgres.create_database(postgresql_server, f"test_{uuid4().hex}"))
    yield url
    asyncio.run(postgres.drop_database(url))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database that this test has for itself; the test runs once on each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url
