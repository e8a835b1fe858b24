"""Statements built once from SQLAlchemy Core and run many times on the bare driver.

SQLAlchemy is the one source of SQL, so every value is a bound parameter on both databases; the ORM and the Core execution
layer are left out of the hot path because they cost more than everything else a request does (docs/performance).
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnElement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SQLITE = sqlite_dialect(paramstyle="qmark")
POSTGRESQL = asyncpg_dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
POSTGRESQL.paramstyle = "numeric_dollar"

_order = itertools.count()
_NUMBERED = re.compile(r"\$(\d+)")


@dataclass(frozen=True, slots=True)
class Text:
    """SQL text of one dialect and the names of its parameters in their positions."""

    sql: str
    names: tuple[str, ...]
    constants: Mapping[str, Any]
    """Values that the construct itself holds; they are bound like any other."""

    def arrange(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the values in the order of the positions."""
        constants = self.constants
        return [values[name] if name in values else constants[name] for name in self.names]


def _compile(construct: sa.ClauseElement, dialect: sa.Dialect) -> Text:
    compiled: Any = construct.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    names = compiled.positiontup or ()
    if dialect is POSTGRESQL:  # numeric_dollar numbers a repeated parameter once
        names = tuple(dict.fromkeys(names))
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    return Text(str(compiled), tuple(names), constants)


@dataclass(eq=False)
class Query:
    """A SELECT whose `bindparam` names are its parameters."""

    construct: sa.Select[Any]

    @cached_property
    def sqlite(self) -> Text:
        """The text for SQLite."""
        return _compile(self.construct, SQLITE)

    @cached_property
    def postgresql(self) -> Text:
        """The text for PostgreSQL."""
        return _compile(self.construct, POSTGRESQL)


@dataclass(eq=False)
class Insert:
    """An INSERT of whole rows; rows are tuples in the order of `columns`."""

    table: sa.Table
    columns: tuple[str, ...] = ()
    order: int = field(default_factory=lambda: 1_000_000 + next(_order))

    def __post_init__(self) -> None:
        """Default to every column of the table."""
        self.columns = self.columns or tuple(column.name for column in self.table.columns)

    @cached_property
    def _one(self) -> str:
        return str(sa.insert(self.table).values({name: sa.bindparam(name) for name in self.columns}).compile(dialect=SQLITE))

    @cached_property
    def _texts(self) -> dict[int, str]:
        return {}

    def sqlite(self, rows: int) -> str:
        """Return the text for a number of rows: one statement, one step of the database engine."""
        text = self._texts.get(rows)
        if text is None:
            marks = "(" + ", ".join("?" * len(self.columns)) + ")"
            text = self._texts[rows] = self._one + (", " + marks) * (rows - 1)
        return text

    @cached_property
    def postgresql(self) -> str:
        """The text for PostgreSQL: one array for each column, unnested, whatever the number of rows."""
        columns = [self.table.c[name] for name in self.columns]
        arrays = [sa.bindparam(column.name, type_=postgresql.ARRAY(column.type)) for column in columns]
        rows = sa.func.unnest(*arrays).table_valued(*self.columns).render_derived()
        select = sa.select(*(rows.c[name] for name in self.columns))
        return _compile(sa.insert(self.table).from_select(list(self.columns), select), POSTGRESQL).sql


@lru_cache(maxsize=64)
def joined(inserts: tuple[Insert, ...]) -> str:
    """Return one text for PostgreSQL that stores the rows of several tables; its parameters are those of each, one after the other."""
    texts: list[str] = []
    taken = 0
    for insert in inserts:
        first = taken
        texts.append(_NUMBERED.sub(lambda match: f"${int(match[1]) + first}", insert.postgresql))  # noqa: B023 - used at once
        taken += len(insert.columns)
    before = [f"stored{at} AS ({text})" for at, text in enumerate(texts[:-1])]
    return f"WITH {', '.join(before)} {texts[-1]}" if before else texts[-1]


