"""Ciphertext has no order: whoever sorts or groups by a sealed column would get rows in an order that means nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.sql import visitors

from confide.adopt.refusals import NotSearchable
from confide.adopt.sqlalchemy.marks import PERSONAL

if TYPE_CHECKING:
    from sqlalchemy.sql.base import Executable

_CLAUSES = ("_order_by_clauses", "_group_by_clauses")


def check_sorting(statement: Executable) -> None:
    """Return if a select neither sorts nor groups by a sealed column.

    Raises:
        NotSearchable
    """
    for clauses in _CLAUSES:
        for clause in getattr(statement, clauses, ()):
            for one in visitors.iterate(clause):
                columns: Any = getattr(one, "base_columns", ())  # of an alias or a subquery as well
                if any(PERSONAL in getattr(column, "info", ()) for column in columns):
                    name = getattr(one, "name", "")
                    message = f"Rows cannot be sorted or grouped by the sealed column {name}: do it when they are opened."
                    raise NotSearchable(message)
