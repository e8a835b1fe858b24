"""Where a sealed value is at home: moved anywhere else, it does not open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from confide.values.ids import SubjectId, TenantId
    from confide.values.purpose import PurposeClass


def length_prefixed(*parts: bytes) -> bytes:
    """Return each part behind its 8-byte big-endian length, so that no two lists of parts share an encoding."""
    return b"".join([len(part).to_bytes(8, "big") + part for part in parts])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is at home; its bytes are the associated data of the envelope."""

    tenant: TenantId
    subject: SubjectId
    purpose_class: PurposeClass
    table: bytes
    column: bytes
    row: bytes

    def context(self) -> bytes:
        """Return the length-prefixed context (design: vault, envelope v1)."""
        return length_prefixed(self.tenant.to_bytes(8, "big"), self.subject, self.purpose_class.value, self.table, self.column, self.row)
