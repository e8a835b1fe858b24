"""`make show-leakage`: who steals the data database learns next to no names from its search index, and a search opens few records.

1. Patients with names as common as the public says are stored by the server's own code; the file is then read as a thief would.
2. Attacks by frequency, by what stands together, by shape, and by what is told of some patients; against other ways to index as well.
3. Controls: the same attacks must succeed against plain keyed hashes, and regrouping must succeed against salts that are drawn for each
   entry by itself; an attack that cannot succeed shows nothing.
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
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from confide.sealed.blind import normalise
from tests.leakage import attacks, compared, queries
from tests.leakage.compared import BIRTH, FAMILY, GIVEN, Way
from tests.leakage.population import Frequency, few_surnames, people, surnames
from tests.leakage.practice import admit, practice, steal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.leakage.attacks import Rows
    from tests.leakage.population import Person
    from tests.leakage.practice import Stolen
    from tests.leakage.queries import Opened

MOST_GUESSED = 0.01
MOST_OPENED = 3.0
LEAST_CONTROL = 0.05
"""Of the surnames that a control must guess."""
PUBLIC = 100_000
"""People by whom the attacker knows how common given names, letters and years are."""
TRUSTS = (50, 500, 5_000)
OURS = "Confide"


@dataclass
class Findings:
    """What is printed last."""

    lines: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def say(self, text: str = "") -> None:
        """Print a line at the end."""
        self.lines.append(text)

    def require(self, *, holds: bool, otherwise: str) -> None:
        """Note a fault unless something holds."""
        if not holds:
            self.faults.append(otherwise)


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
    common, few = surnames(), few_surnames()
    crowd, others = people(common, plan.patients, plan.seed), people(few, plan.patients // 4, plan.seed + 1)
    async with practice(folder / "one") as house:
        identifiers = await admit(house, crowd, _report)
        _report("searching")
        opened = await queries.run(house, crowd, plan.searches, plan.seed)
        stolen = steal(house, identifiers)
        index = house.parts.index
        ways = {way.value: compared.steal(await compared.store(folder, way, index, crowd), len(crowd)) for way in Way}
    async with practice(folder / "two") as house:
        elsewhere = steal(house, await admit(house, others, _report))
    tokens = ways[Way.PLAIN.value] if plan.broken else stolen.tokens
    _report("attacking")
    _surnames(findings, crowd, common, ways, stolen, tokens)
    _few(findings, others, few, elsewhere)
    _other_fields(findings, crowd, people(common, PUBLIC, plan.seed + 2), ways[Way.PLAIN.value], tokens)
    _openings(findings, opened)


def _rows(tokens: Sequence[Mapping[int, Sequence[int]]], parameter: int) -> Rows:
    """Return what the thief looks at: the entries of one parameter where the file tells them apart, else all there are."""
    return [one.get(parameter) or [token for tokens in one.values() for token in tokens] for one in tokens]


def _guessed(rows: Rows, truth: Sequence[str], names: Frequency) -> dict[str, float]:
    """Return what each attack guesses; the first needs no index at all."""
    classes = attacks.rarest(rows)
    found = {
        "the commonest name for everybody": attacks.share([names.names[0]] * len(truth), truth),
        "by rank": attacks.share(attacks.rank(classes, names), truth),
        "by expected number": attacks.share(attacks.likeliest(classes, names), truth),
        "by the parts of a name": attacks.share(attacks.by_parts(rows, names, _parts), truth),
    }
    for least in (1, 2, 3):
        groups = attacks.regroup(rows, least) if max(Counter(token for row in rows for token in row).values()) < len(rows) / 50 else classes
        found[f"regrouped by {least} in common"] = max(
            attacks.share(attacks.rank(groups, names), truth), attacks.share(attacks.likeliest(groups, names), truth)
        )
    found[f"told {attacks.TOLD} patients"] = attacks.share(attacks.by_acquaintance(rows, truth, names), truth)
    return found


def _parts(name: str) -> list[str]:
    text = normalise(name)
    return [*(text[:length] for length in range(2, min(8, len(text)) + 1)), text]


def _surnames(
    findings: Findings,
    crowd: Sequence[Person],
    names: Frequency,
    ways: Mapping[str, Sequence[Mapping[int, Sequence[int]]]],
    stolen: Stolen,
    tokens: Sequence[Mapping[int, Sequence[int]]],
) -> None:
    truth = [one.family for one in crowd]
    found = {way: _guessed(_rows(rows, FAMILY), truth, names) for way, rows in (*ways.items(), (OURS, tokens))}
    shapes = [(sum(map(len, one.values())), size) for one, size in zip(stolen.tokens, stolen.bytes, strict=True)]
    found[OURS]["by shape, told every second"] = max(attacks.share(attacks.by_shape(shapes, truth, names, one), truth, 2) for one in TRUSTS)
    heads = list(dict.fromkeys(name for shares in found.values() for name in shares))
    findings.say(f"{'Surnames guessed, % of the patients':<42}" + "".join(f"{way.split(',')[0]:>26}" for way in found))
    for head in heads:
        findings.say(
            f"{head:<42}" + "".join(f"{100 * shares[head]:26.2f}" if head in shares else f"{'-':>26}" for shares in found.values())
        )
    worst = {way: attacks.best(shares) for way, shares in found.items()}
    findings.say(f"{'best attack':<42}" + "".join(f"{100 * share:26.2f}" for _, share in worst.values()))
    salted = [token for one in stolen.tokens for token in one.get(0, [])]
    findings.say(
        f"Index entries of persons: {len(salted)}, of which {len(salted) - len(set(salted))} are shared by two; {stolen.marks} marks."
    )
    attack, share = worst[OURS]
    findings.require(holds=share <= MOST_GUESSED, otherwise=f"{100 * share:.2f} % of the surnames are guessed ({attack}).")
    for way in (Way.PLAIN, Way.SHORT):
        guessed = worst[way.value][1]
        findings.require(
            holds=guessed >= LEAST_CONTROL, otherwise=f"The attacks guess no more than {100 * guessed:.2f} % with {way.value}."
        )
    again = max(share for name, share in found[Way.SALTED.value].items() if name.startswith("regrouped"))
    findings.require(
        holds=again >= LEAST_CONTROL, otherwise=f"Regrouping guesses no more than {100 * again:.2f} % with {Way.SALTED.value}."
    )


def _few(findings: Findings, others: Sequence[Person], names: Frequency, stolen: Stolen) -> None:
    """Where a name is common among all, guessing it for everybody cannot be prevented; more than that must not be gained."""
    truth = [one.family for one in others]
    shares = _guessed(_rows(stolen.tokens, FAMILY), truth, names)
    floor, (attack, share) = next(iter(shares.values())), attacks.best(shares)
    findings.say()
    findings.say(f"With few surnames (Swedish): {100 * floor:.2f} % without the index, {100 * share:.2f} % by the best attack ({attack}).")
    findings.require(holds=share - floor <= MOST_GUESSED, otherwise="With few surnames the index tells more than one in a hundred.")


def _other_fields(
    findings: Findings,
    crowd: Sequence[Person],
    public_at_large: Sequence[Person],
    plain: Sequence[Mapping[int, Sequence[int]]],
    tokens: Sequence[Mapping[int, Sequence[int]]],
) -> None:
    findings.say()
    findings.say(f"{'Other fields guessed, % of the patients':<42}{'without the index':>20}{'plain keyed hashes':>20}{OURS:>20}")
    for field_name, parameter, of in (
        ("first given name", GIVEN, lambda one: one.given[0]),
        ("first two letters of the surname", FAMILY, lambda one: normalise(one.family)[:2]),
        ("year of birth", BIRTH, lambda one: str(one.born.year)),
    ):
        truth, elsewhere = [[of(one) for one in some] for some in (crowd, public_at_large)]
        public = Frequency.counted(elsewhere)
        floor = attacks.share([public.names[0]] * len(truth), truth)
        best = [max(_simple(_rows(rows, parameter), truth, public, wide=parameter != GIVEN)) for rows in (plain, tokens)]
        findings.say(f"{field_name:<42}{100 * floor:20.2f}" + "".join(f"{100 * max(floor, share):20.2f}" for share in best))


def _simple(rows: Rows, truth: Sequence[str], public: Frequency, *, wide: bool) -> list[float]:
    """Return the shares of the attacks by the rarest token of each patient, or by the commonest where a part is to be guessed."""
    if wide:
        common = Counter(token for row in rows for token in row)
        classes = [max(row, key=lambda token: (common[token], token)) for row in rows]
    else:
        classes = attacks.rarest(rows)
    return [attacks.share(attack(classes, public), truth) for attack in (attacks.rank, attacks.likeliest)]


def _openings(findings: Findings, opened: Mapping[str, Opened]) -> None:
    findings.say()
    findings.say(f"{'Records opened for each that is found':<42}{'searches':>12}{'opened':>12}{'found':>12}{'opened/found':>14}")
    for kind, one in opened.items():
        findings.say(f"{kind:<42}{one.searches:12}{one.opened:12}{one.found:12}{one.ratio:14.2f}")
    together = queries.Opened(*(sum(getattr(one, name) for one in opened.values()) for name in ("searches", "opened", "found")))
    findings.say(f"{'all':<42}{together.searches:12}{together.opened:12}{together.found:12}{together.ratio:14.2f}")
    findings.require(holds=together.ratio <= MOST_OPENED, otherwise=f"{together.ratio:.2f} records are opened for each that is found.")


if __name__ == "__main__":
    sys.exit(main())
