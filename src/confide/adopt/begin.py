"""Make what a vault needs once: the key file and the key database. Nothing that is there is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.adopt.errors import KeysLost, Misused
from confide.keys.choice import KeyFileChoice
from confide.keys.providers import epochs, keyfile
from confide.store import migrate
from confide.store.opening import sqlite_path

if TYPE_CHECKING:
    from confide.adopt.settings import Settings


def begin(settings: Settings) -> list[str]:
    """Make the key file and the key database, and return what was made; where both are there, bring the schema up to date.

    Raises:
        KeysLost: only one of the two is there.
        Misused: the keys are to lie in the database of the data.
        KeyFileRefused, Unavailable
    """
    choice, path = settings.provider, sqlite_path(settings.keys)
    if settings.keys == settings.database or (path is not None and path == sqlite_path(settings.database)):
        message = "The key database is the database of the data: name another one, since whoever has both has everything."
        raise Misused(message)
    if path is None:
        migrate.revision(settings.keys, migrate.Which.KEYS)  # before anything is made: it may not be reached
    if not isinstance(choice, KeyFileChoice):
        migrate.upgrade(settings.keys, migrate.Which.KEYS)
        return ["key database"]
    file, database = choice.path.exists(), path.exists() if path is not None else None
    if database is not None and file != database:
        there, lost = ("key file", "key database") if file else ("key database", "key file")
        message = f"The {there} is there and the {lost} is not: put it back. Nothing was made, since a new one opens nothing of before."
        raise KeysLost(message)
    left = choice.path.with_name(epochs.FILE)
    if not file and left.exists():
        message = f"{left} is there and the key file is not: put that back, or move this away where nothing was ever sealed."
        raise KeysLost(message)
    made = []
    if file:
        keyfile.read(choice.path)
    else:
        keyfile.create(choice.path)
        made.append("key file")
    migrate.upgrade(settings.keys, migrate.Which.KEYS)
    return made if database else [*made, "key database"]


def check(settings: Settings) -> None:
    """Return if the key database is there and has the schema of this program.

    Raises:
        KeysLost: there is no such file; none is made.
        SchemaBehind, Unavailable
    """
    path = sqlite_path(settings.keys)
    if path is not None and not path.exists():
        message = f"The key database {path} is not there: put it back, or run confide adopt init where nothing has been sealed yet."
        raise KeysLost(message)
    migrate.check(settings.keys, migrate.Which.KEYS)
