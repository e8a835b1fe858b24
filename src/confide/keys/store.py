"""The key tables, private to this package. They have a database of their own."""

from __future__ import annotations

import sqlalchemy as sa

from confide.datamap.columns import RANDOM, SEALED, SHAPE, TENANT, WHEN
from confide.store.schema import KEYS
from confide.store.statements import Change, Insert, Query

SLOT = sa.Table(
    "key_slot",
    KEYS,
    sa.Column("kind", sa.String(8), primary_key=True, info=SHAPE),
    sa.Column("number", sa.Integer, primary_key=True, info=SHAPE),
    sa.Column("key_ref", sa.LargeBinary(8), nullable=False, info=RANDOM),
    sa.Column("wrapped", sa.LargeBinary, info=SEALED),
    sa.Column("made", sa.BigInteger, nullable=False, info=WHEN),
    sa.Column("superseded", sa.BigInteger, info=WHEN),
    sa.Column("destroyed", sa.BigInteger, info=WHEN),
)
"""What the provider holds: `kind` is root or epoch. `wrapped` is the epoch's key, null for a root and after destruction. Times in µs
since 1970. A row outlives its slot, so that the history of rotations can be shown."""

KEY = sa.Table(
    "wrapped_key",
    KEYS,
    sa.Column("key_ref", sa.LargeBinary(8), primary_key=True, info=RANDOM),
    sa.Column("tenant", sa.Integer, nullable=False, info=TENANT),
    sa.Column("kind", sa.String(8), nullable=False, info=SHAPE),
    sa.Column("subject", sa.LargeBinary(16), nullable=False, info=RANDOM),
    sa.Column("class", sa.LargeBinary(16), nullable=False, info=SHAPE),
    sa.Column("generation", sa.Integer, nullable=False, info=SHAPE),
    sa.Column("wrapper", sa.Integer, nullable=False, info=SHAPE),
    sa.Column("epoch", sa.Integer, nullable=False, info=SHAPE),
    sa.Column("wrapped", sa.LargeBinary, nullable=False, info=SEALED),
    sa.Column("created", sa.BigInteger, nullable=False, info=WHEN),
    sa.UniqueConstraint("tenant", "kind", "subject", "class", "generation"),
    sa.Index(None, "kind", "epoch", "key_ref"),
    sa.Index(None, "tenant", "kind", "wrapper", "key_ref"),
)
"""`kind` is kek, index, sign or dek; `subject` is empty for the tenant's own keys. `wrapper` is the root slot of a KEK, and the
generation of the KEK for every other key; `epoch` is the epoch that a subject's key is wrapped in as well, 0 for the tenant's own."""

SHREDDED = sa.Table(
    "shredded",
    KEYS,
    sa.Column("tenant", sa.Integer, primary_key=True, info=TENANT),
    sa.Column("entries", sa.Integer, nullable=False, info=SHAPE),
    sa.Column("head", sa.LargeBinary(32), nullable=False, info=SHAPE),
)
"""How far the shred ledger has been carried out in this database."""

_ROW = (
    KEY.c.key_ref,
    KEY.c.tenant,
    KEY.c.kind,
    KEY.c.subject,
    KEY.c["class"],
    KEY.c.generation,
    KEY.c.wrapper,
    KEY.c.epoch,
    KEY.c.wrapped,
    KEY.c.created,
)

ADD_KEY = Insert(KEY, tuple(column.name for column in _ROW))
ADD_SLOT = Insert(SLOT, ("kind", "number", "key_ref", "wrapped", "made"))

SLOTS = Query(
    sa.select(SLOT.c.kind, SLOT.c.number, SLOT.c.key_ref, SLOT.c.wrapped, SLOT.c.made, SLOT.c.superseded, SLOT.c.destroyed).order_by(
        SLOT.c.kind, SLOT.c.number
    )
)
_THIS_SLOT = (SLOT.c.kind == sa.bindparam("this_kind"), SLOT.c.number == sa.bindparam("this_number"))
SUPERSEDE = Change(sa.update(SLOT).where(*_THIS_SLOT, SLOT.c.superseded.is_(None)).values(superseded=sa.bindparam("superseded")))
DESTROYED = Change(sa.update(SLOT).where(*_THIS_SLOT).values(destroyed=sa.bindparam("destroyed"), wrapped=sa.null()))

BY_REF = Query(sa.select(*_ROW).where(KEY.c.key_ref == sa.bindparam("key_ref")))

