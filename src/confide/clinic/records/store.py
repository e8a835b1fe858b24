"""The tables of the records, private to this package, and the fixed shapes of their queries."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import sqlalchemy as sa

from confide.access.authorise import Guarded, predicate
from confide.clinic.records.model import NO_COMPARTMENT
from confide.datamap.columns import KEYS, RANDOM, SEALED, SHAPE, TENANT, TOKENED, TYPE, WHEN
from confide.store.schema import DATA, integer_key
from confide.store.statements import AnyOf, Change, Insert, Query

if TYPE_CHECKING:
    from confide.values.permit import Reach

DOCUMENT = sa.Table(
    "document",
    DATA,
    sa.Column("key", integer_key(), primary_key=True, autoincrement=False, info=KEYS),
    sa.Column("tenant", sa.Integer, nullable=False, info=TENANT),
    sa.Column("type", sa.String(40), nullable=False, info=TYPE),
    sa.Column("id", sa.LargeBinary(16), nullable=False, info=RANDOM),
    sa.Column("pseudonym", sa.LargeBinary(16), nullable=False, info=RANDOM),
    sa.Column("patient", sa.BigInteger, info=KEYS),
    sa.Column("compartments", sa.SmallInteger, nullable=False, info=SHAPE),
    sa.Column("version", sa.Integer, nullable=False, info=SHAPE),
    sa.Column("updated", sa.BigInteger, nullable=False, info=WHEN),
    sa.Column("deleted", sa.SmallInteger, nullable=False, info=SHAPE),
    sa.UniqueConstraint("tenant", "id"),
    sa.Index(None, "patient", "type", "key"),
    sa.Index(None, "tenant", "type", "key"),
)
"""One row for each resource, with its current version. `compartments` is 0, 1, or 2 for several; `updated` in µs since 1970."""

VERSION = sa.Table(
    "version",
    DATA,
    sa.Column("document", sa.BigInteger, primary_key=True, info=KEYS),
    sa.Column("number", sa.Integer, primary_key=True, info=SHAPE),
    sa.Column("tenant", sa.Integer, nullable=False, info=TENANT),
    sa.Column("patient", sa.BigInteger, info=KEYS),
    sa.Column("compartments", sa.SmallInteger, nullable=False, info=SHAPE),
    sa.Column("updated", sa.BigInteger, nullable=False, info=WHEN),
    sa.Column("method", sa.String(6), nullable=False, info=SHAPE),
    sa.Column("sealed", sa.LargeBinary, info=SEALED),
    sqlite_with_rowid=False,
)
"""One row for each version, never changed; `sealed` is null for the version that says deleted."""

TOKEN = sa.Table(
    "token",
    DATA,
    sa.Column("parameter", sa.Integer, primary_key=True, info=SHAPE),
    sa.Column("value", sa.BigInteger, primary_key=True, info=TOKENED),
    sa.Column("document", sa.BigInteger, primary_key=True, info=KEYS),
    sa.Index(None, "document"),
    sqlite_with_rowid=False,
)
"""The blind index of current versions: keyed 63-bit hashes, hard-deleted with their document."""

SHARED = sa.Table(
    "shared_version",
    DATA,
    sa.Column("patient", sa.BigInteger, primary_key=True, info=KEYS),
    sa.Column("document", sa.BigInteger, primary_key=True, info=KEYS),
    sa.Column("number", sa.Integer, primary_key=True, info=SHAPE),
    sa.Index(None, "document"),
    sqlite_with_rowid=False,
)
"""Which patients a version is about that names several. It stays when a later version names others, so that each version is read, and
erased, by those whom it names."""

ERASED = sa.Table(
    "erased",
    DATA,
    sa.Column("tenant", sa.Integer, primary_key=True, autoincrement=False, info=TENANT),
    sa.Column("entries", sa.Integer, nullable=False, info=SHAPE),
    sa.Column("head", sa.LargeBinary(32), nullable=False, info=SHAPE),
)
"""How far the shred ledger has been carried out in this database."""

IMPORTED = sa.Table(
    "import_journal",
    DATA,
    sa.Column("tenant", sa.Integer, primary_key=True, autoincrement=False, info=TENANT),
    sa.Column("digest", sa.LargeBinary(32), primary_key=True, info=RANDOM),
    sa.Column("imported", sa.BigInteger, nullable=False, info=WHEN),
    sqlite_with_rowid=False,
)
"""`digest` is a keyed hash of the file's bytes, which tells nothing without the index key; `imported` in µs since 1970."""

