"""Searches of sealed columns as SQL: rows whose tokens are in the blind index.

Tokens are made when the statement is executed, by the session (`seek.py`), since that takes look-ups in the index. What is searched for
stays in a closure: no parameter of the statement, and so no log, shows it.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakSet

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapper
from sqlalchemy.sql.visitors import InternalTraversal

from confide.adopt.refusals import NotSearchable
from confide.adopt.sqlalchemy.among import Among
from confide.adopt.sqlalchemy.deadline import check_time
from confide.adopt.sqlalchemy.described import describe
from confide.adopt.sqlalchemy.marks import BOUND
from confide.adopt.tables import tables_in
from confide.sealed import finding
from confide.sealed.finding import Find, Sought

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from confide.adopt.sqlalchemy.described import Bound
    from confide.values.ids import SubjectId

ROWS = 10_000
"""Candidates that one search may open to check them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a session found out before it executes a statement."""

    own: SubjectId | None
    """The only person whose values may be found, if there is one."""
    tokens: list[int]
    rows: list[Any] | None = None
    """Rows whose values were opened and are meant; None while they are looked for."""


ANSWERS: ContextVar[Mapping[Search, Answer]] = ContextVar("confide_answers")


@dataclass(eq=False)
class Search:
    """One search of one column."""

    bound: Bound
    find: Find
    sought: Sought = field(repr=False)
    entity: Any = None
    """The model or alias that is searched; None where a table is."""

    def tokens(self) -> list[int]:
        """Return the tokens to look for."""
        return self._answer().tokens

    def rows(self) -> list[Any]:
        """Return the rows that are meant."""
        return self._answer().rows or []

    def own(self) -> SubjectId | None:
        """Return the only person whose values may be found, if there is one."""
        return self._answer().own

    def is_everybodys(self) -> bool:
        """Tell whether the values of everybody may be found."""
        return self._answer().own is None

    def is_open(self) -> bool:
        """Tell whether the rows are still being looked for, so that whatever has a token counts."""
        return self._answer().rows is None

    def _answer(self) -> Answer:
        answer = ANSWERS.get({}).get(self)
        if answer is None:
            message = f"The sealed column {self.bound.field.name} is searched through a session of the backend: session.execute(…)."
            raise NotSearchable(message)
        return answer


class Hit(sa.ColumnElement[bool]):
    """A search as a condition."""

    inherit_cache = True
    type: sa.types.TypeEngine[bool] = sa.Boolean()
    _is_implicitly_boolean = True
    _traverse_internals = [("clause", InternalTraversal.dp_clauseelement)]  # noqa: RUF012 - SQLAlchemy's way of declaring

    alive: ClassVar[WeakSet[Search]] = WeakSet()
    """Statements are looked through for searches only while there are any."""

    def __init__(self, search: Search, row: sa.ColumnElement[Any]) -> None:
        """Take the search, and the column with the row identifier in whatever the statement selects from."""
        self.search = search
        self._propagate_attrs = row._propagate_attrs  # noqa: SLF001 - so that the ORM knows its own statements
        self.clause = _clause(search, row)
        Hit.alive.add(search)

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """Return itself: it is a predicate already, and no `= 1` may be put behind it."""
        return self

    @property
    def _from_objects(self) -> Any:
        return self.clause._from_objects  # noqa: SLF001 - as every operator does


@compiles(Hit)
def _compile(element: Hit, compiler: Any, **kwargs: Any) -> str:
    return f"({compiler.process(element.clause, **kwargs)})"


def _clause(search: Search, row: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    metadata = search.bound.column.table.metadata
    token = tables_in(metadata).token
    theirs = token.c.subject == sa.bindparam(None, type_=sa.LargeBinary(), unique=True, callable_=search.own)
    hits = sa.select(RowOf(token.c.row, row.type)).where(Among(token.c.token, search.tokens), sa.or_(_is(search.is_everybodys), theirs))
    if search.sought.check is None:
        return row.in_(hits)
    named = row.in_(sa.bindparam(None, type_=row.type, unique=True, expanding=True, callable_=search.rows))
    return sa.and_(row.in_(hits), sa.or_(_is(search.is_open), named))


def _is(asked: Callable[[], bool]) -> sa.ColumnElement[bool]:
    """Return a condition that is asked for when the statement is executed."""
    return sa.bindparam(None, type_=sa.Boolean(), unique=True, callable_=asked) == sa.true()


class RowOf(sa.ColumnElement[Any]):
    """The row identifier of a token, in the type that the model has for its own."""

    inherit_cache = True
    _traverse_internals = [  # noqa: RUF012 - SQLAlchemy's way of declaring
        ("column", InternalTraversal.dp_clauseelement),
        ("type", InternalTraversal.dp_type),
    ]

    def __init__(self, column: sa.ColumnElement[Any], kind: sa.types.TypeEngine[Any]) -> None:
        """Take the token table's column and the wanted type."""
        self.column = column
        self.type = kind

    @property
    def _from_objects(self) -> Any:
        return self.column._from_objects  # noqa: SLF001 - as every operator does


