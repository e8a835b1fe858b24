"""`make show-fuzz`: bad input is refused and leaves nothing behind; valid strings come back as they were.

Inputs of twelve families are sent to a running server over TLS, on SQLite and on PostgreSQL. No answer is 5xx; each refusal is an
OperationOutcome of the expected kind, with a location, and repeats nothing; the tables hold what was acknowledged and nothing else; no
part of an input is in the log, in the audit trail or on disk; memory stays bounded, and others are served meanwhile.

Ends with status 1 if any of this fails. `--break` puts a fault into the server, and the run must then end so.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random  # noqa: TID251 - a seed, so that a run can be repeated
from typing import TYPE_CHECKING, NamedTuple

from confide.cli import making
from tests import ground, postgres
from tests.fuzz import memory
from tests.fuzz.binaries import binaries
from tests.fuzz.bodies import bodies
from tests.fuzz.described import described
from tests.fuzz.desk import desk
from tests.fuzz.heads import heads
from tests.fuzz.inputs import request
from tests.fuzz.late import late
from tests.fuzz.marks import Marks
from tests.fuzz.nonsense import Waiting, nonsense
from tests.fuzz.resources import blind_mutations, invalid_elements
from tests.fuzz.run import Fault, Run, Tally
from tests.fuzz.sizes import sizes
from tests.fuzz.strings import strings
from tests.fuzz.tables import Tables
from tests.fuzz.weakened import MODULE, WEAKNESS, Weakness
from tests.fuzz.wide import wide
from tests.fuzz.wire import Wire
from tests.journeys.canaries import scan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

SHOWN = 40
WAITING = 20
"""Connections of each kind that begin something and never end it."""
MOST_WAIT = 10.0
"""Seconds that somebody else may have to wait; much, because the machine may be busy with other things."""
MOST_GROWTH = 300.0
"""MB that the server may hold at the end beyond what it held at the beginning."""
BINARY = 8 * 1024 * 1024
"""Of content; the default of a gibibyte would take its time."""
SMALL_BUNDLE = 4 * 1024 * 1024
MEGABYTE = 1_000_000


class Family(NamedTuple):
    """A kind of inputs: its name, what sends them, and how many make a small and a long run."""

    name: str
    send: Callable[[Run, int], None]
    small: int
    long: int


FAMILIES = (
    Family("bodies that are no JSON of FHIR", bodies, 60, 1_000),
    Family("elements that are not FHIR's", invalid_elements, 120, 1_500),
    Family("resources changed blindly", blind_mutations, 80, 1_200),
    Family("requests out of a description", described, 1, 6),
    Family("methods, addresses, queries and headers", heads, 1, 1),
    Family("sizes and lengths", sizes, 1, 1),
    Family("what is found out late", late, 1, 1),
    Family("very many small values", wide, 3, 5),
    Family("bytes that are no HTTP", nonsense, 30, 600),
    Family("content as it is", binaries, 5, 60),
    Family("valid strings", strings, 15, 150),
)
DESK = "signing in and accounts"
FEW_NAMES, MOST_NAMES = 3, 20


@dataclass(frozen=True)
class Plan:
    """How much to do; `weakness` is the fault that is put into the server, `only` the one family to send."""

    long: bool
    seed: int
    weakness: Weakness | None = None
    only: str = ""


@dataclass
class Result:
    """What one run did and found."""

    store: str
    tally: Tally
    memory: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """MB at the beginning, at the end, and at most."""
    wait: float = 0.0
    seconds: float = 0.0
    faults: list[Fault] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the figures as lines."""
        counts = ", ".join(f"{status or 'none'} {count}" for status, count in sorted(self.tally.statuses.items()))
        before, after, most = self.memory
        sent, returned, sentences = self.tally.sent.total(), self.tally.returned, len(self.tally.sentences)
        told = (
            f"{sent} inputs in {self.seconds:.0f} s, {returned} strings came back as they were, {sentences} different sentences said",
            f"{len(self.faults)} faults",
            f"answers by status: {counts}",
            f"resident memory {before:.0f} MB at first, {after:.0f} MB at last, {most:.0f} MB at most",
            f"slowest answer {self.tally.slowest:.1f} s; somebody else waited {self.wait:.2f} s at most",
        )
        return [f"{self.store}: {line}" for line in told]


