"""The opened parts of a vault, all of them in its own thread."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from confide.adopt.begin import check
from confide.adopt.errors import StillWriting
from confide.keys.errors import KeysError
from confide.keys.hierarchy import Keyring
from confide.keys.ledger import Ledger, State
from confide.keys.providers.opening import open_provider
from confide.keys.shred import keep_destroyed
from confide.keys.tend import tend
from confide.rights import erase as rights
from confide.rights.holdings import Holdings
from confide.store.errors import StoreError
from confide.store.opening import open_database, sqlite_path
from confide.store.sqlite import SqliteDatabase
from confide.values.errors import ConfideError
from confide.values.ids import SubjectId

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine
    from pathlib import Path

    from confide.adopt.settings import Settings
    from confide.keys.provider import Provider
    from confide.store.work import Database
    from confide.values.ids import TenantId

FIRST_TEND_SECONDS, TEND_SECONDS = 60, 3_600


def clock() -> int:
    """Return microseconds since 1970; the only clock of a vault, read at its door."""
    return time.time_ns() // 1000


class SweptHoldings(Holdings, Protocol):
    """The models of a backend."""

    async def sweep(self, subjects: Collection[SubjectId]) -> int:
        """Take people out of the blind index again, where somebody wrote for them after their erasure; return how many there were."""
        ...


if TYPE_CHECKING:
    HoldingsOf = Callable[[Database, TenantId], SweptHoldings]


@dataclass
class Parts:
    """What work in the vault's thread has at hand."""

    settings: Settings
    keys: Database
    data: Database
    provider: Provider
    keyring: Keyring
    ledgers: dict[TenantId, Ledger]
    holdings: HoldingsOf | None
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


async def open_parts(settings: Settings, holdings: HoldingsOf | None) -> Parts:
    """Open both databases and the keys.

    Where the databases are behind the shred ledger, as after a restore, nothing opens until it has been carried out, which begins at once.

    Raises:
        KeysLost, SchemaBehind, Unavailable, ProviderUnavailable, ProviderRefused, KeyFileRefused, DoesNotOpen, LedgerRefused
    """
    await asyncio.to_thread(check, settings)
    provider = open_provider(settings.provider)
    keys = await open_database(settings.keys)
    try:
        data = await _open_data(settings.database)
        try:
            # A backend's own memory of opened keys lives as long again (adopt/vault.py), so each gets half of the time.
            keyring = Keyring(keys, provider, seconds=max(1, settings.cache_seconds // 2))
            parts = Parts(settings, keys, data, provider, keyring, {}, holdings)
            for tenant in settings.tenants:
                await keyring.start(tenant, clock())
                public = (await keyring.signer(tenant, clock())).public()
                parts.ledgers[tenant] = Ledger(ledger_path(settings, tenant), public)
                await _keep_destroyed(parts, tenant)
            await hold_what_is_behind(parts)
            _begin(parts, _tend(parts))
        except BaseException:
            await data.close()
            raise
    except BaseException:
        await keys.close()
        raise
    return parts


async def _open_data(url: str) -> Database:
    """Return the backend's database; in a file that the backend writes too, nobody waits for it on the event loop (`record.py`)."""
    path = sqlite_path(url)
    return await open_database(url) if path is None else SqliteDatabase(path, busy_milliseconds=0)


def ledger_path(settings: Settings, tenant: TenantId) -> Path:
    """Return the ledger of a tenant; the first one's has the name that was given."""
    given = settings.ledger
    return given if tenant == settings.tenants[0] else given.with_name(f"{given.stem}-{tenant}{given.suffix}")


async def hold_what_is_behind(parts: Parts) -> None:
    """Hold the keys while erasures of the ledger wait to be carried out, and begin to do so."""
    if parts.holdings is None:
        return
    waiting = 0
    for tenant, ledger in parts.ledgers.items():
        if ledger.pending(State()):
            waiting += await rights.pending(ledger, parts.holdings(parts.data, tenant), parts.keys, tenant)
    if waiting:
        reason = f"Erasures of the shred ledger ({waiting}) are carried out first, as after a restore: nothing opens until then."
        parts.keyring.hold(reason)
        _begin(parts, _catch_up(parts, reason))


async def _catch_up(parts: Parts, reason: str) -> None:
    while True:
        try:
            for tenant in parts.ledgers:
                await catch_up(parts, tenant)
        except ConfideError as error:  # whose sentences hold nothing personal
            parts.keyring.hold(f"{reason} The last attempt failed ({error.code}): {error}")
        except Exception as error:  # noqa: BLE001 - whatever it was must not end the attempts
            parts.keyring.hold(f"{reason} The last attempt failed ({type(error).__name__}).")
        else:
            parts.keyring.hold(None)
            return
        await asyncio.sleep(1)


async def catch_up(parts: Parts, tenant: TenantId) -> int:
    """Carry out what the ledger of a tenant tells and a database has not done yet; return how many erasures there were."""
    if parts.holdings is None:
        return 0
    holdings = parts.holdings(parts.data, tenant)
    done = await rights.catch_up(parts.ledgers[tenant], holdings, parts.keys, tenant, lambda _count: None, clock())
    await _sweep(parts, tenant)
    return done


async def tend_tenant(parts: Parts, tenant: TenantId) -> list[str]:
    """Do what is due by the clock for a tenant; return the names of the deeds.

    Raises:
        ProviderUnavailable, ProviderRefused, LedgerRefused, Unavailable, StillWriting
    """
    await _keep_destroyed(parts, tenant)  # before a sweep could take a key that was put back into the next epoch
    done = await tend(parts.keys, parts.provider, tenant, parts.settings.lifetimes, clock())
    await _sweep(parts, tenant)
    return done


async def _keep_destroyed(parts: Parts, tenant: TenantId) -> None:
    # Not whole people: a backend may write for somebody anew under the identifier of before, and that opens.
    await keep_destroyed(parts.keys, parts.ledgers[tenant].all(), subjects=False)


async def _sweep(parts: Parts, tenant: TenantId) -> None:
    """Take whoever was erased, and has no key since, out of the blind index: another process may have written under a key at hand."""
    if parts.holdings is None:
        return
    erased = {SubjectId(subject) for entry in parts.ledgers[tenant].all() for subject in entry.subject_ids()}
    gone = [subject for subject in erased if not await parts.keyring.references(tenant, subject)]
    await parts.holdings(parts.data, tenant).sweep(gone)


async def _tend(parts: Parts) -> None:
    await asyncio.sleep(FIRST_TEND_SECONDS)
    while True:
        for tenant in parts.settings.tenants:
            with suppress(KeysError, StoreError, StillWriting):  # as due in an hour as now
                await tend_tenant(parts, tenant)
        await asyncio.sleep(TEND_SECONDS)


def _begin(parts: Parts, work: Coroutine[None, None, None]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    parts.tasks.add(task)
    task.add_done_callback(parts.tasks.discard)


async def close_parts(parts: Parts) -> None:
    """Store what was submitted, and let go of both databases."""
    for task in parts.tasks:
        task.cancel()
    await parts.data.close()
    await parts.keys.close()
