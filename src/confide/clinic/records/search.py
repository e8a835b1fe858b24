"""Candidates of a search, in storage order; the caller opens and re-checks them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from confide.clinic.records import store
from confide.clinic.records.model import Found, found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confide.access.authorise import Rows
    from confide.store.work import Database
    from confide.values.ids import DocumentKey


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a search asks of the blind index."""

    type: str
    about: DocumentKey | None
    """The patient whose compartment is searched; None for all that the caller may see."""
    keys: Sequence[DocumentKey] | None
    """Only these documents; None for any."""
    filters: Sequence[tuple[int, Sequence[int]]]
    """(parameter, tokens): a candidate has one of the tokens of every filter."""


async def candidates(database: Database, rows: Rows, wanted: Wanted, after: int, count: int) -> list[Found]:
    """Return up to `count` candidates with keys above `after`, among the rows that the caller may see."""
    values: dict[str, Any] = {**rows.values, "type": wanted.type, "after": after, "count": count}
    if wanted.about is not None:
        values["about"] = wanted.about
    if wanted.keys is not None:
        values["keys"] = database.listed(wanted.keys)
    for at, (parameter, tokens) in enumerate(wanted.filters):
        values[f"p{at}"] = parameter
        values[f"t{at}"] = database.listed(tokens)
    shape = store.search(rows.permit.reach, len(wanted.filters), by_patient=wanted.about is not None, by_ids=wanted.keys is not None)
    return [found(row) for row in await database.fetch(shape, values)]
