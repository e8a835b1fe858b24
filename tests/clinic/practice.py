"""A small practice: the whole FHIR surface over real databases, with a client for each role and a clock that a test moves."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import sqlalchemy as sa
from starlette.applications import Starlette

from confide.audit.show import newest
from confide.cli.init import make_instance
from confide.cli.instance import call_now, origin_now
from confide.clinic.app import TENANT, clock, open_house
from confide.clinic.fhir.http import Door, routes
from confide.clinic.records import read as records
from confide.clinic.records.store import DOCUMENT, IMPORTED, SHARED, TOKEN, VERSION
from confide.identity import tokens
from confide.identity.accounts import create_account
from confide.identity.model import NewAccount
from confide.identity.password import FLOOR, Passwords
from confide.store.migrate import with_connection
from confide.store.statements import Change
from confide.store.work import Alter, Unit
from confide.values.ids import uuid_bytes
from confide.values.permit import Action

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from confide.clinic.app import House
    from confide.store.work import Database
    from confide.values.ids import DocumentKey
    from confide.values.principal import Role

PASSWORD = "tall-ferns-99"
JSON = {"content-type": "application/fhir+json"}
EVENTS, RECENT = 10_000, 40
"""More than any test makes, and more than are made between an answer and a look at its events."""
RECORDS = (DOCUMENT, VERSION, TOKEN, SHARED, IMPORTED)
DROPS = [Change(sa.delete(table)) for table in RECORDS]


@dataclass
class Client:
    """One signed-in account."""

    http: httpx.AsyncClient

    async def get(self, path: str, **parameters: str) -> httpx.Response:
        """GET below /fhir."""
        return await self.http.get(f"/fhir/{path}", params=parameters or None)

    async def create(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Store a resource and return it as the server does."""
        answer = await self.post(resource["resourceType"], resource)
        assert answer.status_code == 201, answer.text
        stored: dict[str, Any] = answer.json()
        return stored

    async def post(self, path: str, resource: object, **headers: str) -> httpx.Response:
        """POST JSON below /fhir."""
        return await self.http.post(f"/fhir/{path}", content=json.dumps(resource), headers={**JSON, **headers})

    async def put(self, resource: dict[str, Any], **headers: str) -> httpx.Response:
        """PUT a resource at its own address."""
        path = f"/fhir/{resource['resourceType']}/{resource['id']}"
        return await self.http.put(path, content=json.dumps(resource), headers={**JSON, **headers})

    async def delete(self, path: str, **headers: str) -> httpx.Response:
        """DELETE below /fhir."""
        return await self.http.delete(f"/fhir/{path}", headers=headers)

    async def transact(self, *entries: dict[str, Any]) -> httpx.Response:
        """POST a transaction."""
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "transaction"}
        return await self.post("", bundle | ({"entry": list(entries)} if entries else {}))

    async def found(self, kind: str, **parameters: str) -> list[str]:
        """Search, follow every next link, and return the ids in the order they come in."""
        answer = await self.get(kind, **parameters)
        found: list[str] = []
        while True:
            assert answer.status_code == 200, answer.text
            found += ids(answer.json())
            following = link(answer.json(), "next")
            if following is None:
                return found
            answer = await self.http.get(following)


