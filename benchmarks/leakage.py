"""What salted tokens cost beside plain keyed hashes: CPU to index a patient and to search, bytes. See docs/security/leakage.md.

Both index the same people with the server's own code and tables. Run: python -m benchmarks.leakage [patients]
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from random import Random  # noqa: TID251 - a seed, so that a run can be repeated
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from benchmarks.measure import machine
from confide.cli.instance import call_now
from confide.clinic.app import TENANT, clock
from confide.clinic.fhir.definitions.structs import decoder
from confide.clinic.fhir.search.combine import salted_entries
from confide.clinic.fhir.search.index import entries
from confide.clinic.fhir.search.query import parse_query
from confide.clinic.records import write
from confide.clinic.records.blind import SALTED, BlindIndex, Generation
from confide.clinic.records.search import Wanted, candidates
from confide.clinic.records.store import ADD_TOKEN, DOCUMENT
from confide.sealed.blind import normalise
from confide.store import migrate
from confide.store.opening import open_database
from confide.store.statements import Query
from confide.store.work import Add, Unit
from confide.values.permit import Action
from tests.leakage import compared
from tests.leakage.compared import BIRTH, FAMILY, GIVEN
from tests.leakage.population import people, surnames
from tests.leakage.practice import admit, practice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from confide.clinic.app import House
    from confide.store.work import Database
    from tests.leakage.population import Person

    Pairs = list[tuple[str, str]]

PATIENTS = 5_000
COMMIT = 16
"""Patients in one transaction, as under load."""
ROUNDS, SEARCHES, PAGE = 5, 100, 21
_KEYS = Query(sa.select(DOCUMENT.c.id, DOCUMENT.c.key))

SEARCHED: dict[str, tuple[Callable[[Person], Pairs], Callable[[Person], list[tuple[int, str]]]]] = {
    "surname": (lambda one: [("family", one.family)], lambda one: [(FAMILY, f"p{_text(one.family)[:8]}")]),
    "three letters": (lambda one: [("family", one.family[:3])], lambda one: [(FAMILY, f"p{_text(one.family)[:3]}")]),
    "surname and given name": (
        lambda one: [("family", one.family), ("given", one.given[0])],
        lambda one: [(FAMILY, f"p{_text(one.family)[:8]}"), (GIVEN, f"p{_text(one.given[0])[:8]}")],
    ),
    "surname and birth date": (
        lambda one: [("family", one.family), ("birthdate", one.born.isoformat())],
        lambda one: [(FAMILY, f"p{_text(one.family)[:8]}"), (BIRTH, f"d{one.born}")],
    ),
    "year of birth": (lambda one: [("birthdate", str(one.born.year))], lambda one: [(BIRTH, f"d{one.born.year}")]),
}
"""FHIR parameters, and the plain entries that would answer them."""


def _text(name: str) -> str:
    return normalise(name)


def main() -> int:
    """Measure and print."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else PATIENTS
    with tempfile.TemporaryDirectory(prefix="confide-leakage-") as scratch:
        asyncio.run(_run(Path(scratch), people(surnames(), size, 1)))
    for line in machine():
        print(line)
    return 0


async def _run(folder: Path, crowd: Sequence[Person]) -> None:
    async with practice(folder / "practice") as house:
        print(f"{'To index a patient':<42}{'plain':>12}{'salted':>12}")
        plain, salted = [await _indexing(folder, house, crowd, way) for way in (_plain, _salted)]
        print(f"{'CPU µs: entries, tokens, look-ups, rows':<42}{plain[0]:12.0f}{salted[0]:12.0f}")
        print(f"{'rows':<42}{plain[1]:12.1f}{salted[1]:12.1f}")
        print(f"{'bytes, with the second index':<42}{plain[2]:12.0f}{salted[2]:12.0f}")
        identifiers = await admit(house, crowd, lambda _: None)
        await _beside(house, crowd, identifiers)
        print(f"\n{'To search, CPU µs':<42}{'plain':>12}{'salted':>12}{'listed':>12}{'found':>12}")
        for kind in SEARCHED:
            await _searching(house, crowd, kind)
        print()


