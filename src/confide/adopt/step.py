"""What an erasure does in one table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from confide.store.statements import Change, Query

if TYPE_CHECKING:
    from collections.abc import Iterable

    from confide.adopt.bound import Bound


@dataclass(frozen=True)
class Step:
    """What an erasure does with a person's rows in one table."""

    table: sa.Table
    person: sa.Column[Any]
    emptied: tuple[sa.Column[Any], ...]
    left: tuple[sa.Column[Any], ...]
    """Columns that may not be empty: they stay as ciphertext without a key."""
    deletes: bool
    row: sa.Column[Any]
    """What names the row in the blind index."""
    numbers: tuple[int, ...]
    """Under which it stands there with what goes."""

    @property
    def kind(self) -> str:
        """What a plan calls it."""
        return f"{self.table.fullname} rows {'deleted' if self.deletes else 'emptied'}"

    @cached_property
    def count(self) -> Query:
        """Counts the rows."""
        return Query(sa.select(sa.func.count()).select_from(self.table).where(self.person == self.subject))

    @cached_property
    def change(self) -> Change | None:
        """Deletes or empties them; None where only keys are destroyed."""
        if self.deletes:
            return Change(sa.delete(self.table).where(self.person == self.subject))
        if not self.emptied:
            return None
        empty = {column: sa.null() for column in self.emptied}
        return Change(sa.update(self.table).where(self.person == self.subject).values(empty))

    @cached_property
    def rows(self) -> Query:
        """Finds the identifiers of the rows."""
        return Query(sa.select(self.row).where(self.person == self.subject))

    @property
    def subject(self) -> sa.BindParameter[Any]:
        """The person, in the form that the column has."""
        return sa.bindparam("uuid" if isinstance(self.person.type, sa.Uuid) else "subject", type_=self.person.type)


def numbers_in(bounds: Iterable[Bound]) -> tuple[int, ...]:
    """Return the numbers of columns in the blind index."""
    return tuple(sorted({number for bound in bounds for number in bound.numbers}))
