"""Other ways to index the same people, to compare with: what they would have left in a stolen file.

Their tokens are made by the server's keyed hash, and stored and read back through its own tables, one database for each way.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from random import Random  # noqa: TID251 - a seed, so that a run can be repeated
from typing import TYPE_CHECKING

from confide.clinic.fhir.search.parameters import parameters
from confide.clinic.records.store import ADD_TOKEN
from confide.sealed import days
from confide.sealed.blind import normalise
from confide.store import migrate
from confide.store.opening import open_database
from confide.store.work import Add, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from confide.clinic.records.blind import Generation
    from tests.leakage.population import Person

FAMILY, GIVEN, NAME, BIRTH = (parameters("Patient")[code].number for code in ("family", "given", "name", "birthdate"))
BITS = 15
ROWS_OF_A_SALT = 16
BATCH = 500
WHOLE = 99
"""The length of a whole name, which is longer than any part."""


class Way(Enum):
    """How tokens are made of entries."""

    PLAIN = "plain keyed hashes"
    SHORT = "keyed hashes of 15 bits"
    SALTED = "salts of 16 rows, each entry by itself"


@dataclass(frozen=True)
class Index:
    """What a thief reads, and what is told besides."""

    tokens: Sequence[Mapping[int, Sequence[int]]]
    """Of each patient, by parameter; salted ones all stand under one."""
    lengths: Mapping[int, int]
    """Told to the attacker who regroups: of each token of a surname, the length of the text behind it."""

    def rows(self, parameter: int) -> list[list[int]]:
        """Return the tokens that may be of a parameter; of salted ones of surnames the attacker is told, all others are left in."""
        if any(parameter in one for one in self.tokens):
            return [list(one.get(parameter, ())) for one in self.tokens]
        every = [[token for tokens in one.values() for token in tokens] for one in self.tokens]
        return [[token for token in row if token in self.lengths] for row in every] if parameter == FAMILY else every


def entries(person: Person) -> Iterator[tuple[int, bytes]]:
    """Yield the entries of a person: names whole and by prefixes of 2 to 8 characters, and the year, month and day of birth."""
    for parameter, texts in ((FAMILY, [person.family]), (GIVEN, person.given), (NAME, [person.family, *person.given])):
        for text in map(normalise, texts):
            yield parameter, b"w" + text.encode()
            yield from ((parameter, b"p" + text[:length].encode()) for length in range(2, min(8, len(text)) + 1))
    for node in days.index(days.Interval(days.midnight(person.born), days.midnight(person.born) + days.DAY)):
        yield BIRTH, b"d" + node


def tokens(way: Way, index: Generation, people: Sequence[Person]) -> Iterator[dict[tuple[int, int], bytes]]:
    """Yield the (parameter, token) pairs of each person, and of which entry each is made."""
    seen: Counter[tuple[int, bytes]] = Counter()
    random = Random(2)  # noqa: S311 - a seed
    for person in people:
        row = {}
        for parameter, entry in entries(person):
            seen[parameter, entry] += 1
            salt = random.randrange(-(-seen[parameter, entry] // ROWS_OF_A_SALT)) if way is Way.SALTED else 0
            token = index.token(parameter, entry + salt.to_bytes(4, "big"))
            row[parameter, token & (1 << BITS) - 1 if way is Way.SHORT else token] = entry
        yield row


async def store(folder: Path, way: Way, index: Generation, people: Sequence[Person]) -> Path:
    """Store the index of people in a database of its own; return its file. Documents are numbered as the people are."""
    path = folder / f"{way.name.lower()}.db"
    await asyncio.to_thread(migrate.upgrade, f"sqlite:///{path}", migrate.Which.DATA)
    database = await open_database(f"sqlite:///{path}")
    rows = [(parameter, token, at) for at, row in enumerate(tokens(way, index, people)) for parameter, token in sorted(row)]
    for at in range(0, len(rows), BATCH):
        await database.commit(Unit((Add(ADD_TOKEN, rows[at : at + BATCH]),)))
    await database.close()
    return path


def lengths(way: Way, index: Generation, people: Sequence[Person]) -> dict[int, int]:
    """Return how long the text behind each token of a surname is; of 15 bits several may meet, and one is told."""
    made = (pair for row in tokens(way, index, people) for pair in row.items())
    return {token: length_of(entry) for (parameter, token), entry in made if parameter == FAMILY}


def length_of(entry: bytes) -> int:
    """Return the length of a part of a name, or that of a whole name."""
    return WHOLE if entry.startswith(b"w") else len(entry[1:].decode())


async def stolen(folder: Path, way: Way, index: Generation, people: Sequence[Person]) -> Index:
    """Store the index of people, and read it with nothing but SQLite."""
    path = await store(folder, way, index, people)
    found: list[dict[int, list[int]]] = [{} for _ in people]
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for parameter, value, document in connection.execute("SELECT parameter, value, document FROM token"):
        found[document].setdefault(parameter, []).append(value)
    connection.close()
    return Index(found, lengths(way, index, people))


def index_bytes(path: Path) -> int:
    """Return the bytes of the index with its second index."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    found = connection.execute("SELECT sum(pgsize) FROM dbstat WHERE name IN ('token', 'ix_token_document')").fetchone()[0]
    connection.close()
    return int(found)
