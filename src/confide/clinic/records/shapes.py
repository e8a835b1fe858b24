"""The shapes of a search, and which index leads in each. Private to this package.

A search first finds the documents of one page, in the order of their keys and without touching a sealed byte, then fetches their
versions. Exactly one index can lead, whatever the statistics say: a planner that has a choice walks through every document of a type
when it is wrong.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from confide.access.authorise import predicate
from confide.clinic.records.model import SEVERAL_COMPARTMENTS
from confide.clinic.records.store import DOCUMENT, SHARED, TOKEN, guard, with_versions
from confide.store.statements import AnyOf, Query, Unindexed

if TYPE_CHECKING:
    from confide.values.permit import Reach

_ONE = DOCUMENT.alias("candidate")
_COLUMNS = (
    *(_ONE.c.key, _ONE.c.id, _ONE.c.pseudonym, _ONE.c.version, _ONE.c.deleted, _ONE.c.type),
    *(_ONE.c.patient, _ONE.c.compartments),
)
_AMONG = SHARED.alias("among")
_SHARING = (SHARED.c.document == _ONE.c.key, SHARED.c.number == _ONE.c.version)
_SHARED = _ONE.c.compartments == SEVERAL_COMPARTMENTS
_AFTER: sa.BindParameter[int] = sa.bindparam("after")
_ABOUT: sa.BindParameter[int] = sa.bindparam("about")
_TYPE: sa.BindParameter[str] = sa.bindparam("type")


@lru_cache(maxsize=512)
def search(reach: Reach, filters: int, *, single: bool, gathered: int = 0, by_patient: bool, by_ids: bool) -> Query:
    """Return the query of the first candidates by key among the rows of a reach; the rows of the page come in any order.

    Args:
        reach: which rows the caller may see
        filters: how many token lists must be met; `p0`, `t0`, … bind them
        single: whether the first of them is one token, bound as `t0`, and not a list
        gathered: for how many of those after the first all documents are gathered, each token of the list looked up once; for the rest
            the tokens of each candidate are read
        by_patient: whether the patient `about` is named
        by_ids: whether the list `keys` is given
    """
    leading: sa.Select[Any] | sa.CompoundSelect[Any]
    if by_ids:
        leading = _by_keys(reach, filters, by_patient=by_patient)
    elif filters:
        leading = _by_tokens(reach, filters, single=single, gathered=gathered, by_patient=by_patient)
    else:
        leading = _by_patient(reach) if by_patient else _by_type(reach)
    return Query(with_versions(leading.order_by("key").limit(sa.bindparam("count", type_=sa.Integer)).subquery("page")))


def _by_keys(reach: Reach, filters: int, *, by_patient: bool) -> sa.Select[Any]:
    """The primary key of the documents leads."""
    rest = [_meets(at) for at in range(filters)]
    wanted = (AnyOf(_ONE.c.key, "keys", sa.BigInteger), _ONE.c.key > _AFTER)
    return sa.select(*_COLUMNS).where(*wanted, *_checked(reach, by_patient=by_patient), *rest)


def _by_tokens(reach: Reach, filters: int, *, single: bool, gathered: int, by_patient: bool) -> sa.Select[Any]:
    """The index of the tokens leads. One token has its documents in order already, so nothing is sorted, and a page ends early."""
    hits = sa.select(TOKEN.c.document).where(TOKEN.c.document > _AFTER)
    lists = [
        hits.where(TOKEN.c.parameter == sa.bindparam(f"p{at}"), AnyOf(TOKEN.c.value, f"t{at}", sa.BigInteger)) for at in range(gathered + 1)
    ]
    first: sa.Subquery
    if gathered:
        first = sa.intersect(*lists).subquery("first")
    elif single:
        first = hits.where(TOKEN.c.parameter == sa.bindparam("p0"), TOKEN.c.value == sa.bindparam("t0")).subquery("first")
    else:
        first = lists[0].distinct().subquery("first")
    columns = (first.c.document.label("key"), *_COLUMNS[1:])
    joined = sa.select(*columns).select_from(first.join(_ONE, _ONE.c.key == first.c.document))
    return joined.where(*_checked(reach, by_patient=by_patient), *(_meets(at) for at in range(gathered + 1, filters)))


def _by_patient(reach: Reach) -> sa.CompoundSelect[Any]:
    """The index of patient, type and key leads, beside the documents that are shared with the patient."""
    allowed = predicate(guard(_ONE, *_SHARING, indexed=False), reach)
    own = sa.select(*_COLUMNS).where(_ONE.c.patient == _ABOUT, _ONE.c.type == _TYPE, _ONE.c.key > _AFTER, _ONE.c.deleted == 0, allowed)
    joined = sa.select(_AMONG.c.document, *_COLUMNS[1:]).select_from(_AMONG.join(_ONE, _ONE.c.key == _AMONG.c.document))
    wanted = (_AMONG.c.patient == _ABOUT, _AMONG.c.document > _AFTER, _AMONG.c.number == _ONE.c.version, _SHARED)
    return own.union_all(joined.where(*wanted, *_checked(reach, by_patient=False)))


def _by_type(reach: Reach) -> sa.Select[Any]:
    """The index of tenant, type and key leads."""
    allowed = predicate(guard(_ONE, *_SHARING), reach)
    return sa.select(*_COLUMNS).where(allowed, _ONE.c.type == _TYPE, _ONE.c.key > _AFTER, _ONE.c.deleted == 0)


def _checked(reach: Reach, *, by_patient: bool) -> list[sa.ColumnElement[bool]]:
    """What a document found by another index must be; no index may serve it."""
    found = [predicate(guard(_ONE, *_SHARING, indexed=False), reach), Unindexed(_ONE.c.type) == _TYPE, _ONE.c.deleted == 0]
    if by_patient:
        among = sa.exists().where(*_SHARING, SHARED.c.patient == _ABOUT, _SHARED)
        found.append(sa.or_(Unindexed(_ONE.c.patient) == _ABOUT, among))
    return found


def _meets(at: int) -> sa.ColumnElement[bool]:
    """Whether a document has one of the tokens of a filter: its few tokens are read, and not each of the list looked up."""
    token = TOKEN.alias(f"other{at}")
    value, parameter = Unindexed(token.c.value), Unindexed(token.c.parameter)
    conditions = (parameter == sa.bindparam(f"p{at}"), AnyOf(value, f"t{at}", sa.BigInteger))
    return sa.exists().where(*conditions, token.c.document == _ONE.c.key)
