"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Schemas go forwards only; the way back is a restored backup."""
    op.create_table(
        "key_slot",
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key_ref", sa.LargeBinary(length=8), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("superseded", sa.BigInteger(), nullable=True),
        sa.Column("destroyed", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "number", name=op.f("pk_key_slot")),
    )
    op.create_table(
        "shredded",
        sa.Column("tenant", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("head", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_shredded")),
    )
    op.create_table(
        "wrapped_key",
        sa.Column("key_ref", sa.LargeBinary(length=8), nullable=False),
        sa.Column("tenant", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.LargeBinary(length=16), nullable=False),
        sa.Column("class", sa.LargeBinary(length=16), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("wrapper", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_ref", name=op.f("pk_wrapped_key")),
        sa.UniqueConstraint(
            "tenant", "kind", "subject", "class", "generation", name=op.f("uq_wrapped_key_tenant_kind_subject_class_generation")
        ),
    )
    op.create_index(op.f("ix_wrapped_key_kind_epoch_key_ref"), "wrapped_key", ["kind", "epoch", "key_ref"])
    op.create_index(op.f("ix_wrapped_key_tenant_kind_wrapper_key_ref"), "wrapped_key", ["tenant", "kind", "wrapper", "key_ref"])
