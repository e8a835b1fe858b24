"""`make show-crash`: an acknowledged write is durable and has its audit event; a transaction is whole or absent.

1. Kills: a server under load is killed with SIGKILL at a random moment, again and again, and held against what it had acknowledged.
2. Unsynced writes: of a recorded load, disks are made that lost what was never synced, and are held against the same.
3. Controls: the second check, with SQLite told to sync less, must find losses; a check that cannot fail shows nothing.

Ends with status 1 if anything is lost or torn, or if a control finds nothing. `--break` spoils the run, which must then end so.
The seed decides moments, points and contents; what the server is doing at a moment depends on the machine as well.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random  # noqa: TID251 - a seed, so that a run can be repeated
from typing import TYPE_CHECKING

from tests.faults import kills, unsynced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.verify import Findings

SHOWN = 5
"""Sentences of each kind that are printed."""
WEAK = ("OFF", "NORMAL")
"""PRAGMA synchronous of the controls: no syncs at all; none at a commit, only at checkpoints."""
UNSYNCED = "unsynced"


@dataclass(frozen=True)
class Plan:
    """How much to do; `broken` names what to spoil."""

    rounds: int
    points: int
    writes: int
    control_points: int
    seed: int
    broken: str | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for, print the figures last, return the exit status."""
    plan = read_plan(arguments)
    print(f"seed {plan.seed}")
    began = time.monotonic()
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="confide-crash-") as scratch:
        parts = [part(Path(scratch), plan, lines) for part in (run_kills, run_unsynced, run_controls)]
    print()
    for line in lines:
        print(line)
    print(f"duration {time.monotonic() - began:.0f} s")
    print("nothing is lost, nothing is torn" if all(parts) else "FAILED: see above")
    return 0 if all(parts) else 1


def read_plan(arguments: Sequence[str] | None) -> Plan:
    """Return the plan that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.show.crash", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=50, help="kills (default 50)")
    parser.add_argument("--points", type=int, default=100, help="losses of unsynced writes (default 100)")
    parser.add_argument("--writes", type=int, default=400, help="acknowledged writes of each recorded load (default 400)")
    parser.add_argument("--control-points", type=int, default=10, help="losses in each control (default 10)")
    parser.add_argument("--seed", type=int, default=None, help="repeat a run")
    parser.add_argument(
        "--break",
        dest="broken",
        nargs="?",
        const=kills.Break.ROW.value,
        choices=[*(one.value for one in kills.Break), UNSYNCED],
        help="take an acknowledged row (or event, or part of a bundle) away after each kill, or sync nothing in the second part",
    )
    given = parser.parse_args(arguments)
    seed = secrets.randbits(32) if given.seed is None else given.seed
    return Plan(given.rounds, given.points, given.writes, given.control_points, seed, given.broken)


def run_kills(scratch: Path, plan: Plan, lines: list[str]) -> bool:
    """Run the first part; tell whether nothing was lost or torn."""
    if plan.rounds == 0:
        return True
    broken = kills.Break(plan.broken) if plan.broken in set(kills.Break) else None

    def tell(one: kills.Round) -> None:
        print(
            f"kill {one.number:3}/{plan.rounds}: after {one.load_seconds:.2f} s, {len(one.ledger.acknowledged):4} versions acknowledged, "
            f"{one.findings.verified:4} verified, {len(one.findings.lost)} lost, {len(one.findings.torn)} torn; "
            f"unanswered: {one.findings.whole} there, {one.findings.absent} not",
            flush=True,
        )
        show(one.findings)

    done = kills.run(scratch / "killed", plan.rounds, Random(plan.seed), tell, broken)  # noqa: S311 - no secret comes of it
    found = done.findings
    lines.append(
        f"kills: {done.rounds} rounds, {done.acknowledged} versions acknowledged, {found.verified} verifications (those of earlier rounds "
        f"among them), {len(found.lost)} lost, {len(found.torn)} torn, {done.refused} refused, "
        f"{len(found.broken)} connections broken while reading; of {done.unanswered} unanswered attempts "
        f"{found.whole} there, {found.absent} not; {done.seconds:.0f} s"
    )
    return is_clean(found) and done.acknowledged > 0 and done.refused == 0


def run_unsynced(scratch: Path, plan: Plan, lines: list[str]) -> bool:
    """Run the second part; tell whether nothing was lost or torn."""
    if plan.points == 0:
        return True
    level = WEAK[0] if plan.broken == UNSYNCED else None
    print(f"recording a load of {plan.writes} versions, losing what was not synced at {plan.points} points …", flush=True)
    done = lose(scratch / UNSYNCED, plan, plan.points, level)
    lines.append(f"unsynced writes: {told(done)}")
    show(done.findings)
    return is_clean(done.findings) and done.findings.verified > 0 and done.refused == 0


def run_controls(scratch: Path, plan: Plan, lines: list[str]) -> bool:
    """Run the third part; tell whether each control found losses."""
    if plan.control_points == 0:
        return True
    good = True
    for level in WEAK:
        print(f"control: the same with synchronous={level}, which must lose …", flush=True)
        done = lose(scratch / level, plan, plan.control_points, level)
        lines.append(f"control synchronous={level}: {told(done)}; {done.unopened} times nothing opened")
        good = good and bool(done.findings.lost)
    return good


def lose(folder: Path, plan: Plan, points: int, level: str | None) -> unsynced.Losses:
    """Record one load and lose power at some points."""
    folder.mkdir()
    return unsynced.run(folder, points, plan.writes, Random(plan.seed), level)  # noqa: S311 - no secret comes of it


def told(done: unsynced.Losses) -> str:
    """Return the figures of a recorded load as a line."""
    found = done.findings
    return (
        f"{done.points} points among {done.records} file operations ({done.syncs} syncs), {done.acknowledged} versions acknowledged, "
        f"{found.verified} verifications, {len(found.lost)} lost, {len(found.torn)} torn; transactions not yet acknowledged: {found.whole} "
        f"there, {found.absent} not; {done.seconds:.0f} s"
    )


def show(findings: Findings) -> None:
    """Print the first few things lost, torn or broken."""
    for kind, sentences in (("lost", findings.lost), ("torn", findings.torn), ("broken connection", findings.broken)):
        for sentence in sentences[:SHOWN]:
            print(f"  {kind}: {sentence}", flush=True)


def is_clean(findings: Findings) -> bool:
    """Tell whether nothing is lost and nothing torn."""
    return not findings.lost and not findings.torn


if __name__ == "__main__":
    sys.exit(main())
