"""Root → tenant KEK → data encryption keys, opened on demand and cached for a short time.

```
root (a slot of the provider)
 └ tenant KEK
     ├ subject DEK per purpose class      a person's values; wrapped in the living epoch as well
     ├ tenant DEK per purpose class       what belongs to no single person; the service's own secrets
     ├ tenant index key                   → one key for each look-up of the service itself (accounts, proofs), by HKDF
     └ tenant index key of searches       → one key for each field of the search index; rotated
epoch (a slot of the provider) → a key around every subject DEK, renewed every week
```
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confide.crypto.derive import BlindField, derive
from confide.crypto.envelope import HEADER_BYTES, DataKey, Suite, key_ref_of, parse_header
from confide.crypto.errors import DoesNotOpen
from confide.crypto.random import new_key, new_key_ref, wipe
from confide.crypto.signing import SigningKey
from confide.keys import begin, store, wraps
from confide.keys.errors import KeyMissing, KeysError, NotPermitted, ProviderRefused, ProviderUnavailable, ShreddingPending
from confide.keys.tenant import PROVIDER_SECONDS, open_between
from confide.keys.wraps import DEK, INDEX, NO_EPOCH, SEARCH, SIGN, KeyRow
from confide.store.errors import Conflict
from confide.store.work import Add, Alter, Unit
from confide.values.ids import NO_SUBJECT, KeyRef, SubjectId, TenantId
from confide.values.permit import Action
from confide.values.place import Place, length_prefixed
from confide.values.purpose import PurposeClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from confide.crypto.stream import OpeningStream
    from confide.keys.provider import Provider
    from confide.keys.tenant import Between, IndexKey
    from confide.store.work import Database
    from confide.values.permit import Permit

CACHE_SECONDS = 120
"""How long an opened key may serve without being looked up again (design: 60 to 300 s)."""
RETRY_SECONDS = 2
"""After a provider did not answer, whoever asks within this time is refused at once, so that no queue forms before it."""
CACHE_KEYS = 10_000
"""About 2 KiB each."""


_WHILE_HELD = frozenset({Action.ERASE, Action.MAINTAIN})
"""What is done while nothing else opens."""


@dataclass(slots=True)
class _Opened:
    key: DataKey
    tenant: int
    subject: bytes
    purpose_class: PurposeClass
    until: int


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a secret of the service itself is at home; `subject` names whose it is, where it is somebody's and dies with them."""

    tenant: TenantId
    table: bytes
    column: bytes
    row: bytes
    subject: SubjectId = NO_SUBJECT
    purpose_class: PurposeClass = PurposeClass.SERVICE

    def place(self) -> Place:
        """Return the envelope context of the cell."""
        return Place(self.tenant, self.subject, self.purpose_class, self.table, self.column, self.row)


def index_field(key: bytes, table: bytes, column: bytes, version: int) -> BlindField:
    """Return the blind index key of one field under an index key."""
    return BlindField(derive(key, length_prefixed(b"blind", table, column, version.to_bytes(4, "big"))))