@dataclass
class Practice:
    """The house, its application, and what it reported."""

    house: House
    application: Starlette
    now: list[int] = field(default_factory=lambda: [0])
    """Microseconds that the clock is ahead."""
    reported: list[BaseException] = field(default_factory=list)
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def client(self, token: str | None) -> Client:
        """Return a client that sends a bearer token, or none."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(self.application)
        http = httpx.AsyncClient(transport=transport, base_url=self.house.settings.public_url, headers=headers)
        self.clients.append(http)
        return Client(http)

    async def token(self, role: Role, patient: str | None = None) -> str:
        """Make an account and return a bearer token of it, as enrolment would."""
        house, now = self.house, clock() + self.now[0]
        call = call_now(house)
        key = await self.patient_key(patient) if patient else None
        new = NewAccount(f"one.{uuid4().hex[:12]}", PASSWORD, role, key)
        account = await create_account(house.identity, call.principal, new, origin_now(), now)
        signed_in, steps = tokens.issue(house.identity, account, now)
        await house.database.commit(Unit(tuple(steps)))
        return signed_in.token

    async def sign_in(self, role: Role, patient: str | None = None) -> Client:
        """Return a client of a new account; `patient` is the id of the Patient that a patient account belongs to."""
        return self.client(await self.token(role, patient))

    async def patient_key(self, identifier: str) -> DocumentKey:
        """Return the storage key of a Patient."""
        rows = call_now(self.house).rows("Patient", Action.READ)
        found = await records.current(self.database, rows, "Patient", uuid_bytes(identifier) or b"")
        assert found is not None
        return found.key

    @property
    def database(self) -> Database:
        """The data database."""
        return self.house.database

    async def events(self, answer: httpx.Response | None = None) -> list[dict[str, Any]]:
        """Return the events of one answer, or all, oldest first."""
        events = [json.loads(body) for body in await self.event_bodies(EVENTS if answer is None else RECENT)]
        wanted = answer.headers["x-request-id"] if answer is not None else None
        return [one for one in reversed(events) if wanted in (None, one["request"])]

    async def event_bodies(self, count: int) -> list[bytes]:
        """Return the stored bytes of the newest events, newest first."""
        return [body for _, body in await newest(self.database, TENANT, count)]

    async def sql(self, *statements: sa.Executable) -> list[tuple[Any, ...]]:
        """Run statements in one transaction past the server, as whoever administers the database could; return the last one's rows."""

        def work(connection: sa.Connection) -> list[tuple[Any, ...]]:
            results = [connection.execute(statement) for statement in statements]
            return [tuple(row) for row in results[-1]] if results[-1].returns_rows else []

        return await asyncio.to_thread(with_connection, self.house.settings.data_url, work)

    async def stored(self) -> dict[str, int]:
        """Return how many rows each table of the records has."""
        return {table.name: (await self.sql(sa.select(sa.func.count()).select_from(table)))[0][0] for table in RECORDS}

    async def wipe(self) -> None:
        """Drop every record; accounts, keys and the trail stay."""
        await self.database.commit(Unit(tuple(Alter(drop, {}, None) for drop in DROPS)))


@asynccontextmanager
async def open_practice(folder: Path, data_url: str | None = None, **chosen: Any) -> AsyncIterator[Practice]:
    """Open a practice in a fresh instance; its data lie at `data_url`, or in the folder."""
    given: dict[str, str | int | bool] = {"tls": False}
    if data_url is not None:
        given["data_database"] = data_url
    settings, _ = await asyncio.to_thread(make_instance, folder / "instance", given)
    async with open_house(settings.model_copy(update=chosen), clock()) as opened:
        identity = opened.identity
        identity.passwords = Passwords(FLOOR)
        practice = Practice(opened, Starlette())

        async def resolve(token: str, now: int) -> Any:
            return await tokens.resolve(identity, token, now)

        door = Door(
            opened.parts,
            resolve,
            lambda: clock() + practice.now[0],
            lambda *_: None,
            lambda error, *_: practice.reported.append(error),
            "2024-01-01T00:00:00Z",
            opened.keyring.field(TENANT, b"audit", b"network", 1),
        )
        practice.application.router.routes[:] = routes(door)
        yield practice
        for http in practice.clients:
            await http.aclose()


def ids(bundle: dict[str, Any]) -> list[str]:
    """Return the ids of the resources of a bundle."""
    return [entry["resource"]["id"] for entry in bundle.get("entry", [])]


def link(bundle: dict[str, Any], relation: str) -> str | None:
    """Return a link of a bundle."""
    return next((one["url"] for one in bundle.get("link", []) if one["relation"] == relation), None)


def entry(resource: dict[str, Any], address: str | None = None, **request: str) -> dict[str, Any]:
    """Return an entry of a transaction: a POST, or what `request` says (`method`, `url`, `ifMatch`)."""
    made = {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"], **request}}
    return made if address is None else {"fullUrl": address, **made}


def removal(address: str, **request: str) -> dict[str, Any]:
    """Return the entry of a transaction that deletes."""
    return {"request": {"method": "DELETE", "url": address, **request}}


def patient(family: str = "Quill", **more: Any) -> dict[str, Any]:
    """Return a Patient."""
    return {"resourceType": "Patient", "name": [{"family": family}], **more}


def observation(about: str, code: str = "8867-4", **more: Any) -> dict[str, Any]:
    """Return an Observation about the Patient with an id."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/{about}"},
        **more,
    }
