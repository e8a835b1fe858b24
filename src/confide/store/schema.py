"""The two databases: keys live apart from data, so that neither backup alone opens anything."""

from __future__ import annotations

import sqlalchemy as sa

NAMES = {"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"}

DATA = sa.MetaData(naming_convention=NAMES)
"""Sealed documents, tokens, accounts, audit events."""

KEYS = sa.MetaData(naming_convention=NAMES)
"""Wrapped keys, and nothing else."""


def integer_key() -> sa.types.TypeEngine[int]:
    """Return the type of a 63-bit primary key: SQLite only aliases its row id to a column declared INTEGER."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