def run(scratch: Path, store: str, cluster: postgres.Cluster | None, plan: Plan) -> Result:
    """Send every family to one server and look it over."""
    began = time.monotonic()
    chosen: dict[str, str | int | bool] = {"binary_bytes": BINARY} | ({"data_database": cluster.url} if cluster else {})
    place = ground.make(scratch / "instance", chosen if plan.long else chosen | {"bundle_bytes": SMALL_BUNDLE})
    link = making.bootstrap_link(place.settings).rpartition("/")[2]
    server = _start(place, plan.weakness)
    try:
        rng = Random(plan.seed)  # noqa: S311 - no secret comes of it
        wire = Wire(place.settings)
        running = Run(place, wire, Tables(place.folder, cluster.url if cluster else None), Marks(rng), rng)
        result = _watched(running, server.process.pid, store, plan, link)
        wire.close()
    finally:
        server.stop()
    roots = [scratch] + ([cluster.data] if cluster and cluster.data.is_dir() else [])
    found, _, _ = scan({"a mark": running.marks.core}, *roots)
    result.faults += [Fault("disk", one.file, f"a part of an input is there, as {one.form}, at {one.offset}") for one in found]
    result.seconds = time.monotonic() - began
    return result


def _start(place: ground.Ground, weakness: Weakness | None) -> ground.Server:
    if weakness is None:
        return ground.start(place)
    return ground.start(place, MODULE, {WEAKNESS: weakness.value})


def _watched(running: Run, process: int, store: str, plan: Plan, link: str) -> Result:
    """Send every family while somebody else asks for the server's health."""
    before = memory.held(process)
    heart = memory.Heartbeat(Wire(running.place.settings), request("GET", b"/health"))
    waiting = Waiting(running, WAITING) if plan.long and not plan.only else None
    opened = time.monotonic()
    sending = [(family.name, partial(family.send, running, family.long if plan.long else family.small)) for family in FAMILIES]
    for name, family in (*sending, (DESK, partial(desk, running, link, MOST_NAMES if plan.long else FEW_NAMES))):
        if plan.only in {"", name}:
            _send(running, name, family)
    if waiting is not None:
        waiting.look_after(opened)
    heart.stop()
    result = Result(store, running.tally, (before, memory.held(process), memory.peak(process)), heart.worst)
    result.faults = running.tally.faults + _excesses(result, running, heart)
    return result


def _send(running: Run, name: str, family: Callable[[], None]) -> None:
    began, running.family = time.monotonic(), name
    family()
    running.settle()
    print(f"  {name}: {running.tally.sent[name]} inputs in {time.monotonic() - began:.1f} s", flush=True)


def _excesses(result: Result, running: Run, heart: memory.Heartbeat) -> list[Fault]:
    """Return what memory and time went beyond."""
    before, after, most = result.memory
    bound = before + MOST_GROWTH + 10 * running.place.settings.bundle_bytes / MEGABYTE
    found = []
    if most > bound:
        found.append(Fault("memory", "at most", f"{most:.0f} MB, which is more than {bound:.0f}"))
    if after - before > MOST_GROWTH:
        found.append(Fault("memory", "at last", f"{after:.0f} MB, after {before:.0f} at first"))
    if heart.worst > MOST_WAIT or heart.unanswered:
        found.append(Fault("somebody else", "health", f"{heart.unanswered} of {heart.asked} unanswered, one after {heart.worst:.1f} s"))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run on SQLite and on PostgreSQL, print the figures last, return the exit status."""
    given = _given(arguments)
    seed = secrets.randbits(32) if given.seed is None else given.seed
    plan = Plan(not given.small, seed, Weakness(given.broken) if given.broken else None, given.only)
    print(f"seed {seed}")
    results = []
    for store in ("sqlite", "postgresql"):
        if given.store not in {store, "both"}:
            continue
        print(f"{store}:", flush=True)
        with tempfile.TemporaryDirectory(prefix="confide-fuzz-") as scratch, _cluster(store) as cluster:
            results.append(run(Path(scratch), store, cluster, plan))
    return tell(results)


def _cluster(store: str) -> AbstractContextManager[postgres.Cluster | None]:
    # With every statement logged, PostgreSQL's own log would betray a value that is bound in the clear.
    return postgres.cluster("log_statement=all", *postgres.VOLATILE) if store == "postgresql" else nullcontext()


def _given(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.show.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--store", choices=["sqlite", "postgresql", "both"], default="both", help="the data database (default both)")
    parser.add_argument("--small", action="store_true", help="a few inputs of each family")
    parser.add_argument("--only", choices=["", *(family.name for family in FAMILIES), DESK], default="", help="one family alone")
    parser.add_argument("--seed", type=int, default=None, help="repeat a run")
    parser.add_argument("--break", dest="broken", choices=[one.value for one in Weakness], help="put a fault in: the run must fail")
    return parser.parse_args(arguments)


def tell(results: Sequence[Result]) -> int:
    """Print faults, then figures; return the exit status."""
    faults = [(result.store, fault) for result in results for fault in result.faults]
    for store, fault in faults[:SHOWN]:
        print(f"  {store}, {fault.family}: {fault.what}: {fault.sentence}")
    for line in [line for result in results for line in result.lines()]:
        print(line)
    print("FAILED: see above" if faults else "bad input is refused and leaves nothing, good strings come back")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
