"""The vault's own tables in the backend's metadata, so that they are made and migrated together with the backend's."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from confide.audit.append import outbox_in
from confide.datamap.columns import RANDOM, SHAPE, TENANT, TOKENED

TOKEN, UNIQUE, SHREDDED = "confide_token", "confide_unique", "confide_shredded"


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one metadata."""

    token: sa.Table
    """The blind index: keyed hashes, deleted with their row or person. A mark has the empty row and no subject."""
    unique: sa.Table
    """Keyed hashes of values that only one row may have."""
    shredded: sa.Table
    """How far the shred ledger has been carried out here."""
    outbox: sa.Table
    """Audit events."""


def tables_in(metadata: sa.MetaData) -> Tables:
    """Return the vault's tables in a metadata; they are added to it the first time."""
    found = metadata.tables.get(TOKEN)
    if found is not None:
        return Tables(found, metadata.tables[UNIQUE], metadata.tables[SHREDDED], outbox_in(metadata))
    token = sa.Table(
        TOKEN,
        metadata,
        sa.Column("token", sa.BigInteger, primary_key=True, autoincrement=False, info=TOKENED),
        sa.Column("row", sa.LargeBinary(16), primary_key=True, info=RANDOM),
        sa.Column("number", sa.BigInteger, nullable=False, info=SHAPE),
        sa.Column("subject", sa.LargeBinary(16), info=RANDOM),
        sa.Index("ix_confide_token_row", "row"),
        sa.Index("ix_confide_token_subject", "subject"),
        sqlite_with_rowid=False,
    )
    unique = sa.Table(
        UNIQUE,
        metadata,
        sa.Column("token", sa.BigInteger, primary_key=True, autoincrement=False, info=TOKENED),
        sa.Column("row", sa.LargeBinary(16), nullable=False, info=RANDOM),
        sa.Column("number", sa.BigInteger, nullable=False, info=SHAPE),
        sa.Column("subject", sa.LargeBinary(16), info=RANDOM),
        sa.Index("ix_confide_unique_row", "row"),
        sa.Index("ix_confide_unique_subject", "subject"),
        sqlite_with_rowid=False,
    )
    shredded = sa.Table(
        SHREDDED,
        metadata,
        sa.Column("tenant", sa.Integer, primary_key=True, autoincrement=False, info=TENANT),
        sa.Column("entries", sa.BigInteger, nullable=False, info=SHAPE),
        sa.Column("head", sa.LargeBinary(32), nullable=False, info=RANDOM),
    )
    return Tables(token, unique, shredded, outbox_in(metadata))
