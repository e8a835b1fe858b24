"""The tables of identity, private to this package.

Bearer tokens, tickets and links are stored as keyed hashes only. Accounts and sessions carry a proof, so that whoever writes to the
database can neither make one nor give one other rights.
"""

from __future__ import annotations

import sqlalchemy as sa

from confide.datamap.columns import HASHED, KEYS, LOGIN, RANDOM, SECRET, SHAPE, TENANT, TOKENED, WHEN
from confide.store.schema import DATA
from confide.store.statements import Change, Insert, Query

ACCOUNT = sa.Table(
    "account",
    DATA,
    sa.Column("id", sa.LargeBinary(16), primary_key=True, info=RANDOM),
    sa.Column("tenant", sa.Integer, nullable=False, info=TENANT),
    sa.Column("pseudonym", sa.LargeBinary(16), nullable=False, info=RANDOM),
    sa.Column("role", sa.String(16), nullable=False, info=SHAPE),
    sa.Column("patient", sa.BigInteger, info=KEYS),
    sa.Column("username_token", sa.BigInteger, nullable=False, info=TOKENED),
    sa.Column("username", sa.LargeBinary, nullable=False, info=LOGIN),
    sa.Column("password", sa.LargeBinary, nullable=False, info=SECRET),
    sa.Column("totp", sa.LargeBinary, info=SECRET),
    sa.Column("counter", sa.BigInteger, nullable=False, info=WHEN),
    sa.Column("created", sa.BigInteger, nullable=False, info=WHEN),
    sa.Column("demo", sa.SmallInteger, nullable=False, info=SHAPE),
    sa.Column("proof", sa.LargeBinary(32), nullable=False, info=HASHED),
    sa.UniqueConstraint("tenant", "username_token"),
    sqlite_with_rowid=False,
)
"""`username`, `password` (the Argon2id hash) and `totp` are envelopes bound to the row; `totp` is null until it is enrolled;
`counter` is the last time step used; `created` in µs since 1970; `demo` is 1 for an account whose password was printed."""

BEARER = sa.Table(
    "bearer_token",
    DATA,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True, info=HASHED),
    sa.Column("account", sa.LargeBinary(16), nullable=False, info=RANDOM),
    sa.Column("issued", sa.BigInteger, nullable=False, info=WHEN),
    sa.Column("expires", sa.BigInteger, nullable=False, info=WHEN),
    sa.Column("proof", sa.LargeBinary(32), nullable=False, info=HASHED),
    sa.Index(None, "account"),
    sa.Index(None, "expires"),
    sqlite_with_rowid=False,
)
"""One row for each signed-in session; signing out deletes it. Times in µs since 1970."""

ENROLMENT = sa.Table(
    "enrolment",
    DATA,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True, info=HASHED),
    sa.Column("tenant", sa.Integer, nullable=False, info=TENANT),
    sa.Column("account", sa.LargeBinary(16), nullable=False, info=RANDOM),
    sa.Column("link", sa.LargeBinary(32), info=HASHED),
    sa.Column("sealed", sa.LargeBinary, nullable=False, info=SECRET),
    sa.Column("expires", sa.BigInteger, nullable=False, info=WHEN),
    sa.Index(None, "account"),
    sa.Index(None, "expires"),
    sqlite_with_rowid=False,
)
"""A second factor on its way. `link` is the digest of the bootstrap link whose administrator is being made, otherwise null."""

LINK = sa.Table(
    "bootstrap_link",
    DATA,
    sa.Column("tenant", sa.Integer, primary_key=True, autoincrement=False, info=TENANT),
    sa.Column("digest", sa.LargeBinary(32), nullable=False, info=HASHED),
    sa.Column("expires", sa.BigInteger, nullable=False, info=WHEN),
    sqlite_with_rowid=False,
)
"""At most one link lives for each tenant, and only while there is no administrator."""

ADD_ACCOUNT, ADD_BEARER, ADD_ENROLMENT, ADD_LINK = Insert(ACCOUNT), Insert(BEARER), Insert(ENROLMENT), Insert(LINK)

_A = ACCOUNT.c

