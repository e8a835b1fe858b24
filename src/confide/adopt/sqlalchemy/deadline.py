"""A migration does not last for ever: after its day, nothing is read from what is still in the clear."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from confide.adopt.parts import clock
from confide.adopt.refusals import MigrationOver

if TYPE_CHECKING:
    from confide.adopt.sqlalchemy.described import Bound


def check_time(bound: Bound) -> None:
    """Return while the migration of a column may go on.

    Raises:
        MigrationOver
    """
    until = bound.field.declared.until
    if until is not None and datetime.fromtimestamp(clock() / 1_000_000, UTC).date() > until:
        message = (
            f"The migration of {bound.field.name} should have been finished by {until}: finish it (confide adopt migrate --finish), or "
            "declare a later day."
        )
        raise MigrationOver(message)