ADD_DOCUMENT, ADD_VERSION, ADD_TOKEN, ADD_SHARED = Insert(DOCUMENT), Insert(VERSION), Insert(TOKEN), Insert(SHARED)

ADVANCE = Change(
    sa.update(DOCUMENT)
    .where(DOCUMENT.c.key == sa.bindparam("this"), DOCUMENT.c.version == sa.bindparam("seen"))
    .values(
        version=sa.bindparam("version"),
        updated=sa.bindparam("updated"),
        deleted=sa.bindparam("deleted"),
        patient=sa.bindparam("patient"),
        compartments=sa.bindparam("compartments"),
    )
)
"""Moves a document to its next version, if it still has the version that was seen."""

DROP_TOKENS = Change(sa.delete(TOKEN).where(TOKEN.c.document == sa.bindparam("this")))
DROP_SHARED = Change(sa.delete(SHARED).where(SHARED.c.document == sa.bindparam("this"), SHARED.c.number < sa.bindparam("below")))
DROP_VERSIONS = Change(sa.delete(VERSION).where(VERSION.c.document == sa.bindparam("this"), VERSION.c.number < sa.bindparam("below")))
DROP_DOCUMENT = Change(sa.delete(DOCUMENT).where(DOCUMENT.c.key == sa.bindparam("this")))
DROP_MOVED = Change(sa.delete(VERSION).where(VERSION.c.patient == sa.bindparam("patient"), VERSION.c.document == sa.bindparam("this")))
LEAVE = Change(sa.update(DOCUMENT).where(DOCUMENT.c.key == sa.bindparam("this")).values(deleted=1))
"""Nothing new can be stored about a patient whose document is deleted."""
ALL_VERSIONS = 2**31 - 1
"""Above every version number."""

_OWNER = DOCUMENT.alias("owner")


def _guard(table: sa.Table, *shared: sa.ColumnElement[bool]) -> Guarded:
    among = sa.exists().where(*shared, SHARED.c.patient == sa.bindparam("own"))
    return Guarded(table.c.tenant, table.c.patient, among, table.c.compartments == NO_COMPARTMENT)


_CURRENT = _guard(DOCUMENT, SHARED.c.document == DOCUMENT.c.key, SHARED.c.number == DOCUMENT.c.version)
_ANY_VERSION = _guard(VERSION, SHARED.c.document == VERSION.c.document, SHARED.c.number == VERSION.c.number)

_COLUMNS = (
    DOCUMENT.c.key,
    DOCUMENT.c.id,
    DOCUMENT.c.pseudonym,
    DOCUMENT.c.version,
    DOCUMENT.c.deleted,
    VERSION.c.number,
    VERSION.c.patient,
    VERSION.c.compartments,
    VERSION.c.updated,
    VERSION.c.method,
    VERSION.c.sealed,
    _OWNER.c.id,
    _OWNER.c.pseudonym,
)
_VERSIONS = DOCUMENT.join(VERSION, VERSION.c.document == DOCUMENT.c.key).outerjoin(_OWNER, _OWNER.c.key == VERSION.c.patient)
_NEWEST = sa.select(*_COLUMNS).select_from(_VERSIONS).where(VERSION.c.number == DOCUMENT.c.version)
_TYPED = DOCUMENT.c.type == sa.bindparam("type")


@lru_cache(maxsize=64)
def read_one(reach: Reach) -> Query:
    """The current version of one document."""
    return Query(_NEWEST.where(predicate(_CURRENT, reach), _TYPED, DOCUMENT.c.id == sa.bindparam("id")))


@lru_cache(maxsize=64)
def read_version(reach: Reach) -> Query:
    """One version of one document, by the compartment that this version was in."""
    select = sa.select(*_COLUMNS).select_from(_VERSIONS)
    chosen = (_TYPED, DOCUMENT.c.id == sa.bindparam("id"), VERSION.c.number == sa.bindparam("number"))
    return Query(select.where(predicate(_ANY_VERSION, reach), *chosen))


