"""The one place where the server is put together."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount, Route

from confide.access.authorise import authorise
from confide.audit.append import Origin
from confide.clinic.errors import Undeclared
from confide.clinic.fhir import outcome
from confide.clinic.fhir.call import Call, Limits, Parts
from confide.clinic.fhir.definitions.structs import RESOURCE_TYPES, elements
from confide.clinic.fhir.erase import ClinicHoldings
from confide.clinic.fhir.http import Door, network, routes
from confide.clinic.fhir.prepare import instant
from confide.clinic.fhir.reindex import reindex, renew
from confide.clinic.portal.door import Door as PortalDoor
from confide.clinic.portal.routes import routes as portal_routes
from confide.clinic.records import file_sweep, jobs
from confide.clinic.records import read as records
from confide.clinic.records.blind import BlindIndex
from confide.clinic.records.fhir_map import undeclared
from confide.clinic.records.filing import files_of
from confide.crypto.random import new_uuid4
from confide.datamap.check import check_columns
from confide.identity import tokens
from confide.identity.parts import Identity
from confide.keys.errors import KeysError, ProviderRefused, ProviderUnavailable
from confide.keys.hierarchy import Keyring
from confide.keys.ledger import Ledger
from confide.keys.providers.opening import open_provider
from confide.keys.shred import keep_destroyed
from confide.keys.tend import renew_searches, tend
from confide.rights import erase as rights
from confide.store.errors import Unavailable
from confide.store.objects.beside import Beside
from confide.store.objects.opening import open_objects
from confide.store.opening import open_database
from confide.store.schema import DATA, KEYS
from confide.store.statements import Query
from confide.values.ids import Pseudonym, TenantId, uuid_bytes, uuid_text
from confide.values.logged import HouseUntended, KeysTended, Label, RequestCompleted, ServerStarted, ServerStopped
from confide.values.permit import Action
from confide.values.principal import Principal, Role
from confide.values.purpose import Purpose
from confide.watch.log import capture_loop, failure, name_of
from confide.watch.log import method as method_label

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from confide.clinic.settings import Settings
    from confide.keys.provider import Provider
    from confide.keys.providers.passphrase import Ask
    from confide.store.work import Database
    from confide.values.errors import ConfideError
    from confide.values.ids import DocumentKey
    from confide.values.logged import Log

    Observe = Callable[[str, str, int, str, int], None]
    Report = Callable[[BaseException, str, str], None]

TENANT = TenantId(1)
"""The embedded default serves one organisation."""

RETRY_SECONDS = 5
"""Between two attempts to open the house while its keys or databases cannot be had."""
TEND_SECONDS = 3_600
"""Between two looks at what is due by the clock."""

_ALIVE = Query(sa.select(sa.literal(1)))


def clock() -> int:
    """Return microseconds since 1970; the only clock of the server, read once at the door."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class House:
    """The built parts."""

    settings: Settings
    database: Database
    keys: Database
    provider: Provider
    keyring: Keyring
    ledger: Ledger
    identity: Identity
    parts: Parts

    def holdings(self, now: int) -> ClinicHoldings:
        """Return what the clinic holds of people, for the rights; the operator asks."""
        return ClinicHoldings(Call(self.parts, operator(), Origin(uuid_text(new_uuid4()), None), now))


def check_declared() -> None:
    """Return if every stored field is declared in the data map.

    Raises:
        Undeclared: names every field that is not.
    """
    tables = [table for metadata in (DATA, KEYS) for table in metadata.sorted_tables]
    faults = check_columns((table.name, column.name, column.info) for table in tables for column in table.columns)
    faults += [path for name in sorted(RESOURCE_TYPES) for path in undeclared((one.path, one.type) for one in elements(name))]
    if faults:
        message = "These stored fields are not declared in the data map, so the service does not start: " + "; ".join(faults[:20])
        raise Undeclared(message)


