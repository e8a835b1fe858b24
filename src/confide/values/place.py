"""Where a sealed value is at home: moved anywhere else, it does not open."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from confide.values.ids import SubjectId, TenantId
    from confide.values.purpose import PurposeClass


_SHORT = tuple(length.to_bytes(8, "big") for length in range(256))


def length_prefixed(*parts: bytes) -> bytes:
    """Return each part behind its 8-byte big-endian length, so that no two lists of parts share an encoding."""
    return b"".join([(_SHORT[len(part)] if len(part) < 256 else len(part).to_bytes(8, "big")) + part for part in parts])  # noqa: PLR2004


class Place(NamedTuple):
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
