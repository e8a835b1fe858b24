"""What an erasure does in the tables of a project's models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from django.db.models import ForeignKey

from confide.adopt.django.described import all_described
from confide.adopt.step import Step, numbers_in
from confide.datamap.terms import Erase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confide.adopt.django.described import Described


def steps(models_of: Any) -> Iterator[Step]:
    """Yield what an erasure does, tables that refer to others first, so that no foreign key stands in the way."""
    metadata = sa.MetaData()
    found = {described.model._meta.db_table: described for described in all_described(models_of)}  # noqa: SLF001 - Django's documented way to ask a model
    for described in found.values():
        _table(metadata, described, set(found))
    for table in reversed(metadata.sorted_tables):
        described = found[table.name]
        for key in dict.fromkeys(bound.person.key for bound in described.bound.values()):
            yield _step(table, described, key)


def _table(metadata: sa.MetaData, described: Described, known: set[str]) -> None:
    columns: list[sa.Column[Any]] = []
    for one in described.model._meta.local_concrete_fields:  # noqa: SLF001 - as above
        is_key = isinstance(one, ForeignKey) and one.target_field.model._meta.db_table in known  # noqa: SLF001 - as above
        refers = [sa.ForeignKey(f"{one.target_field.model._meta.db_table}.{one.target_field.column}")] if is_key else []  # noqa: SLF001 - as above
        is_person = one.attname in {bound.person.key for bound in described.bound.values()}
        columns.append(sa.Column(one.column, sa.Uuid() if is_person else sa.LargeBinary(), *refers))
    sa.Table(described.model._meta.db_table, metadata, *columns)  # noqa: SLF001 - as above


def _step(table: sa.Table, described: Described, key: str) -> Step:
    fields = {one.attname: one for one in described.model._meta.local_concrete_fields}  # noqa: SLF001 - as above
    bounds = [bound for bound in described.bound.values() if bound.person.key == key]
    shredded = [bound for bound in bounds if bound.field.declared.erase is Erase.SHRED]
    deletes = any(bound.field.declared.erase is Erase.DELETE for bound in bounds)
    return Step(
        table,
        table.c[fields[key].column],
        tuple(table.c[fields[bound.key].column] for bound in shredded if fields[bound.key].null),
        tuple(table.c[fields[bound.key].column] for bound in shredded if not fields[bound.key].null),
        deletes,
        table.c[described.row.column],
        numbers_in(described.bound.values() if deletes else shredded),
    )