@asynccontextmanager
async def open_house(settings: Settings, now: int, prompt: Ask | None = None) -> AsyncIterator[House]:
    """Open the databases and build the parts; on leaving, what was submitted is stored and everything is closed.

    `prompt` asks a person for the passphrase, where one is needed and is in no file and no variable.
    Where the databases are behind the shred ledger, as after a restore, nothing opens until `catch_up` was called.

    Raises:
        Undeclared, UnknownObjects, KeyFileRefused, Unavailable, DoesNotOpen, LedgerRefused
    """
    check_declared()
    provider = open_provider(settings.provider, prompt)
    beside = Beside(open_objects(settings.objects_url))
    async with AsyncExitStack() as stack:
        stack.callback(beside.close)
        database = await open_database(settings.data_url)
        stack.push_async_callback(database.close)
        keys = await open_database(settings.keys_url)
        stack.push_async_callback(keys.close)
        keyring = Keyring(
            keys,
            provider,
            seconds=settings.key_cache_seconds,
            size=settings.key_cache_size,
            provider_seconds=settings.provider_seconds,
        )
        await keyring.start(TENANT, now)
        files = files_of(beside, keyring, TENANT)
        parts = Parts(database, keyring, BlindIndex(keyring, TENANT), _limits(settings), f"{settings.public_url}/fhir", files)
        identity = Identity(database, keyring, TENANT, token_seconds=settings.token_seconds, demo=settings.demo)
        ledger = Ledger(settings.ledger, (await keyring.signer(TENANT, now)).public())
        house = House(settings, database, keys, provider, keyring, ledger, identity, parts)
        keyring.hold(await _waiting(house, now))
        yield house


async def _waiting(house: House, now: int) -> str | None:
    """Return what has to be done before anything opens, in a sentence; None where there is nothing."""
    await keep_destroyed(house.keys, house.ledger.all())
    pending = await rights.pending(house.ledger, house.holdings(now), house.keys, TENANT)
    if pending:
        return f"Erasures of the shred ledger ({pending}) are carried out first, as after a restore: nothing opens until then."
    newest = (await house.keyring.search_keys(TENANT, now))[-1].generation
    under = await jobs.position(house.database, jobs.UNDER)
    if under is not None and under > newest:  # the key database was restored, and lacks the key that rows are indexed under
        await jobs.begin(house.database, jobs.REINDEX, 0)
        await jobs.remember(house.database, newest)
    if await jobs.position(house.database, jobs.REINDEX) is not None:
        return "The search index is being made anew after a restore: nothing opens until it is whole."
    return None


async def tend_keys(house: House, now: int) -> list[str]:
    """Do what is due by the clock; return the names of the deeds.

    Raises:
        ProviderUnavailable, ProviderRefused
    """
    policy = house.settings.policy
    await keep_destroyed(house.keys, house.ledger.all())  # before a sweep could take a key that was put back into the next epoch
    done = await tend(house.keys, house.provider, TENANT, policy, now)
    done += await renew_searches(house.keyring, house.keys, TENANT, policy, now)
    alone = await renew(house.holdings(now).call, lambda _count: None)
    return [*done, f"index-{alone} serves alone"] if alone is not None else done


async def catch_up(house: House, report: Callable[[int], None], now: int) -> int:
    """Do what has to be done before anything opens, then let the keyring open again; return how many erasures there were.

    Raises:
        LedgerRefused
    """
    done = await rights.catch_up(house.ledger, house.holdings(now), house.keys, TENANT, report, now)
    await reindex(house.holdings(now).call, jobs.REINDEX, report)
    house.keyring.hold(None)
    return done


def _limits(settings: Settings) -> Limits:
    return Limits(
        resource_bytes=settings.resource_bytes,
        bundle_bytes=settings.bundle_bytes,
        binary_bytes=settings.binary_bytes,
        default_count=settings.search_default_count,
        max_count=settings.search_max_count,
        total_cap=settings.search_total_cap,
        across_patients=frozenset(settings.search_across_patients),
    )


def application(settings: Settings, log: Log) -> Starlette:
    """Return the ASGI application; its lifespan opens the house and closes it."""

    def observe(route: str, method: str, status: int, request: str, microseconds: int) -> None:
        log(RequestCompleted(Label(route), method_label(method), status, UUID(request), microseconds))

    def report(error: BaseException, route: str, request: str) -> None:
        log(failure(error, route, request))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        capture_loop(log, asyncio.get_running_loop())
        async with AsyncExitStack() as stack:
            server = _Server(settings, log, app, stack, observe, report)
            await server.open()
            rest = asyncio.create_task(server.run())
            log(ServerStarted(settings.port, settings.tls))
            yield
            server.ended = True
            while not rest.done():  # a cancellation that meets the end of a call beside the loop is lost, so it is said again
                rest.cancel()
                await asyncio.wait({rest}, timeout=1)
        log(ServerStopped())

    app = Starlette(lifespan=lifespan)
    # A redirect would lead to whatever the Host header names, and repeat the query; an address is right or it is not there.
    app.router.redirect_slashes = False
    return app


