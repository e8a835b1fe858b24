"""How one key is wrapped under others: pure functions over opened keys.

A tenant's own keys are wrapped under its KEK. A subject's keys are wrapped twice: under the KEK, and around that under the key of the
living epoch. Whoever holds an old copy of the key table needs the epoch's key as well, and that is destroyed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from confide.values.place import length_prefixed

if TYPE_CHECKING:
    from confide.crypto.envelope import DataKey
    from confide.values.ids import KeyRef

KEK, INDEX, SIGN, DEK = "kek", "index", "sign", "dek"
NO_EPOCH = 0
SEARCH = b"search"
"""The class of the index keys that are rotated: those of the search index, which is made anew from what is sealed."""


class KeyRow(NamedTuple):
    """One row of the key table, in the order of its queries."""

    key_ref: KeyRef
    tenant: int
    kind: str
    subject: bytes
    purpose_class: bytes
    generation: int
    wrapper: int
    epoch: int
    wrapped: bytes
    created: int

    def context(self) -> bytes:
        """Return what the wrap under the KEK is bound to: a wrap that was moved to another row does not open."""
        return length_prefixed(
            self.tenant.to_bytes(8, "big"),
            self.kind.encode(),
            self.subject,
            self.purpose_class,
            self.generation.to_bytes(4, "big"),
            self.key_ref,
        )

    def outer(self) -> bytes:
        """Return what the wrap under the epoch is bound to."""
        return length_prefixed(b"epoch", self.key_ref)


def kek_context(tenant: int, generation: int) -> bytes:
    """Return what a KEK is bound to at the provider."""
    return length_prefixed(b"kek", tenant.to_bytes(8, "big"), generation.to_bytes(4, "big"))


def epoch_context(number: int) -> bytes:
    """Return what the key of an epoch is bound to at the provider."""
    return length_prefixed(b"epoch", number.to_bytes(4, "big"))


def wrap(row: KeyRow, kek: DataKey, epoch: DataKey | None, key: bytes | bytearray) -> KeyRow:
    """Return the row with `key` wrapped for it."""
    inner = _seal(kek, row.context(), bytes(key))
    return row._replace(wrapped=inner if epoch is None else _seal(epoch, row.outer(), inner))


def _seal(key: DataKey, context: bytes, content: bytes) -> bytes:
    """Return one wrap; a sweep makes many, and they share the derivation as the cells of a row do."""
    return key.seal_cells([(context, content, 0)])[0]


def unwrap(row: KeyRow, kek: DataKey, epoch: DataKey | None) -> bytearray:
    """Return the key of a row in a buffer that the caller wipes.

    Raises:
        DoesNotOpen, NotAnEnvelope: another KEK or epoch, or a row that was changed or moved.
    """
    inner = row.wrapped if epoch is None else epoch.open(row.outer(), row.wrapped)
    return bytearray(kek.open(row.context(), inner))


def into_epoch(row: KeyRow, old: DataKey, new: DataKey, number: int) -> KeyRow:
    """Return the row moved into another epoch; the key itself is not opened."""
    outer = row.outer()
    return row._replace(wrapped=_seal(new, outer, old.open(outer, row.wrapped)), epoch=number)


def under_kek(row: KeyRow, old: DataKey, new: DataKey, generation: int, epoch: DataKey | None) -> KeyRow:
    """Return the row with its inner wrap renewed under another generation of the KEK."""
    context, outer = row.context(), row.outer()
    inner = _seal(new, context, old.open(context, row.wrapped if epoch is None else epoch.open(outer, row.wrapped)))
    return row._replace(wrapped=inner if epoch is None else _seal(epoch, outer, inner), wrapper=generation)