@compiles(RowOf)
def _row_of(element: RowOf, compiler: Any, **kwargs: Any) -> str:
    column = compiler.process(element.column, **kwargs)
    if not isinstance(element.type, sa.Uuid):
        return str(column)
    if compiler.dialect.name == "postgresql":
        return f"CAST(encode({column}, 'hex') AS uuid)"
    return f"lower(hex({column}))"


def bound_of(expression: Any) -> Bound:
    """Return what the column behind an expression is bound to.

    Raises:
        NotSearchable: it is not a sealed column of a mapped model.
    """
    for column in expression.base_columns:
        mapper = expression._annotations.get("parentmapper")  # noqa: SLF001 - where the ORM says whose attribute it is
        if BOUND not in column.info and isinstance(mapper, Mapper):
            describe(mapper)
        found: Bound | None = column.info.get(BOUND)
        if found is not None:
            return found
    message = "Only the sealed columns of mapped models are searched; map the table first (sqlalchemy.orm.configure_mappers)."
    raise NotSearchable(message)


def beside(expression: Any, bound: Bound, key: str, entity: Any) -> sa.ColumnElement[Any]:
    """Return another attribute of the model beside a sealed column, in the same alias, join or subquery."""
    if entity is not None:
        return getattr(entity, key).__clause_element__()  # type: ignore[no-any-return]
    wanted: Any = bound.row_column if key == bound.row_key else bound.mapper.column_attrs[key].columns[0]
    found = expression.table.columns.get(wanted.name) if expression.table is not None else None
    if found is None or wanted not in found.base_columns:
        message = f"A search of {bound.field.name} needs the column {wanted.name} of the same table: select it as well."
        raise NotSearchable(message)
    return found  # type: ignore[no-any-return]


def _hits(expression: Any, find: Find, sought: list[Sought], plain: Callable[[Any], Any] | None = None) -> sa.ColumnElement[bool]:
    """Return the condition; `plain` makes one for values that are not sealed yet, while a table is being migrated."""
    bound = bound_of(expression)
    if find not in bound.field.declared.find:
        message = f"{bound.field.name} is not declared to be found like this: add Find.{find.name} to its declaration, and index it anew."
        raise NotSearchable(message)
    within = expression._annotations.get("parententity")  # noqa: SLF001 - as above
    entity = within.entity if within is not None else None
    row = beside(expression, bound, bound.row_key, entity)
    searches = [Search(bound, find, one, entity) for one in sought]
    hits: list[Any] = [Hit(search, row) for search in searches]
    if bound.was and plain is not None and searches:
        check_time(bound)
        was = beside(expression, bound, bound.was, entity)
        hits.append(sa.and_(_is(searches[0].is_everybodys), was.is_not(None), plain(was)))  # whose it is is not known before it is sealed
    return sa.or_(*hits) if hits else sa.false()


def matches(expression: Any, value: Any) -> sa.ColumnElement[bool]:
    """See `Searching.matches`."""
    sought = finding.matching(bound_of(expression).field.declared.category, value)
    return _hits(expression, Find.EXACT, [sought], lambda was: _folded(was) == _folded(value))


def starts_with(expression: Any, text: str) -> sa.ColumnElement[bool]:
    """See `Searching.starts_with`."""
    return _hits(expression, Find.PREFIX, [finding.starting_with(text)], lambda was: _folded(was).startswith(text.lower(), autoescape=True))


def sounds_like(expression: Any, text: str) -> sa.ColumnElement[bool]:
    """See `Searching.sounds_like`."""
    return _hits(expression, Find.PHONETIC, [finding.sounding_like(text)])


def between(expression: Any, low: date, high: date) -> sa.ColumnElement[bool]:
    """See `Searching.between`."""
    return _hits(expression, Find.RANGE, finding.between(low, high), lambda was: was.between(low, high))


def _folded(value: Any) -> Any:
    """Return a text without case, as far as the database knows it; that is all that is done before a value is sealed."""
    if isinstance(value, str):
        return value.lower()
    is_text = isinstance(value, sa.ColumnElement) and isinstance(value.type, sa.String) and not isinstance(value.type, sa.Enum)
    return sa.func.lower(value) if is_text else value