_OPEN = _A.demo <= sa.bindparam("demo")
"""Outside a demo (`demo` = 0), its accounts are not there: they neither sign in, nor are resolved, nor count as administrators."""

BY_USERNAME = Query(
    sa.select(_A.id, _A.tenant, _A.pseudonym, _A.role, _A.patient, _A.password, _A.totp, _A.counter, _A.demo, _A.proof).where(
        _A.tenant == sa.bindparam("tenant"), _A.username_token == sa.bindparam("token"), _OPEN
    )
)

BY_ID = Query(
    sa.select(_A.id, _A.tenant, _A.pseudonym, _A.role, _A.patient, _A.password, _A.totp, _A.counter, _A.demo, _A.proof).where(
        _A.tenant == sa.bindparam("tenant"), _A.id == sa.bindparam("id"), _OPEN
    )
)

OF_PATIENT = Query(sa.select(_A.id).where(_A.patient == sa.bindparam("patient")))

WITH_ROLE = Query(sa.select(_A.id).where(_A.tenant == sa.bindparam("tenant"), _A.role == sa.bindparam("role"), _OPEN).limit(1))

RESOLVE = Query(
    sa.select(_A.id, _A.pseudonym, _A.role, _A.patient, _A.demo, _A.totp.is_not(None), _A.proof, BEARER.c.expires, BEARER.c.proof)
    .select_from(BEARER.join(ACCOUNT, _A.id == BEARER.c.account))
    .where(BEARER.c.digest == sa.bindparam("digest"), BEARER.c.expires > sa.bindparam("now"), _A.tenant == sa.bindparam("tenant"), _OPEN)
)

TICKET = Query(
    sa.select(ENROLMENT.c.account, ENROLMENT.c.link, ENROLMENT.c.sealed).where(
        ENROLMENT.c.digest == sa.bindparam("digest"),
        ENROLMENT.c.tenant == sa.bindparam("tenant"),
        ENROLMENT.c.expires > sa.bindparam("now"),
    )
)

LIVING_LINK = Query(
    sa.select(LINK.c.digest).where(
        LINK.c.tenant == sa.bindparam("tenant"), LINK.c.digest == sa.bindparam("digest"), LINK.c.expires > sa.bindparam("now")
    )
)

USE_STEP = Change(
    sa.update(ACCOUNT).where(_A.id == sa.bindparam("this"), _A.counter < sa.bindparam("step")).values(counter=sa.bindparam("step"))
)
"""Marks a time step as used, unless it or a later one was used already."""

CONFIRM = Change(
    sa.update(ACCOUNT)
    .where(_A.id == sa.bindparam("this"), _A.totp.is_(None))
    .values(totp=sa.bindparam("totp"), counter=sa.bindparam("counter"), proof=sa.bindparam("proof"))
)
"""Gives an account its second factor, unless it has one."""

REVOKE = Change(sa.delete(BEARER).where(BEARER.c.digest == sa.bindparam("digest")))
DROP_EXPIRED_BEARERS = Change(sa.delete(BEARER).where(BEARER.c.expires <= sa.bindparam("now")))
DROP_EXPIRED_TICKETS = Change(sa.delete(ENROLMENT).where(ENROLMENT.c.expires <= sa.bindparam("now")))
DROP_TICKETS = Change(sa.delete(ENROLMENT).where(ENROLMENT.c.account == sa.bindparam("account")))
DROP_BEARERS = Change(sa.delete(BEARER).where(BEARER.c.account == sa.bindparam("account")))
DROP_ACCOUNT = Change(sa.delete(ACCOUNT).where(_A.id == sa.bindparam("account")))
DROP_DRAFTS = Change(sa.delete(ENROLMENT).where(ENROLMENT.c.tenant == sa.bindparam("tenant"), ENROLMENT.c.link == sa.bindparam("link")))
DROP_LINKS = Change(sa.delete(LINK).where(LINK.c.tenant == sa.bindparam("tenant")))

BURN = Change(
    sa.delete(LINK).where(
        LINK.c.tenant == sa.bindparam("tenant"), LINK.c.digest == sa.bindparam("digest"), LINK.c.expires > sa.bindparam("now")
    )
)
"""Uses a link up; whoever comes second finds nothing to delete, and nothing of their unit is stored."""
