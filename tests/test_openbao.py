"""The OpenBao that the other tests use is real, keeps what it has, and is gone afterwards."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import openbao
from tests.required import missing

ROOT = Path(__file__).resolve().parents[1]
START = "import time, tests.openbao as o\nwith o.server() as s:\n    print(s.port, s.folder, flush=True)\n    time.sleep(60)\n"


def answers(port: int) -> bool:
    """Tell whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(autouse=True)
def _installed() -> None:
    try:
        openbao.binary()
    except openbao.NoOpenBao as reason:
        missing(str(reason))


def test_it_keeps_its_keys_over_a_kill() -> None:
    """A server that was killed comes back with what it had; without one, nobody answers."""
    with openbao.server() as server:
        server.client().secrets.transit.create_key("kept")
        server.stop()
        stopped = answers(server.port)
        server.start()
        kept = server.client().secrets.transit.list_keys()["data"]["keys"]

    assert (stopped, kept) == (False, ["kept"])
    assert not answers(server.port)
    assert not server.folder.exists()


def test_a_killed_run_leaves_no_server_behind() -> None:
    """The server ends soon after the process that started it, even when that had no time to stop it, and its folder goes with it."""
    with subprocess.Popen([sys.executable, "-c", START], stdout=subprocess.PIPE, text=True, cwd=ROOT) as run:
        assert run.stdout is not None
        port, folder = run.stdout.readline().split()
        was_there = answers(int(port))
        run.send_signal(signal.SIGKILL)
    until = time.monotonic() + 10
    while time.monotonic() < until and (answers(int(port)) or Path(folder).exists()):
        time.sleep(0.1)

    assert was_there
    assert not answers(int(port))
    assert not Path(folder).exists()