async def _plain(_: Database, index: Generation, numbered: Sequence[tuple[int, Person, Any]]) -> list[Add]:
    rows = [(number, index.token(number, entry), key) for key, person, _ in numbered for number, entry in compared.entries(person)]
    return [Add(ADD_TOKEN, sorted(set(rows)))]


async def _salted(database: Database, index: Generation, numbered: Sequence[tuple[int, Person, Any]]) -> list[Add]:
    """One by one, as requests come."""
    steps: list[Any] = []
    for key, _, resource in numbered:
        placed = await index.place(database, [entries(resource, base="", across_patients=frozenset()).salted])
        steps += [Add(ADD_TOKEN, [(SALTED, token, key) for token in placed.tokens[0]]), *write.mark(placed.marks, index.number)]
    return steps


async def _indexing(folder: Path, house: House, crowd: Sequence[Person], way: Any) -> tuple[float, float, float]:
    """Return CPU µs, rows and bytes for each patient; the time is that of the second half, when names have become common."""
    path = folder / f"{way.__name__}.db"
    await asyncio.to_thread(migrate.upgrade, f"sqlite:///{path}", migrate.Which.DATA)
    database, index = await open_database(f"sqlite:///{path}"), await BlindIndex(house.keyring, TENANT).writing(clock())
    decode, times, count = decoder("Patient").decode, [], 0
    numbered = [(key, person, decode(json.dumps(person.resource()))) for key, person in enumerate(crowd)]
    for at in range(0, len(crowd), COMMIT):
        some = numbered[at : at + COMMIT]
        began = time.process_time_ns()
        steps = await way(database, index, some)
        await database.commit(Unit(tuple(steps)))
        times.append((time.process_time_ns() - began) / 1000 / len(some))
        count += sum(len(step.rows) for step in steps)
    await database.close()
    return median(times[len(times) // 2 :]), count / len(crowd), compared.index_bytes(path) / len(crowd)


async def _beside(house: House, crowd: Sequence[Person], identifiers: Sequence[bytes]) -> None:
    """Store plain tokens beside the salted ones of the same documents."""
    keys = dict(await house.database.fetch(_KEYS, {}))
    for at in range(0, len(crowd), COMMIT):
        numbered = [(keys[one], person, None) for one, person in zip(identifiers[at : at + COMMIT], crowd[at : at + COMMIT], strict=True)]
        await house.database.commit(Unit(tuple(await _plain(house.database, await house.parts.index.writing(clock()), numbered))))


async def _searching(house: House, crowd: Sequence[Person], kind: str) -> None:
    pairs, plain = SEARCHED[kind]
    index, rows, random = await house.parts.index.writing(clock()), call_now(house).rows("Patient", Action.SEARCH), Random(3)  # noqa: S311 - a seed
    listed: list[int] = []
    found: list[int] = []

    async def by_plain(person: Person) -> None:
        filters = [(number, [index.token(number, entry.encode())]) for number, entry in plain(person)]
        await candidates(house.database, rows, Wanted("Patient", None, None, filters), 0, PAGE)

    async def by_salted(person: Person) -> None:
        query = queries[person.number]
        lists = [await index.list_tokens(house.database, one) for one in salted_entries(query.filters)]
        listed.append(sum(map(len, lists)))
        wanted = Wanted("Patient", None, None, [(SALTED, tokens) for tokens in lists])
        found.append(len(await candidates(house.database, rows, wanted, 0, PAGE)))

    sought = [random.choice(crowd) for _ in range(SEARCHES)]
    asked: dict[str, Any] = {"lenient": False, "across_patients": frozenset(), "default_count": 20, "max_count": 20}
    queries = {person.number: parse_query("Patient", pairs(person), **asked) for person in sought}
    times: dict[Any, list[float]] = {by_plain: [], by_salted: []}
    for _ in range(ROUNDS + 1):
        for way, some in times.items():
            began = time.process_time_ns()
            for person in sought:
                await way(person)
            some.append((time.process_time_ns() - began) / 1000 / SEARCHES)
    plain_time, salted_time = [median(some[1:]) for some in times.values()]
    print(f"{kind:<42}{plain_time:12.0f}{salted_time:12.0f}{fmean(listed):12.0f}{fmean(found):12.1f}")


if __name__ == "__main__":
    sys.exit(main())
