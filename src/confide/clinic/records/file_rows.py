"""The table of files, private to the records: which object holds a file, and whose version it belongs to."""

from __future__ import annotations

import sqlalchemy as sa

from confide.clinic.records.store import VERSION
from confide.datamap.columns import KEYS, RANDOM, SHAPE, TENANT, WHEN
from confide.store.schema import DATA
from confide.store.statements import Change, Insert, Query

FILE = sa.Table(
    "stored_file",
    DATA,
    sa.Column("id", sa.LargeBinary(16), primary_key=True, info=RANDOM),
    sa.Column("tenant", sa.Integer, nullable=False, info=TENANT),
    sa.Column("document", sa.BigInteger, nullable=False, info=KEYS),
    sa.Column("number", sa.Integer, nullable=False, info=SHAPE),
    sa.Column("patient", sa.BigInteger, info=KEYS),
    sa.Column("object", sa.LargeBinary(16), nullable=False, info=RANDOM),
    sa.Column("key_ref", sa.LargeBinary(8), nullable=False, info=RANDOM),
    sa.Column("size", sa.BigInteger, nullable=False, info=SHAPE),
    sa.Column("stored", sa.BigInteger, nullable=False, info=WHEN),
    sa.UniqueConstraint("object"),
    sa.Index(None, "document", "number"),
    sa.Index(None, "patient"),
    sqlite_with_rowid=False,
)
"""One row for each file of a version; `size` in bytes of content, `stored` in µs since 1970. `object` names the object that holds it and
changes when the file is sealed under another key; `id` stands in the sealed document and in the context of the file's envelope.

A row whose version is gone says which object is still to be deleted."""

ADD_FILE = Insert(FILE)

OF_VERSION = Query(
    sa.select(FILE.c.id, FILE.c.object, FILE.c.key_ref).where(
        FILE.c.document == sa.bindparam("document"), FILE.c.number == sa.bindparam("number")
    )
)
HELD = Query(sa.select(FILE.c.id).where(FILE.c.object == sa.bindparam("object")))

ALL_FILES = Query(
    sa.select(FILE.c.id, FILE.c.document, FILE.c.number, FILE.c.object, FILE.c.key_ref, FILE.c.size)
    .where(FILE.c.tenant == sa.bindparam("tenant"), FILE.c.id > sa.bindparam("after"))
    .order_by(FILE.c.id)
    .limit(sa.bindparam("count", type_=sa.Integer))
)
MOVE_FILE = Change(
    sa.update(FILE)
    .where(FILE.c.id == sa.bindparam("this"), FILE.c.object == sa.bindparam("seen"))
    .values(object=sa.bindparam("object"), key_ref=sa.bindparam("key_ref"))
)
DROP_FILE = Change(sa.delete(FILE).where(FILE.c.id == sa.bindparam("this")))

_LEFT = sa.not_(sa.exists().where(VERSION.c.document == FILE.c.document, VERSION.c.number == FILE.c.number))


def _left(*chosen: sa.ColumnElement[bool]) -> Query:
    rows = sa.select(FILE.c.id, FILE.c.object).where(*chosen, _LEFT).order_by(FILE.c.id)
    return Query(rows.limit(sa.bindparam("count", type_=sa.Integer)))


LEFT_OF_PATIENT = _left(FILE.c.patient == sa.bindparam("patient"))
LEFT_OF_DOCUMENT = _left(FILE.c.document == sa.bindparam("document"))
LEFT_AMONG = _left(FILE.c.id > sa.bindparam("after"), FILE.c.id <= sa.bindparam("last"))
"""Files whose version is gone: of a patient, of a document, among some of all."""
