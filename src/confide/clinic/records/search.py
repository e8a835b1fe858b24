"""Candidates of a search, in storage order; the caller opens and re-checks them."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from confide.clinic.records import shapes
from confide.clinic.records.blind import SALTED
from confide.clinic.records.model import Found, found
from confide.values.permit import Reach

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confide.access.authorise import Rows
    from confide.store.work import Database
    from confide.values.ids import DocumentKey

READ = 16
"""Tokens that may be looked up for a further filter for each token of the first: reading those of a candidate costs about as much."""
_KEY = itemgetter(0)


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
    about = wanted.about
    if about is None and rows.permit.reach is Reach.COMPARTMENT:
        about = rows.values["own"]  # asks for nothing more than the reach does, but lets the index of the patient lead
    if about is not None:
        values["about"] = about
    if wanted.keys is not None:
        values["keys"] = database.listed(wanted.keys)
    filters, gathered = _ordered(wanted.filters)
    single = bool(filters) and len(filters[0][1]) == 1 and wanted.keys is None and not gathered
    for at, (parameter, tokens) in enumerate(filters):
        values[f"p{at}"] = parameter
        values[f"t{at}"] = tokens[0] if single and at == 0 else database.listed(tokens)
    shape = shapes.search(
        rows.permit.reach,
        len(filters),
        single=single,
        gathered=gathered,
        by_patient=about is not None,
        by_ids=wanted.keys is not None,
    )
    return [found(row) for row in sorted(await database.fetch(shape, values), key=_KEY)]


def _ordered(filters: Sequence[tuple[int, Sequence[int]]]) -> tuple[list[tuple[int, Sequence[int]]], int]:
    """Return the filter that leads (the fewer tokens, the fewer documents), then those whose documents are gathered, and how many they are.

    A salted token has one document, so the documents of a list can be gathered; those of a plain one may be without number.
    """
    first, *others = sorted(filters, key=lambda one: len(one[1])) or [(SALTED, [])]
    gathered = [one for one in others if one[0] == SALTED and len(one[1]) <= READ * len(first[1])]
    return [first, *gathered, *(one for one in others if one not in gathered)][: len(filters)], len(gathered)