@dataclass
class _Server:
    """The house behind the application: opened as soon as its keys can be had, and tended from then on."""

    settings: Settings
    log: Log
    app: Starlette
    stack: AsyncExitStack
    observe: Observe
    report: Report
    house: House | None = None
    ended: bool = False

    async def open(self) -> None:
        """Open the house, or answer 503 with the reason until it can be opened."""
        try:
            self.house = await self.stack.enter_async_context(open_house(self.settings, clock()))
        except (ProviderUnavailable, ProviderRefused, Unavailable) as error:
            self.log(HouseUntended(name_of(error)))
            self.app.router.routes[:] = waiting_routes(error)
        else:
            self.app.router.routes[:] = _routes(self.house, self.observe, self.report)

    async def run(self) -> None:
        """Open what is not open, carry out pending erasures, then do what is due by the clock."""
        while not self.ended:
            try:
                pause = await self._once()
            except Exception as error:  # noqa: BLE001 - whatever it was must not end the care of the keys
                self.log(HouseUntended(name_of(error)))
                pause = RETRY_SECONDS
            await asyncio.sleep(pause)

    async def _once(self) -> int:
        """Do the next of it; return the seconds until there is more to do."""
        house = self.house
        if house is None:
            await self.open()
            return RETRY_SECONDS
        if house.keyring.held is not None:
            await catch_up(house, lambda _count: None, clock())
        for deed in await tend_keys(house, clock()):
            self.log(KeysTended(Label(deed)))
        await file_sweep.left(house.parts.files, house.database, TENANT)
        return TEND_SECONDS


def waiting_routes(error: ConfideError) -> list[BaseRoute]:
    """Return what answers while the house is closed: why, and 503."""
    reason = str(error)

    async def health(_request: Request) -> Response:
        return Response(reason + "\n", 503, media_type="text/plain")

    _, body = outcome.answer(error)
    anything = Response(body, 503, {"retry-after": str(RETRY_SECONDS)}, "application/fhir+json")
    return [Route("/health", health), Mount("", anything)]


def _routes(house: House, observe: Observe, report: Report) -> list[BaseRoute]:
    async def resolve(token: str, now: int) -> Principal | None:
        return await tokens.resolve(house.identity, token, now)

    async def patient_key(identifier: str) -> DocumentKey | None:
        value = uuid_bytes(identifier)
        rows = authorise("Patient", operator(), Action.READ)
        found = await records.current(house.database, rows, "Patient", value) if value else None
        return found.key if found and not found.deleted else None

    async def health(_request: Request) -> Response:
        try:
            await house.database.fetch(_ALIVE, {})
            await house.keys.fetch(_ALIVE, {})
            await house.keyring.between(TENANT, clock())
        except Unavailable:
            return Response("a database cannot be used\n", 503, media_type="text/plain")
        except KeysError as error:
            return Response(f"{error}\n", 503, media_type="text/plain")
        if house.keyring.held is not None:
            return Response(f"{house.keyring.held}\n", 503, media_type="text/plain")
        return Response("ok\n", media_type="text/plain")

    async def root(_request: Request) -> Response:
        return Response("FHIR is served below /fhir, to whoever signs in with POST /auth/sign-in.\n", media_type="text/plain")

    networks = house.keyring.field(TENANT, b"audit", b"network", 1)
    door = Door(house.parts, resolve, clock, observe, report, instant(clock()), networks)
    portal = PortalDoor(house.identity, patient_key, clock, lambda scope: network(scope, networks), observe, report)
    return [Route("/", root), Route("/health", health), *routes(door), *portal_routes(portal)]


def operator() -> Principal:
    """Return the principal of whoever runs the command line beside the key file."""
    return Principal(TENANT, b"operator", Pseudonym(bytes(16)), Role.OPERATOR, Purpose.HEALTH_RECORDS_ADMINISTRATION, None)
