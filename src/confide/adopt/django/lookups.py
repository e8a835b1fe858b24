"""Searches of sealed fields through the manager of a model: rows whose tokens are in the blind index.

The condition is made while the query is compiled, on the connection that it runs on, since that takes look-ups in the index. What is
searched for stays in the look-up: neither the query nor a log shows it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import EmptyResultSet, ValidationError
from django.db.models import Expression, Lookup, UUIDField
from django.db.models.expressions import Col
from django.db.models.lookups import IsNull

from confide.adopt.django.allowed import is_limited, may_open
from confide.adopt.django.column import SealedCol
from confide.adopt.django.described import describe, row_field
from confide.adopt.django.indexing import among, look_up, row_of_token
from confide.adopt.django.project import vault
from confide.adopt.index import wanted
from confide.adopt.refusals import NotSearchable
from confide.adopt.scope import current
from confide.sealed import finding
from confide.sealed.errors import WrongKind
from confide.sealed.finding import Find, Sought
from confide.values.permit import Action

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from confide.sealed.columns import Field
    from confide.values.ids import SubjectId

    Condition = tuple[str, list[Any]]

ROWS = 10_000
"""Candidates that one search may open to check them."""
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, eq=False)
class Looked:
    """What a look-up looks for; it prints nothing of it."""

    sought: list[Sought] = field(repr=False)


class Searching(Lookup):
    """A search of a sealed field."""

    find: ClassVar[Find]

    def get_prep_lookup(self) -> Looked | None:
        """Take what is looked for; None, which Django makes `isnull` of.

        Raises:
            NotSearchable, SearchRefused, WrongKind
        """
        of = self.lhs.output_field
        if self.rhs is None:
            return None
        if not isinstance(self.lhs, SealedCol) or hasattr(self.rhs, "resolve_expression"):
            raise NotSearchable(_refusal(of, self.lookup_name, "a sealed field is searched for values of the program only"))
        if self.find not in of.declared.find:
            raise NotSearchable(_refusal(of, self.lookup_name, f"add Find.{self.find.name} to its declaration, and save the rows anew"))
        return Looked(self.seek(of))

    def seek(self, of: Any) -> list[Sought]:
        """Return what is looked for."""
        raise NotImplementedError

    def as_sql(self, compiler: Any, connection: Any) -> Condition:
        """Return the condition.

        Raises:
            EmptyResultSet: nothing can be found, or this is a request in which nobody acts.
            NobodyActs: there is no request either.
            Denied, TooManyTokens, NotSearchable
        """
        of = self.lhs.target
        at_home = describe(of.model).bound[of.attname].field  # type: ignore[union-attr]  # it has this field
        if current().principal is None:
            raise EmptyResultSet
        own = current().search(at_home)
        row, parameters = compiler.compile(Col(self.lhs.alias, row_field(of.model)))
        found = [hit for sought in self.rhs.sought if sought.entries for hit in self._hits(sought, at_home, own, row, connection)]
        if not found:
            raise EmptyResultSet
        clause = " OR ".join(sql for sql, _ in found)
        return f"({clause})", [one for _, given in found for one in (*parameters, *given)]

    def _hits(self, sought: Sought, at_home: Field, own: SubjectId | None, row: str, connection: Any) -> Iterator[Condition]:
        found = vault()
        tokens = wanted(found, found.tenant(), at_home, self.find, sought.entries, lambda some: look_up(connection.alias, some))
        if not tokens:
            return
        if sought.check is None and not is_limited(current(), self.lhs.target.model):
            hits, parameters = Tokens(tokens, own).as_sql(None, connection)
            yield f"{row} IN {hits}", parameters
            return
        rows = self._meant(sought, Tokens(tokens, own), connection.alias)
        if rows:
            listed: list[Any] = rows if connection.features.has_native_uuid_field else [one.hex for one in rows]
            yield among(connection, row, listed, "uuid")

    def _meant(self, sought: Sought, tokens: Tokens, using: str) -> list[UUID]:
        """Open the candidates of a search, as far as whoever acts may, and return the rows that are meant."""
        of = self.lhs.target
        row = row_field(of.model)
        candidates = of.model._base_manager.using(using).filter(**{f"{row.name}__in": tokens})[: ROWS + 1]  # noqa: SLF001 - Django's documented manager
        listed = list(candidates)
        if len(listed) > ROWS:
            message = f"The search by {of.model.__name__}.{of.name} has more than {ROWS} candidates to check: search for more of it."
            raise NotSearchable(message)
        with current().doing(Action.SEARCH) as scope:
            return [
                getattr(one, row.attname)
                for one in listed
                if may_open(scope, one) and (sought.check is None or sought.check(getattr(one, of.attname)))
            ]


class Tokens(Expression):
    """Rows that have one of some tokens, for `row__in`."""

    def __init__(self, tokens: list[int], own: SubjectId | None) -> None:
        """Take the tokens; the only person whose rows count, if there is one."""
        super().__init__(output_field=UUIDField())
        self._tokens, self._own = tokens, own

    def as_sql(self, _compiler: Any, connection: Any) -> Condition:
        """Return the subquery."""
        having, parameters = among(connection, "token", self._tokens, "bigint")
        if self._own is not None:
            having, parameters = f"{having} AND subject = %s", [*parameters, self._own]
        return f"(SELECT {row_of_token(connection)} FROM confide_token WHERE {having})", parameters  # noqa: S608 - no part comes from outside


def _typed(of: Any, value: Any) -> Any:
    try:
        return of.inner.to_python(value)
    except ValidationError:
        message = f"What {of.model.__name__}.{of.name} is searched for is not of the type that the field declares."
        raise WrongKind(message) from None


class Exact(Searching):
    """The whole value; texts without case, names without marks and punctuation either."""

    lookup_name = "exact"
    find = Find.EXACT

    def seek(self, of: Any) -> list[Sought]:
        """See `Searching.seek`."""
        return [finding.matching(of.declared.category, _typed(of, self.rhs))]


class Among(Searching):
    """One of several whole values."""

    lookup_name = "in"
    find = Find.EXACT

    def seek(self, of: Any) -> list[Sought]:
        """See `Searching.seek`."""
        sought = [finding.matching(of.declared.category, _typed(of, one)) for one in self.rhs if one is not None]
        return [Sought([entry for one in sought for entry in one.entries])]


class StartsWith(Searching):
    """The beginning of a text, two letters or more, without case."""

    lookup_name = "startswith"
    find = Find.PREFIX

    def seek(self, of: Any) -> list[Sought]:  # noqa: ARG002 - as `Searching.seek`
        """See `Searching.seek`."""
        return [finding.starting_with(str(self.rhs))]


class SoundsLike(Searching):
    """What sounds alike in English."""

    lookup_name = "sounds_like"
    find = Find.PHONETIC

    def seek(self, of: Any) -> list[Sought]:  # noqa: ARG002 - as `Searching.seek`
        """See `Searching.seek`."""
        return [finding.sounding_like(str(self.rhs))]


class Range(Searching):
    """Days or moments between two, both included."""

    lookup_name = "range"
    find = Find.RANGE

    def seek(self, of: Any) -> list[Sought]:
        """See `Searching.seek`."""
        low, high = (_typed(of, one) for one in self.rhs)
        return finding.between(low, high)


class AtLeast(Searching):
    """From a day or moment on."""

    lookup_name = "gte"
    find = Find.RANGE

    def seek(self, of: Any) -> list[Sought]:
        """See `Searching.seek`."""
        low = _typed(of, self.rhs)
        return finding.between(low, _end(low))


class AtMost(Searching):
    """Up to a day or moment."""

    lookup_name = "lte"
    find = Find.RANGE

    def seek(self, of: Any) -> list[Sought]:
        """See `Searching.seek`."""
        high = _typed(of, self.rhs)
        return finding.between(_beginning(high), high)


class After(Searching):
    """Later than a day or moment."""

    lookup_name = "gt"
    find = Find.RANGE

    def seek(self, of: Any) -> list[Sought]:
        """See `Searching.seek`."""
        low = _typed(of, self.rhs) + _step(of)
        return finding.between(low, _end(low))


class Before(Searching):
    """Earlier than a day or moment."""

    lookup_name = "lt"
    find = Find.RANGE

    def seek(self, of: Any) -> list[Sought]:
        """See `Searching.seek`."""
        high = _typed(of, self.rhs) - _step(of)
        return finding.between(_beginning(high), high)


def _step(of: Any) -> dt.timedelta:
    return _DAY if of.inner.get_internal_type() == "DateField" else dt.timedelta(microseconds=1)


def _beginning(like: dt.date) -> dt.date:
    """Return the first day that there is, or a moment near its beginning, where time zones have room."""
    return _moment(dt.date.min + _DAY, like) if isinstance(like, dt.datetime) else dt.date.min


def _end(like: dt.date) -> dt.date:
    """Return the last day that there is, or a moment near its end."""
    return _moment(dt.date.max - _DAY, like) if isinstance(like, dt.datetime) else dt.date.max


def _moment(day: dt.date, like: dt.datetime) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tzinfo=like.tzinfo)


class Empty(IsNull):
    """Whether there is a value, which the database knows."""

    def process_lhs(self, compiler: Any, connection: Any, lhs: Any = None) -> Condition:  # noqa: ARG002 - Django's signature
        """Return the column."""
        sql, parameters = Col(self.lhs.alias, self.lhs.target).as_sql(compiler, connection)
        return sql, parameters


class Refused(Lookup):
    """What ciphertext cannot answer."""

    def get_prep_lookup(self) -> Any:
        """Refuse.

        Raises:
            NotSearchable
        """
        instead = "use exact, in, startswith, sounds_like, range, gte, gt, lte, lt or isnull, as the field declares"
        raise NotSearchable(_refusal(self.lhs.output_field, self.asked, instead))

    asked: ClassVar[str] = ""


def _refusal(of: Any, lookup: str | None, instead: str) -> str:
    return f"The sealed field {of.model.__name__}.{of.name} cannot be searched by {lookup} like this: {instead}."


_LOOKUPS: dict[str, Any] = {one.lookup_name: one for one in (Exact, Among, StartsWith, SoundsLike, Range, AtLeast, AtMost, After, Before)}
_LOOKUPS |= {"iexact": Exact, "istartswith": StartsWith, "isnull": Empty}


def lookup_of(name: str) -> Any:
    """Return the look-up of a name."""
    return _LOOKUPS.get(name) or type("Refused", (Refused,), {"asked": name, "lookup_name": name})
