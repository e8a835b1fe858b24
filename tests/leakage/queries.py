"""What a practice searches for in a day, and how many records are opened for each that is found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random  # noqa: TID251 - a seed, so that a run can be repeated
from typing import TYPE_CHECKING

from confide.cli.instance import call_now
from confide.clinic.fhir.interactions.search import search

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from confide.clinic.app import House
    from tests.leakage.population import Person

    Pairs = list[tuple[str, str]]
    Ask = Callable[[Person, Random], Pairs]

PAGE = "20"


def _typed(person: Person, random: Random) -> str:
    """Return the beginning of a surname as far as someone typed it."""
    return person.family[: random.choice((2, 3, 3, 4, 4, 5, 6, 7))]


def _misheard(person: Person, random: Random) -> str:
    """Return a surname with one vowel for another."""
    places = [at for at, letter in enumerate(person.family) if letter in "aeiouy"]
    at = random.choice(places) if places else 0
    return person.family[:at] + random.choice("aeiouy") + person.family[at + 1 :] if places else person.family


MIX: dict[str, tuple[int, Ask]] = {
    "surname and birth date": (30, lambda one, _: [("family", one.family), ("birthdate", one.born.isoformat())]),
    "beginning of a surname": (25, lambda one, random: [("family", _typed(one, random))]),
    "surname": (15, lambda one, _: [("family", one.family)]),
    "surname and given name": (10, lambda one, _: [("family", one.family), ("given", one.given[0])]),
    "any name": (5, lambda one, random: [("name", random.choice((one.family, *one.given)))]),
    "exact surname": (5, lambda one, _: [("family:exact", one.family)]),
    "birth date": (5, lambda one, _: [("birthdate", one.born.isoformat())]),
    "how it sounds": (5, lambda one, random: [("phonetic", _misheard(one, random))]),
}
"""Of a hundred searches, so many of each kind. Every one is for somebody who is there: a search for nobody opens nothing or little."""


@dataclass
class Opened:
    """Records opened and found by one kind of search."""

    searches: int = 0
    opened: int = 0
    found: int = 0

    @property
    def ratio(self) -> float:
        """Return how many records were opened for each that was found."""
        return self.opened / max(1, self.found)


async def run(house: House, people: Sequence[Person], searches: int, seed: int) -> dict[str, Opened]:
    """Search like a day at the desk; return what was opened and found by kind."""
    random = Random(seed)  # noqa: S311 - a seed
    counted = 0
    keyring = house.keyring
    really = keyring.open

    def counting(*arguments: object) -> bytes:
        nonlocal counted
        counted += 1
        return really(*arguments)  # type: ignore[arg-type]

    found = {kind: Opened() for kind in MIX}
    keyring.open = counting  # type: ignore[method-assign,assignment]  # every sealed record is opened through it
    try:
        for _ in range(searches):
            kind = random.choices(list(MIX), [weight for weight, _ in MIX.values()])[0]
            pairs = MIX[kind][1](random.choice(people), random)
            before = counted
            answer = await search(call_now(house), "Patient", [*pairs, ("_count", PAGE)], lenient=False)
            one = found[kind]
            one.searches += 1
            one.opened += counted - before
            one.found += len(json.loads(answer.body).get("entry", []))
    finally:
        del keyring.open
    return found
