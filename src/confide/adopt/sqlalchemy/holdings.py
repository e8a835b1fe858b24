"""What an erasure does in the tables of the models below one declarative base."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confide.adopt.sqlalchemy.described import describe
from confide.adopt.step import Step, numbers_in
from confide.datamap.terms import Erase

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from confide.adopt.sqlalchemy.described import Bound, Described


def steps(registry: Any) -> Iterator[Step]:
    """Yield what an erasure does, tables that refer to others first, so that no foreign key stands in the way."""
    found: dict[sa.Table, list[Bound]] = {}
    for described in all_described(registry):
        for bound in described.bound.values():
            found.setdefault(bound.column.table, []).append(bound)
    for table in reversed(registry.metadata.sorted_tables):
        by_person: dict[sa.Column[Any], dict[str, Bound]] = {}
        for bound in found.get(table, ()):
            column = bound.person.column
            if column.table is table:
                by_person.setdefault(column, {})[bound.column.name] = bound
        for person, bounds in by_person.items():
            yield _step(table, person, list(bounds.values()), found[table])


def _step(table: sa.Table, person: sa.Column[Any], bounds: list[Bound], everybody: list[Bound]) -> Step:
    deletes = any(bound.field.declared.erase is Erase.DELETE for bound in bounds)
    shredded = [bound for bound in bounds if bound.field.declared.erase is Erase.SHRED]
    return Step(
        table,
        person,
        tuple(bound.column for bound in shredded if bound.column.nullable),
        tuple(bound.column for bound in shredded if not bound.column.nullable),
        deletes,
        bounds[0].row_column,
        numbers_in(everybody if deletes else shredded),
    )


def all_described(registry: Any) -> Iterator[Described]:
    """Yield every model with something personal."""
    registry.configure()
    for mapper in sorted(registry.mappers, key=lambda mapper: str(mapper.class_.__name__)):
        described = describe(mapper)
        if described is not None and described.bound:
            yield described
