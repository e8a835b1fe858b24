"""The tables of the records, private to this package, and the fixed shapes of their queries."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from confide.access.authorise import Guarded, predicate
from confide.clinic.records.model import NO_COMPARTMENT, SEVERAL_COMPARTMENTS
from confide.datamap.columns import KEYS, RANDOM, SEALED, SHAPE, TENANT, TOKENED, TYPE, WHEN
from confide.store.schema import DATA, integer_key
from confide.store.statements import Change, Insert, Listing, Query, Unindexed

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
"""The blind index of current versions: keyed 63-bit hashes, hard-deleted with their document. A negative document is none: see `blind`."""

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
DROP_MARKS = Change(sa.delete(TOKEN).where(TOKEN.c.document >= sa.bindparam("above"), TOKEN.c.document < sa.bindparam("below")))
DROP_SHARED = Change(sa.delete(SHARED).where(SHARED.c.document == sa.bindparam("this"), SHARED.c.number < sa.bindparam("below")))
DROP_VERSIONS = Change(sa.delete(VERSION).where(VERSION.c.document == sa.bindparam("this"), VERSION.c.number < sa.bindparam("below")))
DROP_DOCUMENT = Change(sa.delete(DOCUMENT).where(DOCUMENT.c.key == sa.bindparam("this")))
DROP_MOVED = Change(sa.delete(VERSION).where(VERSION.c.patient == sa.bindparam("patient"), VERSION.c.document == sa.bindparam("this")))
LEAVE = Change(sa.update(DOCUMENT).where(DOCUMENT.c.key == sa.bindparam("this")).values(deleted=1))
"""Nothing new can be stored about a patient whose document is deleted."""
ALL_VERSIONS = 2**31 - 1
"""Above every version number."""

_OWNER = DOCUMENT.alias("owner")


def guard(table: sa.FromClause, *shared: sa.ColumnElement[bool], indexed: bool = True) -> Guarded:
    """Return what access is decided by; `shared` says which rows of `shared_version` a row of the table has.

    Args:
        table: a table with the columns tenant, patient and compartments
        shared: conditions that tie `shared_version` to it
        indexed: whether an index may serve the conditions on tenant and patient
    """
    # Of a document in one compartment nothing is shared, whatever the rows of `shared_version` say.
    among = sa.exists().where(*shared, SHARED.c.patient == sa.bindparam("own"), table.c.compartments == SEVERAL_COMPARTMENTS)
    tenant, patient = (table.c.tenant, table.c.patient) if indexed else (Unindexed(table.c.tenant), Unindexed(table.c.patient))
    return Guarded(tenant, patient, among, table.c.compartments == NO_COMPARTMENT)


_CURRENT = guard(DOCUMENT, SHARED.c.document == DOCUMENT.c.key, SHARED.c.number == DOCUMENT.c.version)
_ANY_VERSION = guard(VERSION, SHARED.c.document == VERSION.c.document, SHARED.c.number == VERSION.c.number)

_THIS = (
    DOCUMENT.c.tenant == sa.bindparam("tenant"),
    DOCUMENT.c.id == sa.bindparam("id"),
    Unindexed(DOCUMENT.c.type) == sa.bindparam("type"),
)
"""One document. The tenant stands here although every guard asks for it: that of a version serves no index."""


def with_versions(documents: sa.FromClause, *, newest: bool = True) -> sa.Select[Any]:
    """Return what `records.model.found` takes: documents with the newest version of each, or all, and the patient it is about.

    Whose a version is comes from the very columns that access is decided by, so that what decides is what the envelope is bound to:
    from the document for the newest version, else from the version.
    """
    whose = documents if newest else VERSION
    joined = documents.join(VERSION, VERSION.c.document == documents.c.key).outerjoin(_OWNER, _OWNER.c.key == whose.c.patient)
    these = (SHARED.c.document == documents.c.key, SHARED.c.number == VERSION.c.number)
    among = sa.select(Listing(SHARED.c.patient)).select_from(SHARED).where(*these).scalar_subquery()
    columns = (
        *(documents.c.key, documents.c.id, documents.c.pseudonym, documents.c.version, documents.c.deleted, documents.c.type),
        *(VERSION.c.number, whose.c.patient, whose.c.compartments),
        sa.case((whose.c.compartments == SEVERAL_COMPARTMENTS, among)),
        *(VERSION.c.updated, VERSION.c.method, VERSION.c.sealed),
        *(_OWNER.c.id, _OWNER.c.pseudonym),
    )
    found = sa.select(*columns).select_from(joined)
    return found.where(VERSION.c.number == documents.c.version) if newest else found


@lru_cache(maxsize=64)
def read_one(reach: Reach) -> Query:
    """The current version of one document."""
    return Query(with_versions(DOCUMENT).where(predicate(_CURRENT, reach), *_THIS))


@lru_cache(maxsize=64)
def read_version(reach: Reach) -> Query:
    """One version of one document, by the compartment that this version was in."""
    rows = with_versions(DOCUMENT, newest=False).where(predicate(_ANY_VERSION, reach), *_THIS)
    return Query(rows.where(VERSION.c.number == sa.bindparam("number")))


@lru_cache(maxsize=64)
def read_history(reach: Reach) -> Query:
    """Versions of one document below a number, newest first."""
    rows = with_versions(DOCUMENT, newest=False).where(predicate(_ANY_VERSION, reach), *_THIS)
    below = rows.where(VERSION.c.number < sa.bindparam("below"))
    return Query(below.order_by(VERSION.c.number.desc()).limit(sa.bindparam("count", type_=sa.Integer)))


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
    with_versions(DOCUMENT)
    .where(DOCUMENT.c.key.in_(sa.select(SHARED.c.document).where(SHARED.c.patient == sa.bindparam("patient"))))
    .where(DOCUMENT.c.key > sa.bindparam("after"))
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

_HEADER = sa.func.substr(VERSION.c.sealed, 1, 12)
HEADERS = Query(
    sa.select(VERSION.c.document, VERSION.c.number, _HEADER)
    .where(
        VERSION.c.tenant == sa.bindparam("tenant"),
        VERSION.c.sealed.is_not(None),
        sa.or_(
            VERSION.c.document > sa.bindparam("after"),
            sa.and_(VERSION.c.document == sa.bindparam("after"), VERSION.c.number > sa.bindparam("number")),
        ),
    )
    .order_by(VERSION.c.document, VERSION.c.number)
    .limit(sa.bindparam("count", type_=sa.Integer))
)
"""The envelope headers of all versions, in the order of the primary key: which key each is sealed under."""
COUNT_VERSIONS = Query(sa.select(sa.func.count()).select_from(VERSION).where(VERSION.c.tenant == sa.bindparam("tenant")))
ONE_VERSION = Query(
    with_versions(DOCUMENT, newest=False).where(VERSION.c.document == sa.bindparam("document"), VERSION.c.number == sa.bindparam("number"))
)
RESEAL = Change(
    sa.update(VERSION)
    .where(VERSION.c.document == sa.bindparam("this"), VERSION.c.number == sa.bindparam("seen"))
    .values(sealed=sa.bindparam("sealed"))
)

ALL_CURRENT = Query(
    with_versions(DOCUMENT)
    .where(DOCUMENT.c.tenant == sa.bindparam("tenant"), DOCUMENT.c.deleted == 0, DOCUMENT.c.key > sa.bindparam("after"))
    .order_by(DOCUMENT.c.key)
    .limit(sa.bindparam("count", type_=sa.Integer))
)
COUNT_CURRENT = Query(
    sa.select(sa.func.count()).select_from(DOCUMENT).where(DOCUMENT.c.tenant == sa.bindparam("tenant"), DOCUMENT.c.deleted == 0)
)
SUBJECTS = Query(
    sa.select(_OWNER.c.id, _OWNER.c.pseudonym)
    .select_from(SHARED.join(_OWNER, _OWNER.c.key == SHARED.c.patient))
    .where(SHARED.c.document == sa.bindparam("document"), SHARED.c.number == sa.bindparam("number"))
)

JOB = sa.Table(
    "job",
    DATA,
    sa.Column("name", sa.String(16), primary_key=True, info=SHAPE),
    sa.Column("position", sa.BigInteger, nullable=False, info=KEYS),
)
"""Work that has to be finished before the server serves, and how far it is."""
UNCHANGED = Change(
    sa.update(DOCUMENT)
    .where(DOCUMENT.c.key == sa.bindparam("this"), DOCUMENT.c.version == sa.bindparam("seen"), DOCUMENT.c.deleted == 0)
    .values(deleted=0)
)
"""Touches no row where the document has another version by now, or is gone."""
BEGIN_JOB = Insert(JOB)
JOBS = Query(sa.select(JOB.c.position).where(JOB.c.name == sa.bindparam("name")))
MOVE_JOB = Change(sa.update(JOB).where(JOB.c.name == sa.bindparam("this")).values(position=sa.bindparam("position")))
END_JOB = Change(sa.delete(JOB).where(JOB.c.name == sa.bindparam("this")))
