"""How much memory the server holds, and how long others wait while it is busy."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from tests.fuzz.wire import Wire

MEGABYTE = 1_000_000
PAUSE_SECONDS = 0.05


def held(process: int) -> float:
    """Return the resident memory of a process in MB."""
    return float(psutil.Process(process).memory_info().rss) / MEGABYTE


def peak(process: int) -> float:
    """Return the most memory that it ever held, in MB, as Linux has it."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 / MEGABYTE for line in lines if line.startswith("VmHWM"))


class Heartbeat:
    """Somebody else, who asks the server now and then whether it is there."""

    def __init__(self, wire: Wire, raw: bytes) -> None:
        """Take a connection of its own and what to ask."""
        self.worst, self.asked, self.unanswered = 0.0, 0, 0
        self._wire, self._raw = wire, raw
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._ended.set()
        self._thread.join()
        self._wire.close()

    def _beat(self) -> None:
        while not self._ended.wait(PAUSE_SECONDS):
            began = time.monotonic()
            try:
                answered = self._wire.exchange(self._raw, "GET").status == 200
            except OSError:
                answered = False
            self.asked += 1
            self.unanswered += not answered
            self.worst = max(self.worst, time.monotonic() - began)
