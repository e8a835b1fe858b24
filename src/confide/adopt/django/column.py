"""A sealed column in a query. It may be loaded into objects of its model, and nothing else: ciphertext answers no expression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Expression
from django.db.models.expressions import Col
from django.db.models.sql.compiler import SQLDeleteCompiler, SQLInsertCompiler, SQLUpdateCompiler

from confide.adopt.refusals import NotSearchable

if TYPE_CHECKING:
    from collections.abc import Iterator

_WRITING = (SQLDeleteCompiler, SQLInsertCompiler, SQLUpdateCompiler)


class SealedCol(Col):
    """The column."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Return the column where whole objects are selected.

        Raises:
            NotSearchable: anywhere else, such as in values(), order_by(), an aggregate or a function.
        """
        query = compiler.query
        # While the list of columns is made the compiler has none yet; whatever is compiled later orders, groups or compares.
        is_listed = compiler.select is None and query.default_cols and not isinstance(compiler, _WRITING)
        if not is_listed or any(self is one for annotation in query.annotations.values() for one in _parts(annotation)):
            message = (
                f"The sealed field {self.target.model.__name__}.{self.target.name} cannot be sorted, computed with, aggregated or returned "
                "by values(): load objects, with only() if few fields are wanted, and read the attribute; sort in Python."
            )
            raise NotSearchable(message)
        return super().as_sql(compiler, connection)  # type: ignore[no-any-return]  # of Django

    def get_group_by_cols(self) -> list[Any]:
        """Return a plain column: objects that are counted with are grouped by all that they have."""
        return [Col(self.alias, self.target, self.output_field)]


def _parts(expression: Any) -> Iterator[Any]:
    yield expression
    for inner in getattr(expression, "get_source_expressions", list)():
        if inner is not None:
            yield from _parts(inner)


class Unchanged(Expression):
    """A column as it is: an UPDATE of a whole object leaves alone what the program did not touch."""

    def __init__(self, field: Any) -> None:
        """Take the field."""
        super().__init__(output_field=field)

    def as_sql(self, _compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Return the column."""
        return connection.ops.quote_name(self.output_field.column), []