@dataclass(eq=False)
class Change:
    """A conditional UPDATE or DELETE; rows are mappings of its `bindparam` names."""

    construct: sa.Update | sa.Delete
    order: int = field(default_factory=lambda: next(_order))

    @cached_property
    def sqlite(self) -> Text:
        """The text for SQLite."""
        return _compile(self.construct, SQLITE)

    @cached_property
    def postgresql(self) -> Text:
        """The text for PostgreSQL."""
        return _compile(self.construct, POSTGRESQL)

    @cached_property
    def counted(self) -> str:
        """The same with one more parameter, a number, which comes back once for each row that was touched."""
        return f"{self.postgresql.sql} RETURNING ${len(self.postgresql.names) + 1}::INTEGER"


class AnyOf(ColumnElement[bool]):
    """`column IN (list)` with one bound parameter for the whole list, so that the statement has one shape."""

    inherit_cache = True
    type: sa.types.TypeEngine[bool] = sa.Boolean()
    _is_implicitly_boolean = True  # a predicate already: without this, SQLite gets "… = 1" and loses the index

    def __init__(self, column: ColumnElement[Any], name: str, kind: Callable[[], sa.types.TypeEngine[Any]]) -> None:
        """Compare `column` with the list bound under `name`; see `as_list` for its form."""
        self.column = column
        self.values = sa.bindparam(name, type_=postgresql.ARRAY(kind()))
        self.text = sa.bindparam(name, type_=sa.Text())


@compiles(AnyOf, "sqlite")
def _any_of_sqlite(element: AnyOf, compiler: Any, **kwargs: Any) -> str:
    return f"{compiler.process(element.column, **kwargs)} IN (SELECT value FROM json_each({compiler.process(element.text, **kwargs)}))"  # noqa: S608 - the compiler's own parts


@compiles(AnyOf, "postgresql")
def _any_of_postgresql(element: AnyOf, compiler: Any, **kwargs: Any) -> str:
    return f"{compiler.process(element.column, **kwargs)} = ANY({compiler.process(element.values, **kwargs)})"


class Unindexed(ColumnElement[Any]):
    """A column in a comparison that no index may serve.

    Where two indexes could serve a query, the planner guesses by statistics. Until they are taken, as in the minutes after a first
    import, it guesses wrong and walks through every document of a type.
    """

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        """Take the column; the value stays as it is."""
        self.column = column
        self.type = column.type


@compiles(Unindexed, "sqlite")
def _unindexed_sqlite(element: Unindexed, compiler: Any, **kwargs: Any) -> str:
    return f"+{compiler.process(element.column, **kwargs)}"


@compiles(Unindexed, "postgresql")
def _unindexed_postgresql(element: Unindexed, compiler: Any, **kwargs: Any) -> str:
    unchanged = "|| ''" if isinstance(element.type, sa.String) else "+ 0"
    return f"({compiler.process(element.column, **kwargs)} {unchanged})"


class Listing(ColumnElement[str]):
    """The integers of a column in all rows of a group, as one text with commas between them; null where there is no row."""

    inherit_cache = True
    type: sa.types.TypeEngine[str] = sa.Text()

    def __init__(self, column: ColumnElement[int]) -> None:
        """Take the column."""
        self.column = column


@compiles(Listing, "sqlite")
def _listing_sqlite(element: Listing, compiler: Any, **kwargs: Any) -> str:
    return f"group_concat({compiler.process(element.column, **kwargs)}, ',')"


@compiles(Listing, "postgresql")
def _listing_postgresql(element: Listing, compiler: Any, **kwargs: Any) -> str:
    return f"string_agg(CAST({compiler.process(element.column, **kwargs)} AS TEXT), ',')"


def columns_of(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Return rows turned into one list for each column."""
    return [list(column) for column in zip(*rows, strict=True)]
