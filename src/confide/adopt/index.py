"""The blind index of an adopting backend: the tokens of its rows, and the tokens of a search.

Rows of the index are (token, row, number, subject). A number names one way to search one column; a mark (see `sealed.salts`) has no row.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from confide.sealed import finding, salts
from confide.sealed.terms import Term

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from confide.adopt.vault import Vault
    from confide.sealed.columns import Field
    from confide.sealed.finding import Find
    from confide.values.ids import TenantId

    LookUp = Callable[[list[int]], AbstractSet[int]]
    """Returns those of some tokens that are in the index."""

NO_ROW = b""
UNIQUE = "unique"
_NUMBER_BYTES = 4


class Token(NamedTuple):
    """A row of the index."""

    token: int
    row: bytes
    number: int
    subject: bytes | None


@dataclass(frozen=True, slots=True)
class Indexed:
    """A value that is to be found."""

    of: Field
    value: Any = field(repr=False)
    row: bytes
    subject: bytes | None


@dataclass(slots=True)
class Additions:
    """What goes into the index."""

    tokens: list[Token] = field(default_factory=list)
    marks: list[Token] = field(default_factory=list)
    """Stored without a row; one that is there already does no harm."""
    unique: list[Token] = field(default_factory=list)
    """Of columns of which no two rows may have the same value."""


def number(of: Field, kind: str) -> int:
    """Return the number of one way to search a column, equal wherever the names are."""
    name = f"{of.table}.{of.column}.{kind}".encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:_NUMBER_BYTES], "big") >> 1


def numbers(of: Field) -> list[int]:
    """Return the numbers of every way in which a column is searched."""
    return [number(of, find.value) for find in sorted(of.declared.find, key=lambda find: find.value)]


def additions(vault: Vault, tenant: TenantId, values: Sequence[Indexed], look_up: LookUp) -> Additions:
    """Return the tokens of values that are to be found."""
    found, placing, rows = Additions(), [], []
    for one in values:
        declared = one.of.declared
        for find in declared.find:
            at, blind = number(one.of, find.value), vault.blind(tenant, one.of, find.value)
            entries = finding.stored(declared.category, find, one.value)
            if finding.is_salted(declared.category, find):
                placing.append(Token(0, one.row, at, one.subject))
                rows.append([None if entry is None else Term(blind, entry) for entry in entries])
            else:
                found.tokens += [Token(blind.token(entry), one.row, at, one.subject) for entry in entries if entry is not None]
        if declared.unique:
            form = finding.exact_form(declared.category, one.value)
            if form is not None:
                token = vault.blind(tenant, one.of, UNIQUE).token(form)
                found.unique.append(Token(token, one.row, number(one.of, UNIQUE), one.subject))
    if rows:
        placed = salts.answer(salts.place(rows, vault.memory), look_up)
        found.tokens += [at._replace(token=token) for at, tokens in zip(placing, placed.tokens, strict=True) for token in tokens]
        found.marks += [Token(mark, NO_ROW, 0, None) for mark in placed.marks]
    return found


def wanted(vault: Vault, tenant: TenantId, of: Field, find: Find, entries: Iterable[bytes], look_up: LookUp) -> list[int]:
    """Return the tokens of which a row that is meant has one.

    Raises:
        TooManyTokens: the search is for something too common.
    """
    blind = vault.blind(tenant, of, find.value)
    if not finding.is_salted(of.declared.category, find):
        return [blind.token(entry) for entry in entries]
    return salts.answer(salts.list_tokens([Term(blind, entry) for entry in entries], vault.memory), look_up)
