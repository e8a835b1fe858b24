"""From index entries to 63-bit tokens, under one key for each parameter."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa

from confide.clinic.records.store import TOKEN
from confide.sealed import blind, salts
from confide.sealed.memory import Memory
from confide.sealed.terms import Term
from confide.store.statements import AnyOf, Query

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from confide.crypto.derive import BlindField
    from confide.keys.hierarchy import Keyring
    from confide.sealed.salts import Placed
    from confide.store.work import Database
    from confide.values.ids import TenantId

TABLE, SALTED_TABLE = b"token", b"salted"
"""Names in the derivation of field keys: a parameter has one key for each way it is indexed."""
SALTED = 0
"""The number under which all salted tokens stand, whatever their parameter, so that a row does not tell of which it is."""

_THERE = Query(sa.select(TOKEN.c.value).where(TOKEN.c.parameter == SALTED, AnyOf(TOKEN.c.value, "values", sa.BigInteger)))


class BlindIndex:
    """The field keys of one tenant."""

    def __init__(self, keyring: Keyring, tenant: TenantId) -> None:
        """Derive field keys when they are first needed."""
        self._keyring = keyring
        self._tenant = tenant
        self._plain: dict[int, BlindField] = {}
        self._salted: dict[int, BlindField] = {}
        self._memory = Memory()

    def token(self, parameter: int, value: bytes, subject: bytes = b"") -> int:
        """Return the token of a value; with a subject it is equal only within that person."""
        field = self._plain.get(parameter)
        if field is None:
            field = self._plain[parameter] = self._derive(TABLE, parameter)
        return field.token(bytes((len(subject),)) + subject + value)

    def tokens(self, entries: Iterable[tuple[int, bool, bytes]], subjects: Collection[bytes]) -> list[tuple[int, int]]:
        """Return the distinct (parameter, token) pairs of (parameter, bound to the subject?, value) entries.

        A bound entry has a token for each subject, since a search names one of them. It has none where there is no subject.
        """
        found = set()
        for parameter, bound, value in entries:
            for subject in subjects if bound else (b"",):
                found.add((parameter, self.token(parameter, value, subject)))
        return sorted(found)

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
        return self._keyring.field(self._tenant, table, parameter.to_bytes(4, "big"), blind.VERSION)


async def _there(database: Database, tokens: Sequence[int]) -> list[int]:
    return [value for (value,) in await database.fetch(_THERE, {"values": database.listed(tokens)})]
