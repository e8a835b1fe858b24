"""A practice with many patients, stored by the server's own code in an SQLite database, and what a thief of that file reads in it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import asynccontextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

from confide.cli.init import make_instance
from confide.cli.instance import call_now
from confide.clinic.app import clock, open_house
from confide.clinic.fhir.interactions.create import create
from confide.sealed import strings
from confide.sealed.blind import normalise
from confide.store.opening import sqlite_path
from confide.values.ids import uuid_bytes
from tests.leakage.compared import FAMILY, length_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from confide.clinic.app import House
    from tests.leakage.population import Person

AT_ONCE = 32
"""Requests that are under way together."""


@dataclass(frozen=True)
class Stolen:
    """What stands in the file of the data database about the patients, in the order of their keys."""

    tokens: list[dict[int, list[int]]]
    """By parameter."""
    bytes: list[int]
    """Of the sealed document."""
    marks: int
    """Rows of the index that belong to no document."""


@asynccontextmanager
async def practice(folder: Path) -> AsyncIterator[House]:
    """Open a new practice."""
    with redirect_stdout(StringIO()):
        settings, _ = await asyncio.to_thread(make_instance, folder, {"tls": False})
    async with open_house(settings, clock()) as house:
        yield house


async def admit(house: House, people: Sequence[Person], report: Callable[[str], None]) -> list[bytes]:
    """Store people as patients; return their identifiers."""
    found: list[bytes] = []
    for at in range(0, len(people), AT_ONCE):
        bodies = [json.dumps(one.resource()).encode() for one in people[at : at + AT_ONCE]]
        answers = await asyncio.gather(*(create(call_now(house), "Patient", body) for body in bodies))
        found += [uuid_bytes(json.loads(answer.body)["id"]) or b"" for answer in answers]
        if at % (100 * AT_ONCE) == 0:
            report(f"{len(found)} of {len(people)} patients stored")
    return found


def steal(house: House, identifiers: Sequence[bytes]) -> Stolen:
    """Read the file as whoever copied it would, with nothing but SQLite; `identifiers` only say in which order."""
    path = sqlite_path(house.settings.data_url)
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    keys = dict(connection.execute("SELECT id, key FROM document"))
    sizes = dict(connection.execute("SELECT document, length(sealed) FROM version"))
    tokens: dict[int, dict[int, list[int]]] = {key: {} for key in keys.values()}
    marks = 0
    for parameter, value, document in connection.execute("SELECT parameter, value, document FROM token"):
        if document in tokens:
            tokens[document].setdefault(parameter, []).append(value)
        else:
            marks += 1
    connection.close()
    chosen = [keys[one] for one in identifiers]
    return Stolen([tokens[key] for key in chosen], [sizes[key] for key in chosen], marks)


async def lengths(house: House, people: Sequence[Person]) -> dict[int, int]:
    """Return how long the text behind every token is that a surname has or may have."""
    found: dict[int, int] = {}
    index = await house.parts.index.writing(clock())
    for text in {normalise(one.family) for one in people}:
        for entry in strings.stored(text):
            if entry is not None:
                listed = await index.list_tokens(house.database, [(FAMILY, entry)])
                found |= dict.fromkeys(listed, length_of(entry))
    return found
