"""What `personal`, `row_id` and `subject_id` leave in `Column.info`, for those who read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlalchemy as sa

    from confide.sealed.columns import Personal

PERSONAL, ROW, SUBJECT, WAS = "confide.personal", "confide.row", "confide.subject", "confide.was"
BOUND = "confide.bound"
"""Set by `described.describe`: what a column's values are bound to."""


@dataclass(frozen=True, slots=True)
class PersonalMark:
    """A sealed column."""

    declared: Personal
    type: sa.types.TypeEngine[Any]
    """What the attribute holds, as the column would be declared without Confide."""


@dataclass(frozen=True, slots=True)
class SubjectMark:
    """A column with the identifier of the person whose row it is."""

    relationship: str
    """Leads to the row that the identifier is copied from; empty: the backend sets it."""
    attribute: str
    """Of that row; empty: its own subject column, or its row identifier."""
