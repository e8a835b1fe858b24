"""Synthetic patients whose names are as common as the public says; equal seeds give equal patients.

The thousand commonest surnames and the given names come with their weights from Faker (MIT), which took them from the US census. Its
weights leave everybody else out, and with a thousand names the commonest would be more than twice as common as it is. So the thousand
are scaled to the census again, and rarer names, made of parts of common ones, fill the rest by Zipf's law.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import accumulate, count
from random import Random  # noqa: TID251 - a seed, so that a run can be repeated
from typing import TYPE_CHECKING, Any

from faker.providers.person.en_US import Provider as Names
from faker.providers.person.sv_SE import Provider as SwedishNames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

COMMONEST = 828.19 / 100_000
"""Of the US population are called Smith (US Census Bureau, frequently occurring surnames, 2010)."""
BORN_FROM, BORN_UNTIL = date(1930, 1, 1), date(2024, 12, 31)
TITLES = ("Mr.", "Mrs.", "Ms.", "Dr.")


@dataclass
class Frequency:
    """Names and how common each is; the weights add up to 1."""

    names: list[str]
    weights: list[float]

    @classmethod
    def counted(cls, values: Iterable[str]) -> Frequency:
        """Return how common each of some values is."""
        common = Counter(values).most_common()
        total = sum(count for _, count in common)
        return cls([value for value, _ in common], [count / total for _, count in common])

    @cached_property
    def _sums(self) -> list[float]:
        return list(accumulate(self.weights))

    def draw(self, random: Random) -> str:
        """Return a name, the common ones more often."""
        return random.choices(self.names, cum_weights=self._sums)[0]

    def of_parts(self, parts: Callable[[str], Sequence[str]], most: int) -> list[tuple[str, list[float]]]:
        """Return the commonest names, each with the weights of its parts (how common all names are that share one), largest first."""
        chosen = {name: parts(name) for name in self.names[:most]}
        sums = {part: 0.0 for some in chosen.values() for part in enumerate(some)}
        for name, weight in zip(self.names, self.weights, strict=True):
            for part in enumerate(parts(name)):
                if part in sums:
                    sums[part] += weight
        return [(name, sorted((sums[part] for part in enumerate(some)), reverse=True)) for name, some in chosen.items()]

    @cached_property
    def by_name(self) -> dict[str, float]:
        """Return how common each name is."""
        return dict(zip(self.names, self.weights, strict=True))


def surnames() -> Frequency:
    """Return US surnames, the commonest first."""
    common = sorted(Names.last_names.items(), key=lambda one: -one[1])
    scale = COMMONEST / common[0][1]
    names, weights = [name for name, _ in common], [weight * scale for _, weight in common]
    left, rank, last = 1 - sum(weights), len(names), weights[-1]
    rarer = _made_up(set(names), names)
    while left > 0:
        rank += 1
        weight = min(left, last * len(common) / rank)
        names.append(next(rarer))
        weights.append(weight)
        left -= weight
    return Frequency(names, weights)


def _made_up(taken: set[str], common: list[str]) -> Any:
    """Yield names that begin like one common name and end like another."""
    random = Random(1)  # noqa: S311 - a seed
    for _ in count():
        one, other = random.choice(common), random.choice(common)
        name = one[: random.randint(2, 5)] + other[-random.randint(2, 5) :].lower()
        if name not in taken:
            taken.add(name)
            yield name


def few_surnames() -> Frequency:
    """Return Swedish surnames as Faker has them: few, and the commonest is one in twenty."""
    common = sorted(SwedishNames.last_names.items(), key=lambda one: -one[1])
    total = sum(weight for _, weight in common)
    return Frequency([name for name, _ in common], [weight / total for _, weight in common])


def given_names(names: dict[str, float]) -> Frequency:
    """Return given names of Faker."""
    total = sum(names.values())
    return Frequency(list(names), [weight / total for weight in names.values()])


@dataclass(frozen=True)
class Person:
    """Who a patient is: what an attacker would like to know."""

    family: str
    given: tuple[str, ...]
    born: date
    number: int
    title: str | None
    gender: str

    def resource(self) -> dict[str, Any]:
        """Return the Patient."""
        name: dict[str, Any] = {"use": "official", "family": self.family, "given": list(self.given)}
        if self.title:
            name["prefix"] = [self.title]
        return {
            "resourceType": "Patient",
            "identifier": [{"system": "urn:oid:1.2.36.146.595.217.0.1", "value": f"MR{self.number:08d}"}],
            "active": True,
            "name": [name],
            "telecom": [{"system": "phone", "value": f"+1 555 {self.number * 7919 % 10_000_000:07d}", "use": "home"}],
            "gender": self.gender,
            "birthDate": self.born.isoformat(),
            "address": [{"line": [f"{self.number * 31 % 9_990 + 1} Elm Street"], "city": "Weiden", "postalCode": f"{self.number % 89999}"}],
        }


def people(family: Frequency, size: int, seed: int) -> list[Person]:
    """Return so many people, drawn one by one."""
    random = Random(seed)  # noqa: S311 - a seed
    given = {gender: given_names(dict(names)) for gender, names in (("female", Names.first_names_female), ("male", Names.first_names_male))}
    days = (BORN_UNTIL - BORN_FROM).days
    found = []
    for number in range(size):
        gender = random.choice(("female", "male"))
        names = tuple(dict.fromkeys(given[gender].draw(random) for _ in range(random.choice((1, 1, 2)))))
        born = BORN_FROM + timedelta(days=int(days * random.triangular(0, 1, 0.7)))
        title = random.choice(TITLES) if random.random() < 0.3 else None
        found.append(Person(family.draw(random), names, born, seed * 1_000_000 + number, title, gender))
    return found
