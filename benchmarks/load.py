"""The load generator, a process of its own whose CPU is not counted: HTTP/1.1 over kept connections, every answer looked at.

It takes batches from its standard input and gives a report of each on its standard output, both as lines of JSON.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import statistics
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Self

import msgspec
import uvloop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

CONNECTIONS = 16
HEAD_END = b"\r\n\r\n"
_SIZE, _IN_HEAD = re.compile(rb"(?i)\r\ncontent-length: *(\d+)"), re.compile(rb"(?i)\r\nlocation: *([^\r]+)")
_IN_BODY = re.compile(rb'"location":"([^"]+)"')
SECONDS = 300
"""After which a batch is given up."""


class Target(msgspec.Struct):
    """Where to connect, and what every request carries."""

    host: str
    port: int
    headers: dict[str, str]
    authority: str | None
    """The certificate to trust; None for plain HTTP."""


class Batch(msgspec.Struct):
    """Requests to send, as (method, path, body), and what each answer must be."""

    requests: list[tuple[str, str, str]]
    statuses: tuple[int, ...]
    at_least: int = 0
    """Bytes of each body: an answer that is empty by mistake would be fast."""


class Report(msgspec.Struct):
    """What came of a batch; times in milliseconds, but for the seconds that all of it took."""

    seconds: float
    median: float
    slowest_hundredth: float
    wrong: dict[str, int]
    """Status of the answers that were not as they must be, with their number; empty when all is well."""
    locations: list[str]
    """Addresses of what was created, from the heads of answers and from the entries of transactions."""


class Load:
    """The generator as seen from the benchmark: a process that is given batches."""

    def __init__(self, target: Target) -> None:
        """Start it."""
        self._process = subprocess.Popen([sys.executable, "-m", "benchmarks.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._write(target)

    def __enter__(self) -> Self:
        """Take part in a `with`."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def send(self, batch: Batch) -> Report:
        """Send a batch and return its report.

        Raises:
            RuntimeError: an answer was not what it must be.
        """
        self._write(batch)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            message = "the load generator ended"
            raise RuntimeError(message)
        report = msgspec.json.decode(line, type=Report)
        if report.wrong:
            message = f"{batch.requests[0][0]} {batch.requests[0][1].split('?')[0]}: wrong answers {report.wrong}"
            raise RuntimeError(message)
        return report

    def _write(self, value: Target | Batch) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(value) + b"\n")
        self._process.stdin.flush()


def target_of(url: str, headers: Mapping[str, str], authority: Path | None) -> Target:
    """Return the target of `http(s)://host:port`."""
    scheme, _, place = url.partition("://")
    host, _, port = place.rpartition(":")
    return Target(host, int(port), dict(headers), str(authority) if scheme == "https" else None)


class _Connection(asyncio.Protocol):
    """One kept connection: sends the next request once it has the whole answer."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._received = bytearray()
        self._sent = 0.0
        self.is_open = True
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; the run starts when all are connected."""
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell: a server may close a connection that was idle, but not one that waits for an answer."""
        del exc
        self.is_open = False
        if self._sent:
            self._run.lost()

    def next(self) -> None:
        """Send one request, if any is left."""
        request = next(self._run.waiting, None)
        if request is None:
            return
        self._sent = time.perf_counter()
        assert self._transport is not None
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Collect an answer."""
        received = self._received
        received += data
        end = received.find(HEAD_END)
        if end < 0:
            return
        head = bytes(received[:end])
        found = _SIZE.search(head)
        size = int(found[1]) if found else 0
        if len(received) < end + len(HEAD_END) + size:
            return
        body, sent, self._sent = bytes(received[-size:]) if size else b"", self._sent, 0.0
        received.clear()
        self._run.answered(head, body, time.perf_counter() - sent)
        self.next()


class _Run:
    """One batch under way."""

    def __init__(self) -> None:
        self.waiting: Iterator[bytes] = iter(())
        self._batch = Batch([], ())
        self._times: list[float] = []
        self._wrong: Counter[str] = Counter()
        self._locations: list[str] = []
        self._done: asyncio.Future[None] | None = None

    async def run(self, batch: Batch, requests: Sequence[bytes], connections: Sequence[_Connection]) -> Report:
        """Send every request and return what came of it."""
        self._batch, self.waiting = batch, iter(requests)
        self._times, self._wrong, self._locations = [], Counter(), []
        self._done = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        for connection in connections:
            connection.next()
        await asyncio.wait_for(self._done, SECONDS)
        seconds = time.perf_counter() - began
        times = sorted(self._times)
        slow = times[min(len(times) - 1, len(times) * 99 // 100)]
        return Report(seconds, statistics.median(times) * 1000, slow * 1000, dict(self._wrong), self._locations)

    def answered(self, head: bytes, body: bytes, seconds: float) -> None:
        """Take an answer."""
        self._times.append(seconds)
        status = int(head[9:12])
        if status not in self._batch.statuses or len(body) < self._batch.at_least:
            self._wrong[f"{status} with {len(body)} bytes"] += 1
        self._locations += [one.decode() for one in _IN_HEAD.findall(head) + _IN_BODY.findall(body)]
        if len(self._times) == len(self._batch.requests) and self._done is not None and not self._done.done():
            self._done.set_result(None)

    def lost(self) -> None:
        """Give up."""
        if self._done is not None and not self._done.done():
            self._done.set_exception(ConnectionError("the server closed a connection"))


def _encoded(target: Target, batch: Batch) -> list[bytes]:
    common = "".join(f"{name}: {value}\r\n" for name, value in {"host": f"{target.host}:{target.port}", **target.headers}.items())
    found = []
    for method, path, text in batch.requests:
        body = text.encode()
        length = f"content-length: {len(body)}\r\n" if body else ""
        found.append(f"{method} {path} HTTP/1.1\r\n{common}{length}\r\n".encode() + body)
    return found


async def _main() -> None:
    lines = sys.stdin.buffer
    target = msgspec.json.decode(lines.readline(), type=Target)
    trusted = ssl.create_default_context(cafile=target.authority) if target.authority else None
    loop, run = asyncio.get_running_loop(), _Run()
    kept: list[_Connection] = []
    while line := await loop.run_in_executor(None, lines.readline):
        batch = msgspec.json.decode(line, type=Batch)
        kept = [one for one in kept if one.is_open]
        while len(kept) < CONNECTIONS:
            kept.append((await loop.create_connection(lambda: _Connection(run), target.host, target.port, ssl=trusted))[1])
        report = await run.run(batch, _encoded(target, batch), kept)
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(_main())
