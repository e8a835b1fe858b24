"""`column IN (list)` with one bound parameter for a list of any length: one statement text, and no limit of parameters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Integers(sa.types.TypeDecorator["Sequence[int]"]):
    """A list of integers: an array on PostgreSQL, JSON text on SQLite."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Return the database's own type."""
        return dialect.type_descriptor(postgresql.ARRAY(sa.BigInteger()) if dialect.name == "postgresql" else sa.Text())

    def process_bind_param(self, value: Sequence[int] | None, dialect: sa.Dialect) -> Any:
        """Return what the driver takes."""
        found = list(value or ())
        return found if dialect.name == "postgresql" else json.dumps(found)


class Among(sa.ColumnElement[bool]):
    """See the module."""

    inherit_cache = True
    type: sa.types.TypeEngine[bool] = sa.Boolean()
    _is_implicitly_boolean = True  # a predicate already: else SQLite gets "… = 1" and loses the index
    _traverse_internals = [  # noqa: RUF012 - SQLAlchemy's way of declaring
        ("column", InternalTraversal.dp_clauseelement),
        ("listed", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, column: sa.ColumnElement[Any], values: Sequence[int] | Callable[[], Sequence[int]]) -> None:
        """Take the list, or what returns it when the statement is executed."""
        self.column = column
        given = {"callable_": values} if callable(values) else {"value": list(values)}
        self.listed = sa.bindparam(None, type_=Integers(), unique=True, **given)

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """Return itself: it is a predicate already, and no `= 1` may be put behind it."""
        return self

    @property
    def _from_objects(self) -> Any:
        return self.column._from_objects  # noqa: SLF001 - as every operator does


@compiles(Among, "sqlite")
def _sqlite(element: Among, compiler: Any, **kwargs: Any) -> str:
    column, listed = compiler.process(element.column, **kwargs), compiler.process(element.listed, **kwargs)
    return f"{column} IN (SELECT value FROM json_each({listed}))"  # noqa: S608 - the compiler's own parts


@compiles(Among)
def _postgresql(element: Among, compiler: Any, **kwargs: Any) -> str:
    return f"{compiler.process(element.column, **kwargs)} = ANY ({compiler.process(element.listed, **kwargs)})"
