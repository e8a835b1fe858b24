"""The key table, private to this package."""

from __future__ import annotations

import sqlalchemy as sa

from confide.datamap.columns import RANDOM, SEALED, SHAPE, TENANT, WHEN
from confide.store.schema import KEYS
from confide.store.statements import Insert, Query

KEY = sa.Table(
    "wrapped_key",
    KEYS,
    sa.Column("key_ref", sa.LargeBinary(8), primary_key=True, info=RANDOM),
    sa.Column("tenant", sa.Integer, nullable=False, info=TENANT),
    sa.Column("kind", sa.String(8), nullable=False, info=SHAPE),
    sa.Column("subject", sa.LargeBinary(16), nullable=False, info=RANDOM),
    sa.Column("class", sa.LargeBinary(16), nullable=False, info=SHAPE),
    sa.Column("generation", sa.Integer, nullable=False, info=SHAPE),
    sa.Column("wrapped", sa.LargeBinary, nullable=False, info=SEALED),
    sa.Column("created", sa.BigInteger, nullable=False, info=WHEN),
    sa.UniqueConstraint("tenant", "kind", "subject", "class", "generation"),
)
"""`kind` is kek, index or dek; `subject` is empty for the tenant's own keys; `created` in microseconds since 1970."""

ADD_KEY = Insert(KEY)

_ROW = (KEY.c.key_ref, KEY.c.tenant, KEY.c.kind, KEY.c.subject, KEY.c["class"], KEY.c.generation, KEY.c.wrapped)

BY_REF = Query(sa.select(*_ROW).where(KEY.c.key_ref == sa.bindparam("key_ref")))

CURRENT = Query(
    sa.select(*_ROW)
    .where(
        KEY.c.tenant == sa.bindparam("tenant"),
        KEY.c.kind == sa.bindparam("kind"),
        KEY.c.subject == sa.bindparam("subject"),
        KEY.c["class"] == sa.bindparam("class"),
    )
    .order_by(KEY.c.generation.desc())
    .limit(1)
)

ANY_KEY = Query(sa.select(KEY.c.key_ref).limit(1))
