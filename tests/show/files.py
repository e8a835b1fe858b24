"""Send a large file through a real server and back, and watch what memory it takes: `make show-files`.

    python -m tests.show.files [MEBIBYTES]

It fails when the server's memory grows by more than a few pieces, or when a byte comes back changed.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil

from confide.cli.demonstration.server import trusting
from tests import ground

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024
WARM_MEBIBYTES = 8
GROWTH_BOUND = 32 * MIB
"""Sixteen pieces of 1 MiB each way, and room for the allocator; a file held whole would be a gibibyte."""
SAMPLE_SECONDS = 0.002
TIMEOUT = 120


@dataclass(frozen=True)
class Figures:
    """What one file took."""

    mebibytes: int
    sent_seconds: float
    native_seconds: float
    json_seconds: float
    resting: int
    """Resident memory of the server before the file, in bytes."""
    peak: int
    stored: int
    """Bytes of the object."""

    @property
    def growth(self) -> int:
        """By how many bytes the memory of the server grew."""
        return self.peak - self.resting


class Watch:
    """The highest resident memory of a process while it is watched."""

    def __init__(self, pid: int) -> None:
        """Watch from now on."""
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self.peak = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def resting(self) -> int:
        """Return what it takes now."""
        found: int = self._process.memory_info().rss
        return found

    def _run(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, self.resting())

    def stop(self) -> int:
        """Return the highest."""
        self._over.set()
        self._thread.join()
        return self.peak


def block(number: int) -> bytes:
    """A mebibyte that is the same nowhere else."""
    return hashlib.sha256(number.to_bytes(8, "big")).digest() * (MIB // 32)


def blocks(mebibytes: int) -> Iterator[bytes]:
    """The file, a mebibyte at a time."""
    return (block(number) for number in range(mebibytes))


def send(client: httpx.Client, mebibytes: int) -> str:
    """Send a file and return its address."""
    answer = client.post("/fhir/Binary", content=blocks(mebibytes), headers={"content-type": "application/octet-stream"})
    answer.raise_for_status()
    return str(answer.headers["location"])


def receive(client: httpx.Client, address: str, accept: str) -> tuple[str, int]:
    """Read a file; return the digest of what came, and its length."""
    digest, length = hashlib.sha256(), 0
    with client.stream("GET", address, headers={"accept": accept}) as answer:
        answer.raise_for_status()
        for piece in answer.iter_raw():
            digest.update(piece)
            length += len(piece)
    return digest.hexdigest(), length


def expected(mebibytes: int) -> str:
    """The digest of the file."""
    digest = hashlib.sha256()
    for piece in blocks(mebibytes):
        digest.update(piece)
    return digest.hexdigest()


def run(folder: Path, mebibytes: int, chosen: dict[str, str | int | bool] | None = None, added: dict[str, str] | None = None) -> Figures:
    """Send a file of so many MiB to a server of its own and read it back in both forms."""
    limit = {"binary_bytes": (mebibytes + WARM_MEBIBYTES) * MIB}
    place = ground.make(folder / "instance", limit | (chosen or {}))
    server = ground.start(place, added=added)
    try:
        trusted = trusting(place.settings.ca_certificate)
        headers = {"authorization": f"Bearer {place.token}"}
        with httpx.Client(base_url=place.settings.public_url, verify=trusted, headers=headers, timeout=TIMEOUT, trust_env=False) as client:
            return _measured(client, server.process.pid, mebibytes, place.folder)
    finally:
        server.stop()


def _measured(client: httpx.Client, pid: int, mebibytes: int, folder: Path) -> Figures:
    for accept in ("*/*", "application/fhir+json"):
        receive(client, send(client, WARM_MEBIBYTES), accept)
    watch = Watch(pid)
    resting = watch.resting()
    times = [time.monotonic()]
    address = send(client, mebibytes)
    times.append(time.monotonic())
    came, length = receive(client, address, "*/*")
    times.append(time.monotonic())
    _, as_json = receive(client, address, "application/fhir+json")
    times.append(time.monotonic())
    peak = watch.stop()
    if (came, length) != (expected(mebibytes), mebibytes * MIB) or as_json <= length * 4 // 3:
        message = "What came back is not what was sent."
        raise AssertionError(message)
    stored = max((path.stat().st_size for path in (folder / "objects").rglob("*") if path.is_file()), default=0)
    sent, native, json = (after - before for before, after in pairwise(times))
    return Figures(mebibytes, sent, native, json, resting, peak, stored)


def main(mebibytes: int) -> int:
    """Print the figures; return 0 where memory stayed constant."""
    with tempfile.TemporaryDirectory(prefix="confide-files-") as folder:
        figures = run(Path(folder), mebibytes)
    print(f"{figures.mebibytes:,} MiB over HTTPS, one client, client and server on this machine:")
    for what, seconds in (
        ("sent", figures.sent_seconds),
        ("read as it is", figures.native_seconds),
        ("read as JSON", figures.json_seconds),
    ):
        print(f"  {what:<14}{seconds:8.1f} s{figures.mebibytes / seconds:8.0f} MiB/s")
    print(f"  memory of the server {figures.resting / MIB:.0f} MiB before, {figures.peak / MIB:.0f} MiB at most: ", end="")
    print(f"{figures.growth / MIB:.1f} MiB for a file of {figures.mebibytes:,} MiB")
    held = figures.growth <= GROWTH_BOUND
    print("Memory does not grow with the file." if held else f"FALLS SHORT: more than {GROWTH_BOUND // MIB} MiB.")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1024))
