"""What can go wrong with the audit trail."""

from __future__ import annotations

from typing import ClassVar

from confide.values.errors import ConfideError


class AuditError(ConfideError):
    """The audit trail cannot take or show an event."""

    code: ClassVar[str] = "audit.error"


class EventTooLarge(AuditError):
    """An event exceeds 65,535 bytes."""

    code: ClassVar[str] = "audit.event-too-large"
