"""From index entries to 63-bit tokens, under one key for each parameter.

While the index key changes (`keys.index`) there are two generations: rows have tokens of one, and searches look for those of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa

from confide.clinic.records.store import TOKEN
from confide.keys import index
from confide.keys.hierarchy import index_field
from confide.sealed import blind, salts
from confide.sealed.memory import Memory
from confide.sealed.terms import Term
from confide.store.statements import AnyOf, Query

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from confide.crypto.derive import BlindField
    from confide.keys.hierarchy import Keyring
    from confide.keys.tenant import IndexKey
    from confide.sealed.salts import Placed
    from confide.store.work import Database
    from confide.values.ids import TenantId

TABLE, SALTED_TABLE = b"token", b"salted"
"""Names in the derivation of field keys: a parameter has one key for each way it is indexed."""
SALTED = 0
"""The number under which all salted tokens stand, whatever their parameter, so that a row does not tell of which it is."""

_THERE = Query(sa.select(TOKEN.c.value).where(TOKEN.c.parameter == SALTED, AnyOf(TOKEN.c.value, "values", sa.BigInteger)))


class BlindIndex:
    """The search index of one tenant, under the generations of its key that live."""

    def __init__(self, keyring: Keyring, tenant: TenantId) -> None:
        """Look keys up when they are first needed."""
        self._keyring = keyring
        self._tenant = tenant
        self._known: dict[int, Generation] = {}

    async def writing(self, now: int) -> Generation:
        """Return the generation that rows are indexed under from now on.

        Raises:
            ProviderUnavailable, ProviderRefused, SlotMissing, DoesNotOpen, KeyMissing
        """
        keys = await self._keyring.search_keys(self._tenant, now)
        return self._of(index.writing(keys, self._keyring.settled, now))

    async def reading(self, now: int) -> Searched:
        """Return the generations under one of which every row is indexed. Raises what `writing` does."""
        keys = await self._keyring.search_keys(self._tenant, now)
        for number in self._known.keys() - {one.generation for one in keys}:
            del self._known[number]
        return Searched(tuple(map(self._of, keys)))

    def _of(self, key: IndexKey) -> Generation:
        found = self._known.get(key.generation)
        if found is None:
            found = self._known[key.generation] = Generation(key.generation, key.key)
        return found


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search looks for: tokens of each living generation."""

    generations: tuple[Generation, ...]

    def tokens(self, parameter: int, value: bytes, subject: bytes = b"") -> list[int]:
        """Return the tokens of a value; with a subject they are found only within that person."""
        return [one.token(parameter, value, subject) for one in self.generations]

    async def list_tokens(self, database: Database, entries: Iterable[tuple[int, bytes]]) -> list[int]:
        """Return every token that a row with one of the salted entries may have.

        Raises:
            TooManyTokens: there are more than one search may list.
        """
        wanted = list(entries)
        return [token for one in self.generations for token in await one.list_tokens(database, wanted)]


class Generation:
    """The field keys of one generation of the index key."""

    def __init__(self, number: int, key: bytes) -> None:
        """Derive field keys when they are first needed."""
        self.number = number
        self._key = key
        self._plain: dict[int, BlindField] = {}
        self._salted: dict[int, BlindField] = {}
        self._memory = Memory()

    def token(self, parameter: int, value: bytes, subject: bytes = b"") -> int:
        """Return the token of a value; with a subject it is equal only within that person."""
        field = self._plain.get(parameter)
        if field is None:
            field = self._plain[parameter] = self._derive(TABLE, parameter)
        return field.token(bytes((len(subject),)) + subject + value)

    def tokens(
        self, entries: Iterable[tuple[int, bool, bytes]], salted: Iterable[int], subjects: Collection[bytes]
    ) -> list[tuple[int, int]]:
        """Return the distinct (parameter, token) pairs of (parameter, bound to the subject?, value) entries, and of what `place` gave.

        A bound entry has a token for each subject, since a search names one of them. It has none where there is no subject.
        """
        found = set()
        for parameter, bound, value in entries:
            for subject in subjects if bound else (b"",):
                found.add((parameter, self.token(parameter, value, subject)))
        return sorted(found) + [(SALTED, token) for token in salted]

    async def place(self, database: Database, rows: Sequence[Sequence[tuple[int, bytes] | None]]) -> Placed:
        """Return a token of its own for each salted (parameter, value) entry of each row; see `sealed.salts`."""
        terms = [[None if one is None else self._term(*one) for one in row] for row in rows]
        return await salts.answer_async(salts.place(terms, self._memory), partial(_there, database))

    async def list_tokens(self, database: Database, entries: Iterable[tuple[int, bytes]]) -> list[int]:
        """Return every token that a row with one of the salted entries may have.

        Raises:
            TooManyTokens: there are more than one search may list.
        """
        terms = [self._term(parameter, value) for parameter, value in entries]
        return await salts.answer_async(salts.list_tokens(terms, self._memory), partial(_there, database))

    def _term(self, parameter: int, value: bytes) -> Term:
        field = self._salted.get(parameter)
        if field is None:
            field = self._salted[parameter] = self._derive(SALTED_TABLE, parameter)
        return Term(field, value)

    def _derive(self, table: bytes, parameter: int) -> BlindField:
        return index_field(self._key, table, parameter.to_bytes(4, "big"), blind.VERSION)


async def _there(database: Database, tokens: Sequence[int]) -> list[int]:
    return [value for (value,) in await database.fetch(_THERE, {"values": database.listed(tokens)})]
