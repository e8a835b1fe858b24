"""Attacks on a stolen index by someone who knows how common every name is. Each returns a guess for every patient.

Rows are the tokens of each patient, as far as they may come from what is to be guessed; the attacker is told no more than that.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from tests.leakage.population import Frequency

    Rows = Sequence[Sequence[int]]
    Guesses = list[str]

MOST_NAMES = 3_000
"""Names that the thorough attacks try, the commonest first."""
TOLD = 200
"""Patients whose surnames the attacker knows from elsewhere."""
LEAST_ROWS = 3
"""Of a class that is worth a thorough look."""


def rarest(rows: Rows) -> list[int]:
    """Return the rarest token of each patient, which stands for the whole value where entries hold parts of it; 0 where there is none."""
    common = Counter(token for row in rows for token in row)
    return [min(row, key=lambda token: (common[token], token), default=0) for row in rows]


def rank(classes: Sequence[Hashable], names: Frequency) -> Guesses:
    """Guess that the commonest token is the commonest name, and so on."""
    ordered = [one for one, _ in Counter(classes).most_common()]
    guess = dict(zip(ordered, names.names, strict=False))
    return [guess.get(one, names.names[0]) for one in classes]


def likeliest(classes: Sequence[Hashable], names: Frequency) -> Guesses:
    """Guess for each token the name whose expected number of patients is nearest to the number of its rows."""
    expected = sorted((weight * len(classes), name) for name, weight in zip(names.names, names.weights, strict=True))
    numbers = [one[0] for one in expected]
    guess = {}
    for one, size in Counter(classes).items():
        at = min(max(bisect_left(numbers, size), 1), len(numbers) - 1)
        guess[one] = max(expected[at - 1 : at + 1], key=lambda near, size=size: size * log(near[0]) - near[0])[1]  # type: ignore[misc]
    return [guess[one] for one in classes]


def by_parts(rows: Rows, names: Frequency, parts: Callable[[str], Sequence[str]]) -> Guesses:
    """Guess the name for which not only the whole, but each beginning is as common as its token: what stands together tells together."""
    common = Counter(token for row in rows for token in row)
    seen = Counter[tuple[int, str]]()
    for name, weight in zip(names.names, names.weights, strict=True):
        for at, part in enumerate(parts(name)):
            seen[at, part] += weight * len(rows)  # type: ignore[assignment]
    known: dict[int, list[tuple[str, list[float]]]] = defaultdict(list)
    for name in names.names[:MOST_NAMES]:
        expected = sorted((float(seen[at, part]) for at, part in enumerate(parts(name))), reverse=True)
        known[len(expected)].append((name, expected))
    guesses: dict[tuple[int, ...], str] = {}
    for row in rows:
        sizes = tuple(sorted((common[token] for token in row), reverse=True))
        if sizes not in guesses:
            guesses[sizes] = _nearest(sizes, known[len(sizes)], names.names[0])
    return [guesses[tuple(sorted((common[token] for token in row), reverse=True))] for row in rows]


def _nearest(sizes: tuple[int, ...], known: Sequence[tuple[str, list[float]]], otherwise: str) -> str:
    if not sizes or sizes[-1] < LEAST_ROWS:
        return otherwise
    near = [one for one in known if sizes[-1] / 2 < one[1][-1] < sizes[-1] * 2]
    fit = lambda one: sum(size * log(value) - value for size, value in zip(sizes, one[1], strict=True))  # noqa: E731
    return max(near, key=fit)[0] if near else otherwise


def regroup(rows: Rows, least: int) -> list[int]:
    """Put patients together who have so many tokens in common, and whoever is together with those; return the group of each."""
    holders: dict[int, list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        for token in row:
            holders[token].append(at)
    leader = list(range(len(rows)))

    def find(at: int) -> int:
        while leader[at] != at:
            leader[at] = leader[leader[at]]
            at = leader[at]
        return at

    for at, row in enumerate(rows):
        common = Counter(other for token in row for other in holders[token] if other > at)
        for other, count in common.items():
            if count >= least:
                leader[find(other)] = find(at)
    return [find(at) for at in range(len(rows))]


def by_shape(shapes: Sequence[Hashable], truth: Sequence[str], names: Frequency, trust: int) -> Guesses:
    """Guess from what is told of every second patient: which surname is the commonest among those who look the same from outside.

    `trust` says how many patients of one look outweigh what is known of names in general.
    """
    told: dict[Hashable, Counter[str]] = defaultdict(Counter)
    for at in range(0, len(truth), 2):
        told[shapes[at]][truth[at]] += 1
    guesses: dict[Hashable, str] = {}
    for shape in set(shapes):
        seen = told[shape]
        guesses[shape] = max(names.names[:MOST_NAMES], key=lambda name, seen=seen: seen[name] + trust * names.by_name[name])  # type: ignore[misc]
    return [guesses[shape] for shape in shapes]


def by_acquaintance(rows: Rows, truth: Sequence[str], names: Frequency) -> Guesses:
    """Guess from what is told of a few patients: whoever shares their rarest token has their name."""
    classes = rarest(rows)
    told = {classes[at]: truth[at] for at in range(TOLD)}
    return [told.get(one, names.names[0]) for one in classes]


def share(guesses: Sequence[str], truth: Sequence[str], step: int = 1) -> float:
    """Return which part of the patients was guessed, but for those of whom the attacker was told; by `step`, the first being odd."""
    chosen = range(TOLD + 1, len(truth), step)
    return sum(guesses[at] == truth[at] for at in chosen) / len(chosen)


def best(shares: Mapping[str, float]) -> tuple[str, float]:
    """Return the attack that guessed most, and its share."""
    return max(shares.items(), key=lambda one: one[1])
