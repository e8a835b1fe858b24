"""Medians of CPU time. Rates on a shared machine are noise; CPU time and ratios of one run are not."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROUNDS = 7
TICKS = os.sysconf("SC_CLK_TCK")
PACKAGES = ("cryptography", "zstandard", "msgspec", "starlette", "uvicorn", "uvloop", "httptools", "asyncpg", "SQLAlchemy")


def cpu_microseconds(works: Sequence[Callable[[], object]], times: int) -> list[float]:
    """Return the median CPU time of one call of each work, in microseconds; they take turns, so that a slow moment meets them all."""
    found: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for at, work in enumerate(works):
            before = time.process_time_ns()
            for _ in range(times):
                work()
            found[at].append((time.process_time_ns() - before) / times / 1000)
    return [statistics.median(one) for one in found]


def process_cpu(pid: int) -> float:
    """Return the CPU seconds, user and system, that a process has used (Linux /proc)."""
    try:
        # Nanoseconds on the CPU, for each thread; the figures in `stat` are in ticks of 10 ms.
        threads = [path.read_text(encoding="ascii") for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # it ended meanwhile; whoever started it has its time
    return sum(int(one.split()[0]) for one in threads) / 1e9


def family_cpu(pid: int) -> float:
    """Return the CPU seconds of a process, of its living children, and of those that ended: a database server with its backends."""
    mine = _stat(pid)
    children = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _parent(int(path.name)) == pid]
    return process_cpu(pid) + (int(mine[13]) + int(mine[14])) / TICKS + sum(map(process_cpu, children))


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat behind the name, which may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()


def _parent(pid: int) -> int:
    try:
        return int(_stat(pid)[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def machine() -> list[str]:
    """Return lines that say what was measured on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if "model name" in line), "unknown")
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return [
        f"{os.cpu_count()} cores of {model}, Linux {platform.release().split('-')[0]}, load average {load}",
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        + ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    ]
