"""Tables of what was guessed and opened, and whether that is little enough."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from confide.sealed.blind import normalise
from tests.leakage import attacks, queries
from tests.leakage.compared import BIRTH, FAMILY, GIVEN, Index, Way
from tests.leakage.population import Frequency

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.leakage.attacks import Rows
    from tests.leakage.population import Person
    from tests.leakage.practice import Stolen
    from tests.leakage.queries import Opened

MOST_GUESSED = 0.01
MOST_OPENED = 3.0
LEAST_CONTROL = 0.05
"""Of the surnames that a control must guess."""
TRUSTS = (50, 500, 5_000)
OURS = "Confide"
NOTHING, REGROUPED = "the commonest name for everybody", "regrouped, told the length of each entry"
WIDTH = 44


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


Known = list[tuple[str, list[float]]]
"""Names and how common their parts are."""


def guessed(index: Index, truth: Sequence[str], names: Frequency, known: Known) -> dict[str, float]:
    """Return which part of the surnames each attack guesses; the first needs no index at all."""
    rows = index.rows(FAMILY)
    groups = attacks.regroup(rows, index.lengths)
    classes, regrouped = attacks.rarest(rows), attacks.rarest(groups)
    naming = (attacks.by_parts(groups, known), attacks.rank(regrouped, names), attacks.likeliest(regrouped, names))
    return {
        NOTHING: attacks.share([names.names[0]] * len(truth), truth),
        "by rank": attacks.share(attacks.rank(classes, names), truth),
        "by expected number": attacks.share(attacks.likeliest(classes, names), truth),
        "by the parts of a name": attacks.share(attacks.by_parts(rows, known), truth),
        REGROUPED: max(attacks.share(one, truth) for one in naming),
        f"told {attacks.TOLD} patients": attacks.share(attacks.by_acquaintance(rows, truth, names), truth),
    }


def parts(name: str) -> list[str]:
    """Return the texts behind the entries of a name where prefixes of 2 to 8 characters and the whole are indexed."""
    text = normalise(name)
    return [*(text[:length] for length in range(2, min(8, len(text)) + 1)), text]


def surnames(findings: Findings, crowd: Sequence[Person], names: Frequency, indexes: Mapping[str, Index], stolen: Stolen) -> None:
    """Compare the ways to index."""
    truth = [one.family for one in crowd]
    known = names.of_parts(parts, attacks.MOST_NAMES)
    found = {way: guessed(index, truth, names, known) for way, index in indexes.items()}
    shapes = [(sum(map(len, one.values())), size) for one, size in zip(stolen.tokens, stolen.bytes, strict=True)]
    told = [attacks.share(attacks.by_shape(shapes, truth, names, trust), truth, 2) for trust in TRUSTS]
    found[OURS]["by shape, told every second patient"] = max(told)
    findings.say(f"{'Surnames guessed, % of the patients':<{WIDTH}}" + "".join(f"{way.split(',')[0]:>26}" for way in found))
    for attack in dict.fromkeys(attack for shares in found.values() for attack in shares):
        cells = (f"{100 * shares[attack]:26.2f}" if attack in shares else f"{'-':>26}" for shares in found.values())
        findings.say(f"{attack:<{WIDTH}}" + "".join(cells))
    best = {way: max(shares.values()) for way, shares in found.items()}
    findings.say(f"{'best attack':<{WIDTH}}" + "".join(f"{100 * share:26.2f}" for share in best.values()))
    tokens = Counter(token for one in stolen.tokens for token in one.get(0, []))
    twice = sum(count > 1 for count in tokens.values())
    findings.say(f"Salted entries: {tokens.total()}, of which {twice} belong to more than one patient; {stolen.marks} marks.")
    findings.require(holds=best[OURS] <= MOST_GUESSED, otherwise=f"{100 * best[OURS]:.2f} % of the surnames are guessed.")
    for way, control in ((Way.PLAIN, None), (Way.SHORT, None), (Way.SALTED, REGROUPED)):
        share = found[way.value][control] if control else best[way.value]
        findings.require(holds=share >= LEAST_CONTROL, otherwise=f"The attacks find no more than {100 * share:.2f} % with {way.value}.")


def few(findings: Findings, others: Sequence[Person], names: Frequency, index: Index) -> None:
    """Where one name is common among all, guessing it for everybody cannot be prevented; more than that must not be gained."""
    shares = guessed(index, [one.family for one in others], names, names.of_parts(parts, attacks.MOST_NAMES))
    floor, best = shares[NOTHING], max(shares.values())
    findings.say()
    findings.say(f"With few surnames, as in Sweden: {100 * floor:.2f} % guessed without the index, {100 * best:.2f} % by the best attack.")
    findings.require(holds=best - floor <= MOST_GUESSED, otherwise="With few surnames the index tells more than one in a hundred.")


def other_fields(findings: Findings, crowd: Sequence[Person], public: Sequence[Person], indexes: Mapping[str, Index]) -> None:
    """Show what else is told; `public` are people by whom the attacker knows how common given names, letters and years are."""
    wanted: tuple[tuple[str, int, Callable[[Person], str]], ...] = (
        ("first given name", GIVEN, lambda one: one.given[0]),
        ("first two letters of the surname", FAMILY, lambda one: normalise(one.family)[:2]),
        ("year of birth", BIRTH, lambda one: str(one.born.year)),
    )
    findings.say()
    findings.say(
        f"{'Other fields guessed, % of the patients':<{WIDTH}}{'without the index':>20}" + "".join(f"{way:>20}" for way in indexes)
    )
    for name, parameter, of in wanted:
        truth, known = [of(one) for one in crowd], Frequency.counted(map(of, public))
        floor = attacks.share([known.names[0]] * len(truth), truth)
        best = [max(floor, _simple(index.rows(parameter), truth, known, whole=parameter == GIVEN)) for index in indexes.values()]
        findings.say(f"{name:<{WIDTH}}{100 * floor:20.2f}" + "".join(f"{100 * share:20.2f}" for share in best))


def _simple(rows: Rows, truth: Sequence[str], known: Frequency, *, whole: bool) -> float:
    """Guess by the rarest token of each patient, which stands for a whole value, or by the commonest, which stands for its first part."""
    common = Counter(token for row in rows for token in row)
    classes = attacks.rarest(rows) if whole else [max(row, key=lambda token: (common[token], token), default=0) for row in rows]
    return max(attacks.share(attack(classes, known), truth) for attack in (attacks.rank, attacks.likeliest))


def openings(findings: Findings, opened: Mapping[str, Opened]) -> None:
    """Show how many records searches opened."""
    findings.say()
    findings.say(f"{'Records opened for each that is found':<{WIDTH}}{'searches':>12}{'opened':>12}{'found':>12}{'opened/found':>14}")
    sums = [sum(getattr(one, name) for one in opened.values()) for name in ("searches", "opened", "found")]
    for kind, one in (*opened.items(), ("all", queries.Opened(*sums))):
        findings.say(f"{kind:<{WIDTH}}{one.searches:12}{one.opened:12}{one.found:12}{one.ratio:14.2f}")
    ratio = queries.Opened(*sums).ratio
    findings.require(holds=ratio <= MOST_OPENED, otherwise=f"{ratio:.2f} records are opened for each that is found.")
