"""The keys between the provider and the data keys, opened together and opened again after a while.

Opening them again is what makes a provider's "no" arrive: a service whose access was withdrawn serves no longer than this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from confide.crypto.envelope import DataKey
from confide.crypto.random import wipe
from confide.keys import store, wraps
from confide.keys.asking import beside
from confide.keys.errors import KeyMissing
from confide.keys.wraps import KeyRow
from confide.values.ids import KeyRef

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from confide.keys.provider import Provider
    from confide.store.work import Database
    from confide.values.ids import TenantId

PROVIDER_SECONDS = 300
"""How long opened KEKs and epochs serve before the provider is asked again."""


@dataclass(frozen=True, slots=True)
class IndexKey:
    """One generation of the key of the search index, and when it was made, in microseconds since 1970."""

    generation: int
    made: int
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Between:
    """Opened KEKs of one tenant and opened epochs, by number; the highest of each is the current one."""

    keks: Mapping[int, DataKey] = field(repr=False)
    epochs: Mapping[int, DataKey] = field(repr=False)
    until: int
    search: Sequence[IndexKey] = field(default=(), repr=False)
    """The living generations of the search index's key, oldest first."""

    @property
    def kek(self) -> int:
        """The generation that new keys are wrapped under."""
        return max(self.keks)

    @property
    def epoch(self) -> int:
        """The living epoch."""
        return max(self.epochs)

    def covers(self, row: KeyRow) -> bool:
        """Tell whether both wraps of a row can be taken off with what is opened."""
        return row.wrapper in self.keks and (row.epoch == wraps.NO_EPOCH or row.epoch in self.epochs)

    def outer(self, row: KeyRow) -> DataKey | None:
        """Return the key of a row's epoch, or None where it has none."""
        return None if row.epoch == wraps.NO_EPOCH else self.epochs[row.epoch]


def root_slot(number: int) -> str:
    """Return the name of a root slot."""
    return f"root-{number}"


def epoch_slot(number: int) -> str:
    """Return the name of an epoch's slot."""
    return f"epoch-{number}"


async def open_between(database: Database, provider: Provider, tenant: TenantId, now: int, seconds: int = PROVIDER_SECONDS) -> Between:
    """Have the provider open what stands between it and the data keys, for so many seconds.

    Raises:
        KeyMissing: the tenant has no KEK, or no epoch lives.
        ProviderUnavailable, ProviderRefused, SlotMissing, DoesNotOpen
    """
    indexes = [KeyRow(*row) for row in await database.fetch(store.OF_KIND, {"tenant": tenant, "kind": wraps.INDEX})]  # before their KEKs
    keks: dict[int, DataKey] = {}
    for found in await database.fetch(store.OF_KIND, {"tenant": tenant, "kind": wraps.KEK}):
        row = KeyRow(*found)
        keks[row.generation] = await _open(provider, root_slot(row.wrapper), row.key_ref, row.wrapped, _kek_context(row))
    epochs: dict[int, DataKey] = {}
    for kind, number, key_ref, wrapped, *_ in await database.fetch(store.SLOTS, {}):
        if kind == "epoch" and wrapped is not None:
            epochs[number] = await _open(provider, epoch_slot(number), key_ref, wrapped, wraps.epoch_context(number))
    if not keks or not epochs:
        message = "The key database holds no key of this organisation: put back the one that belongs to the data, or look at which is set."
        raise KeyMissing(message)
    search = [_index_key(row, keks) for row in indexes if row.purpose_class == wraps.SEARCH]
    return Between(keks, epochs, now + seconds * 1_000_000, search)


def _index_key(row: KeyRow, keks: Mapping[int, DataKey]) -> IndexKey:
    key = wraps.unwrap(row, keks[row.wrapper], None)
    try:
        return IndexKey(row.generation, row.created, bytes(key))
    finally:
        wipe(key)


def _kek_context(row: KeyRow) -> bytes:
    return wraps.kek_context(row.tenant, row.generation)


async def _open(provider: Provider, slot: str, key_ref: bytes, wrapped: bytes, context: bytes) -> DataKey:
    secret = await beside(lambda: provider.unwrap(slot, wrapped, context))
    try:
        return DataKey(KeyRef(key_ref), secret)
    finally:
        wipe(secret)
