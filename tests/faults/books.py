"""The books of an instance: what its databases hold, read past the server, and whether they balance.

They balance when every version has its event and every event its version. A transaction that is there in part upsets them: its event
names all of its resources.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

DATABASES = ("data.db", "keys.db")
WRITING = {"create", "update", "delete"}
SOUND = "ok"

_EVENT = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True)
class Document:
    """A row of `document`, and the numbers of its rows in `version`."""

    pseudonym: str
    version: int
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Books:
    """What is there."""

    documents: Mapping[str, Document]
    """By the identifier of the resource."""
    told: Mapping[str, frozenset[str]]
    """By request: the pseudonyms of what its successful writing events name."""
    deeds: Mapping[str, int]
    """By pseudonym: how many writing events name it."""
    unsound: Sequence[str]
    """What PRAGMA integrity_check says besides "ok", and versions without a document."""

    def faults(self) -> list[str]:
        """Return a sentence for each entry that has no counterpart."""
        found = list(self.unsound)
        known = {document.pseudonym for document in self.documents.values()}
        found += [f"an event names a resource that is not there ({pseudonym})" for pseudonym in self.deeds if pseudonym not in known]
        for identifier, document in self.documents.items():
            if document.numbers != tuple(range(1, document.version + 1)):
                found.append(f"{identifier} is at version {document.version} and has versions {document.numbers}")
            if self.deeds.get(document.pseudonym, 0) != document.version:
                found.append(f"{identifier} is at version {document.version} and {self.deeds.get(document.pseudonym, 0)} events tell of it")
        return found


def read(folder: Path) -> Books:
    """Read the databases of an instance, whose server may be running; of an unsound one nothing but that.

    Raises:
        sqlite3.DatabaseError: there is no reading them.
    """
    unsound = [f"integrity_check of {name} says: {line}" for name in DATABASES for line in _check(folder / name) if line != SOUND]
    if unsound:  # what is read of a torn file may be of any kind, such as an event that is NULL
        return Books({}, {}, {}, unsound)
    with closing(_open(folder / "data.db")) as data:
        numbers: defaultdict[int, list[int]] = defaultdict(list)
        for key, number in data.execute("SELECT document, number FROM version ORDER BY document, number"):
            numbers[key].append(number)
        documents = {
            str(UUID(bytes=identifier)): Document(pseudonym.hex(), version, tuple(numbers.pop(key, ())))
            for key, identifier, pseudonym, version in data.execute("SELECT key, id, pseudonym, version FROM document")
        }
        told: defaultdict[str, set[str]] = defaultdict(set)
        deeds: Counter[str] = Counter()
        for (body,) in data.execute("SELECT body FROM audit_outbox"):
            event = _EVENT.decode(body)
            if event["type"] == "rest" and event["action"] in WRITING and event["outcome"] == "success":
                told[event["request"]].update(event["resources"])
                deeds.update(event["resources"])
    unsound += [f"versions {found} belong to no document ({key})" for key, found in numbers.items()]
    return Books(documents, {request: frozenset(names) for request, names in told.items()}, deeds, unsound)


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def _check(path: Path) -> list[str]:
    with closing(_open(path)) as connection:
        return [row[0] for row in connection.execute("PRAGMA integrity_check")]
