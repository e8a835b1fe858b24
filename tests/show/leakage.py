"""`make show-leakage`: who steals the data database learns next to no names from its search index, and a search opens few records.

1. Patients with names as common as the public says are stored by the server's own code; the file is then read as a thief would.
2. Attacks by frequency, by what stands together, by shape, and by what is told of some patients; on other ways to index as well.
3. Controls: the attacks must succeed on plain keyed hashes, and regrouping on salts that are drawn for each entry by itself; an attack
   that cannot succeed shows nothing.
4. Searches as at a reception desk: records opened for each that is found.

Ends with status 1 if more than 1 % of the surnames are guessed, more than 3 records are opened for each that is found, or a control
fails. `--break` puts plain keyed hashes in the place of the index, and must end so.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from confide.clinic.app import clock
from tests.leakage import compared, queries, verdicts
from tests.leakage.compared import Index, Way
from tests.leakage.population import few_surnames, people, surnames
from tests.leakage.practice import admit, lengths, practice, steal
from tests.leakage.verdicts import OURS, Findings

if TYPE_CHECKING:
    from collections.abc import Sequence

PUBLIC = 100_000
"""People by whom the attacker knows how common given names, letters and years are."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print the figures last, return the exit status."""
    plan = _plan(arguments)
    began = time.monotonic()
    findings = Findings()
    with tempfile.TemporaryDirectory(prefix="confide-leakage-") as scratch:
        asyncio.run(_run(Path(scratch), plan, findings))
    print()
    for line in findings.lines:
        print(line)
    print(f"\nseed {plan.seed}, {plan.patients} patients, {time.monotonic() - began:.0f} s")
    for fault in findings.faults:
        print(f"FAILED: {fault}")
    if not findings.faults:
        print("A stolen index tells next to no names, and a search opens few records.")
    return 1 if findings.faults else 0


def _plan(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.show.leakage", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--patients", type=int, default=20_000, help="stored by the server (default 20000)")
    parser.add_argument("--searches", type=int, default=2_000, help="of the reception desk (default 2000)")
    parser.add_argument("--seed", type=int, default=1, help="of patients and searches (default 1)")
    parser.add_argument("--break", dest="broken", action="store_true", help="put plain keyed hashes in the place of the index")
    return parser.parse_args(arguments)


def _report(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


async def _run(folder: Path, plan: argparse.Namespace, findings: Findings) -> None:
    _report("making up patients")
    common, rare = surnames(), few_surnames()
    crowd, others = people(common, plan.patients, plan.seed), people(rare, plan.patients // 4, plan.seed + 1)
    async with practice(folder / "one") as house:
        identifiers = await admit(house, crowd, _report)
        _report("searching")
        opened = await queries.run(house, crowd, plan.searches, plan.seed)
        stolen = steal(house, identifiers)
        index = await house.parts.index.writing(clock())
        indexes = {way.value: await compared.stolen(folder, way, index, crowd) for way in Way}
        indexes[OURS] = indexes[Way.PLAIN.value] if plan.broken else Index(stolen.tokens, await lengths(house, crowd))
    async with practice(folder / "two") as house:
        elsewhere = steal(house, await admit(house, others, _report))
        few = Index(elsewhere.tokens, await lengths(house, others))
    _report("attacking")
    verdicts.surnames(findings, crowd, common, indexes, stolen)
    verdicts.few(findings, others, rare, few)
    public = people(common, PUBLIC, plan.seed + 2)
    verdicts.other_fields(findings, crowd, public, {way: indexes[way] for way in (Way.PLAIN.value, OURS)})
    verdicts.openings(findings, opened)


if __name__ == "__main__":
    sys.exit(main())
