"""The type of a sealed column: envelopes go in and come out, and nothing else.

It cannot see the row, so it seals nothing: rows are sealed while they are flushed (`flush.py`). What reaches it unsealed is refused, be
it from a Core insert, a bulk operation or a literal; what bypasses SQLAlchemy altogether is refused by a CHECK of the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import Null
from sqlalchemy.sql.visitors import InternalTraversal

from confide.adopt.refusals import NotSearchable, PlainValue
from confide.adopt.sqlalchemy import search
from confide.crypto.envelope import MAGIC, SHORTEST
from confide.sealed.cell import Cell, Envelope

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

_PLAIN = (
    "A value in the clear was to be written into a sealed column; nothing was stored. Set it on an object and flush it, or pass rows to "
    "session.execute(insert(Model), […]): Core statements, .values(…) and models without a vault cannot seal."
)


def stored(value: Any) -> bytes | None:
    """Return the envelope of a value that is on its way into the database.

    Raises:
        PlainValue
    """
    kind = type(value)
    if kind is Cell and value.envelope is not None:
        return value.envelope  # type: ignore[no-any-return]  # of a cell
    if value is None:
        return None
    if kind is Envelope:
        return bytes(value)
    raise PlainValue(_PLAIN)


def loaded(value: Any) -> Envelope | None:
    """Return what came out of the database; it is not looked at before it is opened."""
    return None if value is None else Envelope(value)


class Searching(sa.types.TypeDecorator.Comparator[Any]):
    """The searches of a sealed column, in place of comparisons, which ciphertext cannot answer."""

    def operate(self, op: Callable[..., Any], *other: Any, **kwargs: Any) -> Any:
        """Take `is None` and `is not None`.

        Raises:
            NotSearchable: for any other operator.
        """
        empty = bool(other) and (other[0] is None or isinstance(other[0], Null))
        # SQLAlchemy itself looks for a column in lists of columns, which compares them.
        looked_for = op is operators.eq and isinstance(other[0], sa.Column)
        if looked_for or (empty and op in {operators.eq, operators.ne, operators.is_, operators.is_not}):
            return super().operate(op, *other, **kwargs)
        raise NotSearchable(_refusal(self.expr, getattr(op, "__name__", "operator")))

    def reverse_operate(self, op: Callable[..., Any], other: Any, **_kwargs: Any) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """Refuse, as `operate`."""
        raise NotSearchable(_refusal(self.expr, getattr(op, "__name__", "operator")))

    def matches(self, value: Any) -> sa.ColumnElement[bool]:
        """Find the whole value (Find.EXACT)."""
        return search.matches(self.expr, value)

    def starts_with(self, text: str) -> sa.ColumnElement[bool]:
        """Find what begins with at least two letters (Find.PREFIX)."""
        return search.starts_with(self.expr, text)

    def sounds_like(self, text: str) -> sa.ColumnElement[bool]:
        """Find what sounds alike (Find.PHONETIC)."""
        return search.sounds_like(self.expr, text)

    def between(self, cleft: date, cright: date, symmetric: bool = False) -> sa.ColumnElement[bool]:  # noqa: FBT001, FBT002 - SQLAlchemy's signature
        """Find the days or moments between two, both included (Find.RANGE)."""
        low, high = sorted((cleft, cright)) if symmetric else (cleft, cright)
        return search.between(self.expr, low, high)


def _refusal(expression: Any, operator: str) -> str:
    return (
        f"The sealed column {getattr(expression, 'name', '')} cannot be compared or sorted ({operator}): search it with .matches(), "
        ".starts_with(), .sounds_like() or .between(), as it is declared."
    )


class Sealed(sa.types.TypeDecorator[Any]):
    """Stored as bytes."""

    impl = sa.LargeBinary
    cache_ok = True
    comparator_factory = Searching

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], bytes | None]:  # noqa: ARG002 - SQLAlchemy's signature
        """Return what checks values on their way in; one call for each value, so that a flush costs no more than it must."""
        return stored

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Envelope | None]:  # noqa: ARG002 - as above
        """Return what marks values on their way out."""
        return loaded

    def literal_processor(self, dialect: sa.Dialect) -> Callable[[Any], str]:  # noqa: ARG002 - as above
        """Refuse to write a value into the text of a statement."""

        def refuse(_value: Any) -> str:
            raise PlainValue(_PLAIN)

        return refuse


class IsSealed(sa.ColumnElement[bool]):
    """Whether a column is empty or holds an envelope, as far as the database can tell: its first byte and its length."""

    inherit_cache = True
    type: sa.types.TypeEngine[bool] = sa.Boolean()
    _traverse_internals = [("column", InternalTraversal.dp_clauseelement)]  # noqa: RUF012 - SQLAlchemy's way of declaring

    def __init__(self, column: sa.ColumnElement[Any]) -> None:
        """Take the column."""
        self.column = column


@compiles(IsSealed)
def _is_sealed(element: IsSealed, compiler: Any, **kwargs: Any) -> str:
    column = compiler.process(element.column, **kwargs)
    if compiler.dialect.name == "postgresql":
        return f"length({column}) >= {SHORTEST} AND get_byte({column}, 0) = {MAGIC}"
    return f"typeof({column}) IN ('blob', 'null') AND length({column}) >= {SHORTEST} AND substr({column}, 1, 1) = x'{MAGIC:02X}'"
