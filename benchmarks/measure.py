"""Medians of CPU time. Rates on a shared machine are noise; CPU time and ratios of one run are not."""

from __future__ import annotations

import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 7


def cpu_microseconds(work: Callable[[], object], times: int) -> float:
    """Return the median CPU time of one call, in microseconds."""
    found = []
    for _ in range(ROUNDS):
        before = time.process_time_ns()
        for _ in range(times):
            work()
        found.append((time.process_time_ns() - before) / times / 1000)
    return statistics.median(found)


def process_cpu(pid: int) -> float:
    """Return the CPU seconds, user and system, that a process has used (Linux /proc)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def machine() -> str:
    """Return one line that says what was measured on."""
    model = next(
        (line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if "model name" in line),
        "?",
    )
    packages = " ".join(f"{name} {version(name)}" for name in ("cryptography", "msgspec", "starlette", "uvicorn"))
    return f"{model} · Python {platform.python_version()} · {packages}"
