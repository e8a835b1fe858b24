"""The vault's own tables, in the database of the models, so that they are written in the same transaction.

They are those of `confide.adopt.tables`, which the vault's own connection uses; a test holds the two together.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Token(models.Model):
    """A row of the blind index."""

    pk = models.CompositePrimaryKey("token", "row")
    token = models.BigIntegerField()
    row = models.BinaryField(max_length=16)
    number = models.BigIntegerField()
    subject = models.BinaryField(max_length=16, null=True)

    class Meta:
        """Named as everywhere."""

        db_table = "confide_token"
        indexes: ClassVar = [
            models.Index(fields=["row"], name="ix_confide_token_row"),
            models.Index(fields=["subject"], name="ix_confide_token_subject"),
        ]

    def __str__(self) -> str:
        """Return what tells nothing."""
        return "token"


class Unique(models.Model):
    """The keyed hash of a value that only one row may have."""

    token = models.BigIntegerField(primary_key=True)
    row = models.BinaryField(max_length=16)
    number = models.BigIntegerField()
    subject = models.BinaryField(max_length=16, null=True)

    class Meta:
        """Named as everywhere."""

        db_table = "confide_unique"
        indexes: ClassVar = [
            models.Index(fields=["row"], name="ix_confide_unique_row"),
            models.Index(fields=["subject"], name="ix_confide_unique_subject"),
        ]

    def __str__(self) -> str:
        """Return what tells nothing."""
        return "token"


class Shredded(models.Model):
    """How far the shred ledger has been carried out here."""

    tenant = models.IntegerField(primary_key=True)
    entries = models.BigIntegerField()
    head = models.BinaryField(max_length=32)

    class Meta:
        """Named as everywhere."""

        db_table = "confide_shredded"

    def __str__(self) -> str:
        """Return the tenant."""
        return str(self.tenant)


class AuditOutbox(models.Model):
    """Audit events; the vault's own connection writes them."""

    sequence = models.BigAutoField(primary_key=True)
    event = models.BinaryField(max_length=16)
    tenant = models.IntegerField()
    body = models.BinaryField()

    class Meta:
        """Named as everywhere."""

        db_table = "audit_outbox"

    def __str__(self) -> str:
        """Return the place in the trail."""
        return str(self.sequence)
