"""${message}."""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Schemas go forwards only; the way back is a restored backup."""
    ${upgrades if upgrades else "pass"}