@lru_cache(maxsize=64)
def read_history(reach: Reach) -> Query:
    """Versions of one document below a number, newest first."""
    select = sa.select(*_COLUMNS).select_from(_VERSIONS)
    chosen = (_TYPED, DOCUMENT.c.id == sa.bindparam("id"), VERSION.c.number < sa.bindparam("below"))
    rows = select.where(predicate(_ANY_VERSION, reach), *chosen).order_by(VERSION.c.number.desc())
    return Query(rows.limit(sa.bindparam("count", type_=sa.Integer)))


@lru_cache(maxsize=512)
def search(reach: Reach, filters: int, *, by_patient: bool, by_ids: bool) -> Query:
    """Candidates of a search: each of `filters` token lists must be met; `p0`, `t0`, … bind them."""
    conditions = [predicate(_CURRENT, reach), _TYPED, DOCUMENT.c.deleted == 0, DOCUMENT.c.key > sa.bindparam("after")]
    if by_patient:
        named = (SHARED.c.patient == sa.bindparam("about"), SHARED.c.document == DOCUMENT.c.key, SHARED.c.number == DOCUMENT.c.version)
        conditions.append(sa.or_(DOCUMENT.c.patient == sa.bindparam("about"), sa.exists().where(*named)))
    if by_ids:
        conditions.append(AnyOf(DOCUMENT.c.key, "keys", sa.BigInteger))
    for at in range(filters):
        hits = sa.select(TOKEN.c.document).where(TOKEN.c.parameter == sa.bindparam(f"p{at}"), AnyOf(TOKEN.c.value, f"t{at}", sa.BigInteger))
        conditions.append(DOCUMENT.c.key.in_(hits))
    return Query(_NEWEST.where(*conditions).order_by(DOCUMENT.c.key).limit(sa.bindparam("count", type_=sa.Integer)))


ADD_IMPORTED = Insert(IMPORTED)

IMPORTED_BEFORE = Query(
    sa.select(IMPORTED.c.imported).where(IMPORTED.c.tenant == sa.bindparam("tenant"), IMPORTED.c.digest == sa.bindparam("digest"))
)

SHARED_WITH = Query(
    sa.select(SHARED.c.patient).where(SHARED.c.document == sa.bindparam("document"), SHARED.c.number == sa.bindparam("number"))
)

_MINE = sa.or_(DOCUMENT.c.patient == sa.bindparam("patient"), DOCUMENT.c.key == sa.bindparam("patient"))
OWN = Query(
    sa.select(DOCUMENT.c.key, DOCUMENT.c.id)
    .where(DOCUMENT.c.patient == sa.bindparam("patient"), DOCUMENT.c.key != sa.bindparam("patient"))
    .order_by(DOCUMENT.c.key)
    .limit(sa.bindparam("count", type_=sa.Integer))
)
"""Documents in one patient's compartment, the Patient itself left out."""
MOVED = Query(
    sa.select(VERSION.c.document)
    .where(VERSION.c.patient == sa.bindparam("patient"))
    .distinct()
    .limit(sa.bindparam("count", type_=sa.Integer))
)
"""Documents some version of which was in the compartment: once the compartment is empty, those that are elsewhere by now."""
NAMING = Query(
    _NEWEST.where(DOCUMENT.c.key.in_(sa.select(SHARED.c.document).where(SHARED.c.patient == sa.bindparam("patient"))))
    .order_by(DOCUMENT.c.key)
    .limit(sa.bindparam("count", type_=sa.Integer))
)
"""Documents some version of which names the patient among others."""
COUNT_OWN = Query(sa.select(DOCUMENT.c.type, sa.func.count()).where(_MINE).group_by(DOCUMENT.c.type).order_by(DOCUMENT.c.type))
COUNT_NAMING = Query(sa.select(sa.func.count(SHARED.c.document.distinct())).where(SHARED.c.patient == sa.bindparam("patient")))

REACHED = Query(sa.select(ERASED.c.entries, ERASED.c.head).where(ERASED.c.tenant == sa.bindparam("tenant")))
BEGIN_ERASED = Insert(ERASED)
ADVANCE_ERASED = Change(
    sa.update(ERASED)
    .where(ERASED.c.tenant == sa.bindparam("this"), ERASED.c.entries == sa.bindparam("seen"))
    .values(entries=sa.bindparam("entries"), head=sa.bindparam("head"))
)
