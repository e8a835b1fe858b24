"""Lose what was never synced: a kill keeps the page cache, a loss of power does not.

A server runs under the recorder and is written to. At chosen points of the journal, a disk is made that kept what was synced and some of
the rest (see `disk.py`); the server's own application opens it and is held against what had been acknowledged before that point.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from sqlalchemy.exc import SQLAlchemyError

from confide.cli.instance import settings_of
from confide.cli.serve import check_before
from confide.clinic.app import application
from confide.values.errors import ConfideError
from tests import ground
from tests.faults import books, journal, weakened
from tests.faults.disk import Disk
from tests.faults.load import Attempt, Ledger, Writer
from tests.faults.verify import Findings, verify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random  # noqa: TID251 - chance comes in as an argument, from a seed

    from confide.clinic.settings import Settings
    from confide.values.logged import LogEvent
    from tests.faults.load import Write
    from tests.ground import Ground

WRITERS = 6
LIVES = 2
"""The server is killed after all but the last of its lives, and stopped after the last: recovery and closing are in the journal too."""
CHECKPOINT_PAGES = 150
"""600 KiB: a dozen writes or two."""
BUNDLES_NEXT = 6
"""Transactions acknowledged next after a point; there they are whole or absent."""
SHARES = (0.0, 0.1, 0.5, 0.9, 1.0)
"""How much of what was not synced a point may keep."""


class RecorderMissedError(AssertionError):
    """The records do not give the files that are on disk, so nothing that is made from them means anything."""


@dataclass(frozen=True)
class Recorded:
    """What one load left: the files before, the journal, and what was acknowledged at which size of it."""

    ground: Ground
    before: Mapping[str, bytes]
    journal: Path
    ledger: Ledger


@dataclass
class Losses:
    """The figures of all points."""

    points: int = 0
    acknowledged: int = 0
    """By the whole load."""
    refused: int = 0
    """Requests of the load that got an answer other than success."""
    records: int = 0
    syncs: int = 0
    unopened: int = 0
    """Points after which the application did not open its databases."""
    seconds: float = 0.0
    findings: Findings = field(default_factory=Findings)


def run(folder: Path, points: int, writes: int, rng: Random, synchronous: str | None = None) -> Losses:
    """Load a server with about so many writes, then lose power at so many points; `synchronous` weakens it (OFF or NORMAL)."""
    began = time.monotonic()
    recorded = record(folder, writes, rng, synchronous)
    losses = Losses(acknowledged=len(recorded.ledger.acknowledged), refused=recorded.ledger.refused.total())
    lose(recorded, points, rng, losses, folder / "left")
    losses.seconds = time.monotonic() - began
    return losses


def record(folder: Path, writes: int, rng: Random, synchronous: str | None) -> Recorded:
    """Load a server under the recorder.

    Raises:
        NoCompilerError: see `journal.build`.
    """
    recorder = journal.build(folder)
    place = ground.make(folder / "instance")
    before, journaled = files(place.folder), folder / "journal"
    added = journal.environment(recorder, place.folder, journaled) | {weakened.CHECKPOINT_PAGES: str(CHECKPOINT_PAGES)}
    if synchronous is not None:
        added[weakened.SYNCHRONOUS] = synchronous
    ledger = Ledger()
    for life in range(LIVES):
        server = ground.start(place, weakened.MODULE, added)
        try:
            writers = [Writer(f"l{life}w{at}", rng, ledger, lambda: journaled.stat().st_size) for at in range(WRITERS)]
            asyncio.run(_load(place, writers, ledger, writes * (life + 1) // LIVES))
        except BaseException:
            server.kill()
            raise
        # Between two loads nobody writes, so that the kill tears no record of the journal.
        server.stop() if life == LIVES - 1 else server.kill()
    return Recorded(place, before, journaled, ledger)


async def _load(place: Ground, writers: list[Writer], ledger: Ledger, until: int) -> None:
    async with place.client() as client:
        await asyncio.gather(*(writer.run(client, lambda: len(ledger.acknowledged) < until) for writer in writers))


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of each file below a folder by its path, but for what SQLite makes anew."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.endswith("-shm")}


def lose(recorded: Recorded, points: int, rng: Random, losses: Losses, scratch: Path) -> None:
    """Lose power at points of the journal, in its order.

    Raises:
        RecorderMissedError: see there.
    """
    disk = Disk(recorded.before)
    records = list(journal.read(recorded.journal))
    chosen = set(rng.sample(range(len(records)), min(points, len(records))))
    losses.records = len(records)
    for number, one in enumerate(records):
        disk.take(one)
        losses.syncs += one.kind is journal.Kind.SYNCED
        if number in chosen:
            losses.points += 1
            left = disk.left(rng, rng.choice(SHARES))
            settle(recorded.ground.folder, scratch, left)
            hold(recorded, scratch, one.end, losses)
    if disk.whole() != files(recorded.ground.folder):
        message = "The records do not give the files that are on disk: the process changed one in a way that the recorder does not know."
        raise RecorderMissedError(message)


def settle(instance: Path, scratch: Path, left: Mapping[str, bytes]) -> None:
    """Write the files of an instance to another folder."""
    shutil.rmtree(scratch, ignore_errors=True)
    for name, content in left.items():
        path = scratch / Path(name).relative_to(instance)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content)


def hold(recorded: Recorded, folder: Path, point: int, losses: Losses) -> None:
    """Open what is left with the server's own application and hold it against what was acknowledged up to a point."""
    promised = [write for write in recorded.ledger.acknowledged if write.at <= point]
    later = sorted((one for one in recorded.ledger.bundles if one.at > point), key=lambda one: one.at)
    attempts = [Attempt("Bundle", one.tag, bundle=True) for one in later[:BUNDLES_NEXT]]
    try:
        settings = settings_of(folder)
        check_before(settings)
        findings = asyncio.run(_served(recorded.ground, settings, promised, attempts))
    except (ConfideError, SQLAlchemyError, sqlite3.Error, httpx.HTTPStatusError) as error:
        losses.unopened += 1
        reason = f"what is left does not open ({type(error).__name__})"
        findings = Findings(lost=[f"{write.type}/{write.id} version {write.version}: {reason}" for write in promised], torn=[reason])
    losses.findings.add(findings)


async def _served(place: Ground, settings: Settings, promised: Sequence[Write], attempts: Sequence[Attempt]) -> Findings:
    app = application(settings, _silent)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=place.settings.public_url, headers=place.headers) as client,
    ):
        return await verify(client, books.read(settings.folder), promised, attempts)


def _silent(_event: LogEvent) -> None:
    """Keep the log of an application that runs on what a loss of power left to itself."""
