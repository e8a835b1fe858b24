"""Find out, before a statement is executed, which tokens its searches look for and which candidates are meant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BooleanClauseList

from confide.adopt.index import wanted
from confide.adopt.refusals import NotSearchable
from confide.adopt.scope import current
from confide.adopt.sqlalchemy.among import Among
from confide.adopt.sqlalchemy.described import vault_of
from confide.adopt.sqlalchemy.search import ANSWERS, ROWS, Answer, Hit, Search, beside
from confide.adopt.tables import tables_in
from confide.values.permit import Action

if TYPE_CHECKING:
    from sqlalchemy.orm import ORMExecuteState, Session


def seek(state: ORMExecuteState) -> sa.Result[Any] | None:
    """Execute a statement that searches sealed columns; None for any other.

    Raises:
        NobodyActs, Denied, NotSearchable, TooManyTokens
    """
    if not Hit.alive:
        return None
    known, statement = ANSWERS.get({}), cast("Any", state.statement)
    hits = {one.search: one for one in visitors.iterate(statement) if isinstance(one, Hit) and one.search not in known}
    if not hits:
        return None
    if state.session.autoflush and state.execution_options.get("autoflush", True):
        state.session.flush()  # what was added and is not stored yet is not in the index either
    scope = current()
    answers = {search: Answer(scope.search(search.bound.field), _tokens(search, state.session)) for search in hits}
    outer = ANSWERS.set({**known, **answers})
    try:
        for search, hit in hits.items():
            if search.sought.check is not None:
                answers[search] = replace(answers[search], rows=_meant(state, hit))
        ANSWERS.set({**known, **answers})
        return state.invoke_statement()
    finally:
        ANSWERS.reset(outer)


def _tokens(search: Search, session: Session) -> list[int]:
    connection = session.connection(bind_arguments={"mapper": search.bound.mapper})
    vault, token = vault_of(search.bound.mapper), tables_in(search.bound.column.table.metadata).token

    def look_up(tokens: list[int]) -> set[int]:
        return set(connection.execute(sa.select(token.c.token).where(Among(token.c.token, tokens))).scalars())

    return wanted(vault, vault.tenant(), search.bound.field, search.find, search.sought.entries, look_up)


def _meant(state: ORMExecuteState, hit: Hit) -> list[Any]:
    """Open the candidates of a search and return the rows that are meant."""
    search, bound = hit.search, hit.search.bound
    vault = vault_of(bound.mapper)
    statement = _candidates(state.statement, hit).limit(ROWS + 1)
    rows = state.session.execute(statement, bind_arguments={"mapper": bound.mapper}).all()
    if len(rows) > ROWS:
        message = f"The search by {bound.field.name} has more than {ROWS} candidates to check: search for more of it."
        raise NotSearchable(message)
    found = []
    with current().doing(Action.SEARCH) as scope:
        reader = scope.reader(bound.field)
        vault.keys.load([row[0] for row in rows if row[0] is not None])
        for envelope, *given in rows:
            if envelope is None:
                continue
            values = dict(zip(bound.needs(), given, strict=True))
            value = vault.read(reader, *bound.where(values), envelope)
            if search.sought.check is not None and search.sought.check(value):
                found.append(values[bound.row_key])
    return found


def _candidates(statement: Any, hit: Hit) -> sa.Select[Any]:
    """Return what selects the candidates: under the other conditions of the statement, where it is plain enough to tell."""
    bound = hit.search.bound
    entity = hit.search.entity or bound.mapper.entity
    columns = [getattr(entity, key) for key in (bound.key, *bound.needs())]
    if hit.search.entity is not None and _is_plain(statement) and _always(statement, hit):
        narrowed: sa.Select[Any] = statement.with_only_columns(*columns, maintain_column_froms=True)
        return narrowed.order_by(None).limit(None).offset(None).distinct()
    return sa.select(*columns).where(Hit(hit.search, beside(getattr(entity, bound.key), bound, bound.row_key, entity)))


def _is_plain(statement: Any) -> bool:
    """Tell whether a statement selects rows one by one."""
    return isinstance(statement, sa.Select) and not (
        statement._group_by_clauses or statement._having_criteria or statement._for_update_arg is not None  # noqa: SLF001 - no other way to ask
    )


def _always(statement: sa.Select[Any], hit: Hit) -> bool:
    """Tell whether a search stands among conditions that must all hold."""
    where = statement.whereclause
    among = where.clauses if isinstance(where, BooleanClauseList) and where.operator is operators.and_ else [where]
    return any(isinstance(one, Hit) and one.search is hit.search for one in among)
