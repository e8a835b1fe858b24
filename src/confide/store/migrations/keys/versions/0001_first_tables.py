"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Schemas go forwards only; the way back is a restored backup."""
    op.create_table(
        "wrapped_key",
        sa.Column("key_ref", sa.LargeBinary(length=8), nullable=False),
        sa.Column("tenant", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.LargeBinary(length=16), nullable=False),
        sa.Column("class", sa.LargeBinary(length=16), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_ref", name=op.f("pk_wrapped_key")),
        sa.UniqueConstraint(
            "tenant", "kind", "subject", "class", "generation", name=op.f("uq_wrapped_key_tenant_kind_subject_class_generation")
        ),
    )
