"""The outbox of the audit trail, private to this package."""

from __future__ import annotations

import sqlalchemy as sa

from confide.datamap.columns import RANDOM, SHAPE, TENANT, TRAIL
from confide.store.schema import DATA, integer_key
from confide.store.statements import Insert, Query

OUTBOX = sa.Table(
    "audit_outbox",
    DATA,
    sa.Column("sequence", integer_key(), sa.Identity(), primary_key=True, info=SHAPE),
    sa.Column("event", sa.LargeBinary(16), nullable=False, info=RANDOM),
    sa.Column("tenant", sa.Integer, nullable=False, info=TENANT),
    sa.Column("body", sa.LargeBinary, nullable=False, info=TRAIL),
)
"""`event` is a UUIDv7, `body` the canonical JSON of the event. `sequence` orders storage only; the tree gives the final index."""

APPEND = Insert(OUTBOX, ("event", "tenant", "body"))

NEWEST = Query(
    sa.select(OUTBOX.c.sequence, OUTBOX.c.body)
    .where(OUTBOX.c.tenant == sa.bindparam("tenant"), OUTBOX.c.sequence < sa.bindparam("before"))
    .order_by(OUTBOX.c.sequence.desc())
    .limit(sa.bindparam("count"))
)