_IDENTITY = (
    KEY.c.tenant == sa.bindparam("tenant"),
    KEY.c.kind == sa.bindparam("kind"),
    KEY.c.subject == sa.bindparam("subject"),
    KEY.c["class"] == sa.bindparam("class"),
)
CURRENT = Query(sa.select(*_ROW).where(*_IDENTITY).order_by(KEY.c.generation.desc()).limit(1))
GENERATIONS = Query(sa.select(*_ROW).where(*_IDENTITY).order_by(KEY.c.generation))
OF_KIND = Query(
    sa.select(*_ROW).where(KEY.c.tenant == sa.bindparam("tenant"), KEY.c.kind == sa.bindparam("kind")).order_by(KEY.c.generation)
)
KEKS = Query(sa.select(*_ROW).where(KEY.c.kind == "kek").order_by(KEY.c.tenant, KEY.c.generation))

IN_OLDER_EPOCHS = Query(
    sa.select(*_ROW)
    .where(KEY.c.kind == "dek", KEY.c.epoch > 0, KEY.c.epoch < sa.bindparam("epoch"), KEY.c.key_ref > sa.bindparam("after"))
    .order_by(KEY.c.key_ref)
    .limit(sa.bindparam("count"))
)
UNDER_OLDER_KEKS = Query(
    sa.select(*_ROW)
    .where(
        KEY.c.tenant == sa.bindparam("tenant"),
        KEY.c.kind != "kek",
        KEY.c.wrapper < sa.bindparam("wrapper"),
        KEY.c.key_ref > sa.bindparam("after"),
    )
    .order_by(KEY.c.key_ref)
    .limit(sa.bindparam("count"))
)
REWRAP = Change(
    sa.update(KEY)
    .where(KEY.c.key_ref == sa.bindparam("this"), KEY.c.wrapper == sa.bindparam("old_wrapper"), KEY.c.epoch == sa.bindparam("old_epoch"))
    .values(wrapped=sa.bindparam("wrapped"), wrapper=sa.bindparam("wrapper"), epoch=sa.bindparam("epoch"))
)
"""Touches no row where another process rewrapped it, or shredded it, meanwhile; both are as well."""
DROP = Change(sa.delete(KEY).where(KEY.c.key_ref == sa.bindparam("this")))
DROP_SUBJECT = Change(
    sa.delete(KEY).where(KEY.c.tenant == sa.bindparam("tenant"), KEY.c.kind == "dek", KEY.c.subject == sa.bindparam("subject"))
)

OF_SUBJECT = Query(
    sa.select(KEY.c.key_ref).where(KEY.c.tenant == sa.bindparam("tenant"), KEY.c.kind == "dek", KEY.c.subject == sa.bindparam("subject"))
)
COUNTS = Query(
    sa.select(
        KEY.c.tenant, KEY.c.kind, KEY.c.wrapper, KEY.c.epoch, sa.func.count(), sa.func.min(KEY.c.created), sa.func.max(KEY.c.generation)
    ).group_by(KEY.c.tenant, KEY.c.kind, KEY.c.wrapper, KEY.c.epoch)
)
_NEWER = KEY.alias("newer")
_SAME = (
    _NEWER.c.tenant == KEY.c.tenant,
    _NEWER.c.kind == KEY.c.kind,
    _NEWER.c.subject == KEY.c.subject,
    _NEWER.c["class"] == KEY.c["class"],
)
OUTDATED = Query(
    sa.select(*_ROW)
    .where(
        KEY.c.tenant == sa.bindparam("tenant"),
        KEY.c.kind == "dek",
        KEY.c.created < sa.bindparam("created"),
        KEY.c.key_ref > sa.bindparam("after"),
        ~sa.exists().where(*_SAME, _NEWER.c.generation > KEY.c.generation),
    )
    .order_by(KEY.c.key_ref)
    .limit(sa.bindparam("count"))
)
"""Data keys made before a time that nothing newer has taken the place of."""
SUPERSEDED = Query(
    sa.select(KEY.c.key_ref, sa.func.min(_NEWER.c.created))
    .select_from(KEY.join(_NEWER, sa.and_(*_SAME, _NEWER.c.generation > KEY.c.generation)))
    .where(KEY.c.tenant == sa.bindparam("tenant"), KEY.c.kind == "dek")
    .group_by(KEY.c.key_ref)
)

PROGRESS = Query(sa.select(SHREDDED.c.entries, SHREDDED.c.head).where(SHREDDED.c.tenant == sa.bindparam("tenant")))
BEGIN = Insert(SHREDDED)
ADVANCE = Change(
    sa.update(SHREDDED)
    .where(SHREDDED.c.tenant == sa.bindparam("this"), SHREDDED.c.entries == sa.bindparam("seen"))
    .values(entries=sa.bindparam("entries"), head=sa.bindparam("head"))
)
