"""Attacks on a stolen index by someone who knows how common every name is. Each returns a guess for every patient.

Rows are the tokens of each patient, as far as they may come from what is to be guessed; the attacker is told no more than that.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

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


def by_parts(rows: Rows, known: Sequence[tuple[str, Sequence[float]]]) -> Guesses:
    """Guess the name for which not only the whole, but each part is as common as its token: what stands together tells together.

    `known` are names with the weights of their parts, the commonest part first.
    """
    common = Counter(token for row in rows for token in row)
    expected: dict[int, list[tuple[str, list[float]]]] = defaultdict(list)
    for name, weights in known:
        expected[len(weights)].append((name, [weight * len(rows) for weight in weights]))
    sizes = [tuple(sorted((common[token] for token in row), reverse=True)) for row in rows]
    guesses = {one: _nearest(one, expected[len(one)], known[0][0]) for one in set(sizes)}
    return [guesses[one] for one in sizes]


def _nearest(sizes: tuple[int, ...], known: Sequence[tuple[str, list[float]]], otherwise: str) -> str:
    if not sizes or sizes[-1] < LEAST_ROWS:
        return otherwise
    near = [one for one in known if sizes[-1] / 2 < one[1][-1] < sizes[-1] * 2]
    fit = lambda one: sum(size * log(value) - value for size, value in zip(sizes, one[1], strict=True))  # noqa: E731
    return max(near, key=fit)[0] if near else otherwise


def regroup(rows: Rows, lengths: Mapping[int, int]) -> list[list[int]]:
    """Put patients together who share a token, and whoever shares one with those; return the groups of each in the place of tokens.

    This undoes salts that are drawn for each entry by itself: the rows of one salt meet again under the salts of the other entries. The
    attacker is even told the length of the text behind every token, and joins for each length only by tokens of that length or more.
    """
    found: list[list[int]] = [[] for _ in rows]
    for length in sorted(set(lengths.values())):
        groups = _joined([[token for token in row if lengths[token] >= length] for row in rows])
        for at, row in enumerate(rows):
            if any(lengths[token] == length for token in row):
                found[at].append(length * len(rows) + groups[at])
    return found


def _joined(rows: Rows) -> list[int]:
    """Return a number for each patient that is equal for those who are joined by tokens."""
    leader = list(range(len(rows)))

    def find(at: int) -> int:
        while leader[at] != at:
            leader[at] = leader[leader[at]]
            at = leader[at]
        return at

    first: dict[int, int] = {}
    for at, row in enumerate(rows):
        for token in row:
            leader[find(at)] = find(first.setdefault(token, at))
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
