"""Faults of declarations: a sentence for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confide.datamap.terms import INFO, Category, Declaration, Protection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def check_columns(columns: Iterable[tuple[str, str, Mapping[str, Any]]]) -> list[str]:
    """Return a sentence for each (table, column, info) that is undeclared, or plain without a reason."""
    faults = []
    for table, column, info in columns:
        found = info.get(INFO)
        if not isinstance(found, Declaration):
            faults.append(f"{table}.{column} is not declared")
        elif found.protection is Protection.PLAIN and not found.reason:
            faults.append(f"{table}.{column} is stored plain and does not say why")
        elif found.protection is Protection.PLAIN and found.category not in {Category.NONE, Category.ACTIVITY}:
            faults.append(f"{table}.{column} is personal and stored plain")
    return faults
