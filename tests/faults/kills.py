"""Kill a server with SIGKILL while it is written to, start it again, and hold it against what it had promised."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from tests import ground
from tests.faults import books
from tests.faults.load import Ledger, Writer
from tests.faults.verify import Findings, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random  # noqa: TID251 - chance comes in as an argument, from a seed

    from tests.faults.load import Write
    from tests.ground import Ground

WRITERS = 6
LEAST_SECONDS, MOST_SECONDS = 0.05, 1.0
"""How long the load runs before the kill."""
SAMPLE = 200
"""Acknowledged writes of earlier rounds that each round reads again."""


class Break(StrEnum):
    """What to take from the databases between kill and restart, so that the verification must fail."""

    ROW = "row"
    EVENT = "event"
    BUNDLE = "bundle"


@dataclass
class Kills:
    """The figures of all rounds."""

    rounds: int = 0
    acknowledged: int = 0
    unanswered: int = 0
    refused: int = 0
    seconds: float = 0.0
    findings: Findings = field(default_factory=Findings)


@dataclass(frozen=True)
class Round:
    """The figures of one round."""

    number: int
    load_seconds: float
    ledger: Ledger
    findings: Findings


def run(folder: Path, rounds: int, rng: Random, tell: Callable[[Round], None], broken: Break | None = None) -> Kills:
    """Run rounds on one instance that lives through all of them."""
    began = time.monotonic()
    kills, earlier = Kills(), list[Ledger]()
    place = ground.make(folder)
    server = ground.start(place)
    try:
        for number in range(1, rounds + 1):
            ledger, seconds = asyncio.run(_load_and_kill(place, server, rng, number, fully=broken is not None))
            if broken is not None:
                take_away(place.folder / "data.db", broken, ledger)
            server = ground.start(place)
            before = [write for one in earlier for write in one.acknowledged]
            again = rng.sample(before, min(SAMPLE, len(before)))
            findings = asyncio.run(_verified(place, ledger, again))
            earlier.append(ledger)
            _count(kills, ledger, findings)
            tell(Round(number, seconds, ledger, findings))
    finally:
        server.kill()
    kills.seconds = time.monotonic() - began
    return kills


def _count(kills: Kills, ledger: Ledger, findings: Findings) -> None:
    kills.rounds += 1
    kills.acknowledged += len(ledger.acknowledged)
    kills.unanswered += len(ledger.unanswered)
    kills.refused += ledger.refused.total()
    kills.findings.add(findings)


async def _load_and_kill(place: Ground, server: ground.Server, rng: Random, number: int, *, fully: bool) -> tuple[Ledger, float]:
    """Kill the server under load; `fully` waits until a transaction was acknowledged, so that there is something to take away."""
    ledger = Ledger()
    writers = [Writer(f"r{number}w{at}", rng, ledger) for at in range(WRITERS)]
    seconds = rng.uniform(LEAST_SECONDS, MOST_SECONDS)
    async with place.client() as client:
        await client.get("/health")  # the handshake is done before the clock starts
        running = [asyncio.create_task(writer.run(client, lambda: True)) for writer in writers]
        await asyncio.sleep(seconds)
        while fully and not ledger.bundles:  # noqa: ASYNC110 - the ledger is a plain value, and a poll is precise enough
            await asyncio.sleep(LEAST_SECONDS)
        server.kill()
        await asyncio.gather(*running)
    return ledger, seconds


async def _verified(place: Ground, ledger: Ledger, again: list[Write]) -> Findings:
    async with place.client() as client:
        return await verify(client, books.read(place.folder), [*ledger.acknowledged, *again], ledger.unanswered)


def take_away(data: Path, broken: Break, ledger: Ledger) -> None:
    """Delete an acknowledged version, its audit event, or one resource of an acknowledged transaction."""
    with closing(sqlite3.connect(data)) as connection, connection:
        assert connection.execute(*_deletion(broken, ledger)).rowcount == 1


def _deletion(broken: Break, ledger: Ledger) -> tuple[str, tuple[object, ...]]:
    write = ledger.acknowledged[-1]
    match broken:
        case Break.ROW:
            text = "DELETE FROM version WHERE number = ? AND document = (SELECT key FROM document WHERE id = ?)"
            return text, (write.version, UUID(write.id).bytes)
        case Break.EVENT:
            return "DELETE FROM audit_outbox WHERE instr(body, CAST(? AS BLOB))", (write.request,)
        case Break.BUNDLE:
            requests = [one.request for one in ledger.acknowledged]
            member = next(one for one in ledger.acknowledged if one.type == "Observation" and requests.count(one.request) > 1)
            return "DELETE FROM document WHERE id = ?", (UUID(member.id).bytes,)