class Keyring:
    """The opened keys of this process; one for the whole application."""

    def __init__(
        self,
        database: Database,
        provider: Provider,
        *,
        seconds: int = CACHE_SECONDS,
        size: int = CACHE_KEYS,
        provider_seconds: int = PROVIDER_SECONDS,
    ) -> None:
        """Keep opened keys for `seconds`, at most `size` of them; ask the provider again after `provider_seconds`."""
        self._database = database
        self._provider = provider
        self._lifetime = seconds * 1_000_000
        self._size = size
        self._opened: OrderedDict[bytes, _Opened] = OrderedDict()
        self._current: OrderedDict[tuple[int, bytes, bytes], bytes] = OrderedDict()
        self._provider_seconds = provider_seconds
        self._between: dict[int, Between] = {}
        self._refused: tuple[int, KeysError] | None = None
        self._index: dict[int, bytes] = {}
        self._fields: dict[tuple[int, bytes, bytes, int], BlindField] = {}
        self._opening = asyncio.Lock()
        self._held: str | None = None

    async def start(self, tenant: TenantId, now: int) -> None:
        """Open (or, in an empty key database, make) the tenant's own keys; `now` in microseconds since 1970.

        Raises:
            ProviderUnavailable, ProviderRefused, SlotMissing, DoesNotOpen, KeyMissing
        """
        await begin.make_first(self._database, self._provider, tenant, now)
        await self.between(tenant, now)
        for index_class in (b"", SEARCH):
            index = await self._find(tenant, INDEX, NO_SUBJECT, index_class)
            if index is None:
                if await self._find(tenant, DEK, NO_SUBJECT, PurposeClass.SERVICE.value) is not None:
                    message = "An index key is not in the key database, although others are: restore it. A new one would find nothing."
                    raise KeyMissing(message)
                index = await self._make(tenant, INDEX, NO_SUBJECT, index_class, now)
            if index_class != SEARCH:
                self._index[tenant] = bytes(await self._unwrap(index, now))
        await self.between(tenant, now, anew=True)
        for purpose_class in (PurposeClass.SERVICE, PurposeClass.COMMONS):
            await self.sealer(tenant, NO_SUBJECT, purpose_class, now)

    async def between(self, tenant: TenantId, now: int, *, anew: bool = False) -> Between:
        """Return the tenant's opened KEKs and the opened epochs; the provider is asked again when they have served their time.

        Raises:
            ProviderUnavailable, ProviderRefused, SlotMissing, DoesNotOpen, KeyMissing
        """
        found = self._between.get(tenant)
        if found is not None and found.until > now and not anew:
            return found
        async with self._opening:
            waited = self._between.get(tenant)
            if waited is not None and waited is not found and waited.until > now:
                return waited  # another task asked meanwhile
            if self._refused is not None and now < self._refused[0]:
                raise self._refused[1]
            try:
                opened = await open_between(self._database, self._provider, tenant, now, self._provider_seconds)
            except (ProviderUnavailable, ProviderRefused) as error:
                self._refused = now + RETRY_SECONDS * 1_000_000, error
                raise
            self._between[tenant], self._refused = opened, None
        return opened

    def field(self, tenant: TenantId, table: bytes, column: bytes, version: int) -> BlindField:
        """Return the blind index key of one field; it is never derived from a data encryption key."""
        named = (tenant, table, column, version)
        found = self._fields.get(named)
        if found is None:
            found = self._fields[named] = index_field(self._index[tenant], table, column, version)
        return found

    @property
    def settled(self) -> int:
        """After how many microseconds every process has learned of a new key: twice the time for which it does not ask."""
        return 2 * self._provider_seconds * 1_000_000

    async def search_keys(self, tenant: TenantId, now: int) -> Sequence[IndexKey]:
        """Return the living generations of the search index's key, oldest first; there are two while one takes the other's place.

        Raises:
            ProviderUnavailable, ProviderRefused, SlotMissing, DoesNotOpen, KeyMissing
        """
        return (await self.between(tenant, now)).search

    async def sealer(self, tenant: TenantId, subject: SubjectId, purpose_class: PurposeClass, now: int, *, is_new: bool = False) -> DataKey:
        """Return the key that new values of a subject are sealed under, making it durable first if there is none.

        `is_new` says that the subject came to be just now, so that there is none to look for.
        """
        identity = (tenant, subject, purpose_class.value)
        key_ref = self._current.get(identity)
        if key_ref is not None:
            cached = self._cached(key_ref, now)
            if cached is not None:
                return cached.key
        row = None if is_new else await self._find(tenant, DEK, subject, purpose_class.value)
        if row is None:
            row = await self._make(tenant, DEK, subject, purpose_class.value, now)
        opened = await self._remember(row, now)
        self._current[identity] = row.key_ref
        if len(self._current) > self._size:
            self._current.popitem(last=False)
        return opened.key

    async def load(self, references: Iterable[KeyRef], now: int) -> None:
        """Open the keys that envelopes name, so that `open` finds all of them as long as the caller waits for nothing else meanwhile."""
        wanted, gone = set(references), set[KeyRef]()
        # Again until all are there: while this waits for the database, others may push out keys that were in memory before.
        while missing := [one for one in wanted - gone if self._cached(one, now) is None]:
            rows = [KeyRow(*row) for row in await self._database.fetch_each(store.BY_REF, [{"key_ref": one} for one in missing])]
            found = {row.key_ref: row for row in rows if row.kind == DEK}
            for key_ref in missing:
                row = found.get(key_ref)
                if row is not None:
                    await self._remember(row, now, len(wanted))
                else:
                    self._opened.pop(key_ref, None)
                    gone.add(key_ref)

    def open(self, permit: Permit, place: Place, envelope: bytes) -> bytes:
        """Return the plaintext of an envelope; whoever calls owes the audit trail an event before any byte leaves.

        Raises:
            NotPermitted: the permit is for another tenant.
            ShreddingPending: erasures have to be carried out first; only a permit to erase opens meanwhile.
            KeyMissing: the key was shredded, or `load` was not called.
            DoesNotOpen, NotAnEnvelope: the value is not at home in `place`.
        """
        if self._held is not None or permit.principal.tenant != place.tenant:
            self._check(permit, place)
        # Every value that is opened passes here: no call too many, no tuples, and no `.value`, which is slow.
        opened = self._opened.get(envelope[4:HEADER_BYTES])
        if opened and opened.subject == place.subject and opened.purpose_class is place.purpose_class and opened.tenant == place.tenant:
            return opened.key.open(place.context(), envelope)
        return self._key_of(place, key_ref_of(envelope)).open(place.context(), envelope)  # which says what is wrong

    def opening(self, permit: Permit, place: Place, header: bytes) -> OpeningStream:
        """Return a stream that opens what follows the header of an envelope; owed and raised is what `open` says."""
        self._check(permit, place)
        return self._key_of(place, parse_header(header).key_ref).opening(place.context(), header)

    def _check(self, permit: Permit, place: Place) -> None:
        if permit.principal.tenant != place.tenant:
            message = "The permit is for another tenant."
            raise NotPermitted(message)
        if self._held is not None and permit.action not in _WHILE_HELD:
            raise ShreddingPending(self._held)

    def open_service(self, cell: Cell, envelope: bytes) -> bytes:
        """Return a secret of the service itself (accounts, audit values).

        Raises:
            ShreddingPending, KeyMissing, DoesNotOpen, NotAnEnvelope: see `open`.
        """
        if self._held is not None:
            raise ShreddingPending(self._held)
        place = cell.place()
        return self._key_of(place, key_ref_of(envelope)).open(place.context(), envelope)

    async def seal_service(self, cell: Cell, plaintext: bytes, now: int) -> bytes:
        """Return the envelope of a secret of the service itself."""
        place = cell.place()
        key = await self.sealer(place.tenant, place.subject, place.purpose_class, now)
        return key.seal(Suite.XAES_256_GCM, place.context(), plaintext)

    async def signer(self, tenant: TenantId, now: int) -> SigningKey:
        """Return the key that signs the shred ledger and certificates of erasure, made when it is first asked for."""
        row = await self._find(tenant, SIGN, NO_SUBJECT, b"") or await self._make(tenant, SIGN, NO_SUBJECT, b"", now)
        seed = await self._unwrap(row, now)
        try:
            return SigningKey(seed)
        finally:
            wipe(seed)

    async def references(self, tenant: TenantId, subject: SubjectId) -> list[KeyRef]:
        """Return the references of every key of a subject, of each class and generation."""
        rows = await self._database.fetch(store.OF_SUBJECT, {"tenant": tenant, "subject": subject})
        return [KeyRef(row[0]) for row in rows]

    def hold(self, reason: str | None) -> None:
        """Open nothing, for a stated reason, until this is called with None: erasures have to be carried out first."""
        self._held = reason
        self.forget()

    @property
    def held(self) -> str | None:
        """Why nothing is opened; None in ordinary times."""
        return self._held

    def forget(self) -> None:
        """Drop every opened data key, as after a fork or a shred."""
        self._opened.clear()
        self._current.clear()

    def _key_of(self, place: Place, key_ref: KeyRef) -> DataKey:
        opened = self._opened.get(key_ref)
        if opened is None:
            message = "The key of this value is not there: it was shredded, or the key database is not the one that belongs to this data."
            raise KeyMissing(message)
        if opened.subject != place.subject or opened.purpose_class is not place.purpose_class or opened.tenant != place.tenant:
            message = "The value does not open: its key belongs to someone else."
            raise DoesNotOpen(message)
        return opened.key

    def _cached(self, key_ref: bytes, now: int) -> _Opened | None:
        opened = self._opened.get(key_ref)
        if opened is None or opened.until <= now:
            return None
        self._opened.move_to_end(key_ref)
        return opened

    async def _remember(self, row: KeyRow, now: int, needed: int = 1) -> _Opened:
        """Open a key and keep it, and so many of the others, those used last, as are needed at once even where the bound is lower."""
        secret = await self._unwrap(row, now)
        opened = _Opened(
            DataKey(KeyRef(row.key_ref), secret), row.tenant, row.subject, PurposeClass(row.purpose_class), now + self._lifetime
        )
        wipe(secret)
        self._opened[opened.key.key_ref] = opened
        self._opened.move_to_end(opened.key.key_ref)
        while len(self._opened) > max(self._size, needed):
            self._opened.popitem(last=False)
        return opened

    async def _unwrap(self, row: KeyRow, now: int) -> bytearray:
        between = await self.between(TenantId(row.tenant), now)
        if not between.covers(row):  # another process rotated a KEK or began an epoch
            between = await self.between(TenantId(row.tenant), now, anew=True)
        if not between.covers(row):
            message = "The key of this value was wrapped in an epoch that has been destroyed: the value cannot be read any more."
            raise KeyMissing(message)
        return wraps.unwrap(row, between.keks[row.wrapper], between.outer(row))

    async def _find(self, tenant: int, kind: str, subject: bytes, purpose_class: bytes) -> KeyRow | None:
        values = {"tenant": tenant, "kind": kind, "subject": subject, "class": purpose_class}
        rows = await self._database.fetch(store.CURRENT, values)
        return KeyRow(*rows[0]) if rows else None

    async def _make(self, tenant: TenantId, kind: str, subject: bytes, purpose_class: bytes, now: int, generation: int = 1) -> KeyRow:
        between = await self.between(tenant, now)
        mortal = kind == DEK and (subject != NO_SUBJECT or purpose_class == PurposeClass.SEARCHES.value)
        epoch = between.epoch if mortal else NO_EPOCH
        bare = KeyRow(new_key_ref(), tenant, kind, subject, purpose_class, generation, between.kek, epoch, b"", now)
        key = new_key()
        row = wraps.wrap(bare, between.keks[bare.wrapper], between.outer(bare), key)
        wipe(key)
        try:
            await self._database.commit(Unit((Add(store.ADD_KEY, [row]),)))
        except Conflict:  # another worker made the same key first: theirs is the key, ours was never used
            stored = await self._find(tenant, kind, subject, purpose_class)
            if stored is None:
                message = "A key was stored but cannot be found: look at the key database."
                raise KeyMissing(message) from None
            return stored
        return row

    async def renew_search(self, tenant: TenantId, now: int) -> None:
        """Make the next generation of the search index's key, unless there are two already; see `keys.index`."""
        current = await self._find(tenant, INDEX, NO_SUBJECT, SEARCH)
        if current is not None and len(await self.search_keys(tenant, now)) == 1:
            await self._make(tenant, INDEX, NO_SUBJECT, SEARCH, now, current.generation + 1)
        await self.between(tenant, now, anew=True)

    async def drop_search(self, tenant: TenantId, newest: int, now: int) -> None:
        """Destroy the generations of the search index's key before the one that everything was indexed under; another may have begun."""
        values = {"tenant": tenant, "kind": INDEX, "subject": NO_SUBJECT, "class": SEARCH}
        rows = [KeyRow(*row) for row in await self._database.fetch(store.GENERATIONS, values)]
        drops = [Alter(store.DROP, {"this": row.key_ref}, None) for row in rows if row.generation < newest]
        await self._database.commit(Unit(tuple(drops)))
        await self.between(tenant, now, anew=True)

    async def renew(self, tenant: TenantId, subject: SubjectId, purpose_class: PurposeClass, now: int) -> DataKey:
        """Make the next generation of a subject's key; from now on new values are sealed under it, and the older ones still open."""
        current = await self._find(tenant, DEK, subject, purpose_class.value)
        generation = current.generation + 1 if current else 1
        row = await self._make(tenant, DEK, subject, purpose_class.value, now, generation)
        self._current.pop((tenant, subject, purpose_class.value), None)
        return (await self._remember(row, now)).key
