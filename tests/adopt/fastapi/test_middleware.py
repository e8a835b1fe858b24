"""Requests: a scope for each, and not a byte of an answer before its events are stored."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

import anyio
import httpx
import pytest
import sqlalchemy as sa
from fastapi import BackgroundTasks, Depends, FastAPI, Header, WebSocket
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy.orm import Session

from confide.adopt.errors import NobodyActs
from confide.adopt.fastapi.install import Purpose, install
from confide.adopt.fastapi.middleware import VaultMiddleware
from confide.adopt.scope import SCOPE, current
from confide.keys.errors import KeyFileRefused
from confide.store.errors import Unavailable
from confide.values.principal import Role

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.adopt.town import Town


@pytest.fixture
def people(town: Town, session: Session) -> list[bytes]:
    """Two customers; their row identifiers."""
    session.add_all([town.Customer(name=name) for name in ("Ada", "Ben")])
    session.commit()
    found = list(session.scalars(sa.select(town.Customer.row).order_by(town.Customer.id)))
    session.rollback()
    return found


def events(town: Town, engine: sa.Engine) -> int:
    """How many events are stored."""
    with engine.connect() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(town.vault.tables.outbox)) or 0)


class Named(BaseModel):
    """What an endpoint shows of a customer."""

    name: str


@pytest.fixture
def app(town: Town, engine: sa.Engine, people: list[bytes]) -> FastAPI:  # noqa: C901, PLR0915 - a list of endpoints
    """An application with an endpoint of each kind."""
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        seen.append("begun")
        yield
        seen.append("ended")

    def clerk(x_clerk: Annotated[str, Header()] = "") -> str:
        if x_clerk:
            town.vault.act(x_clerk, Purpose.CUSTOMER_CARE)
        return x_clerk

    async def person(x_person: Annotated[str, Header()] = "") -> None:
        if x_person:
            town.vault.act(x_person, Purpose.RIGHTS_FULFILMENT, role=Role.SUBJECT, own=bytes.fromhex(x_person))

    app = FastAPI(lifespan=lifespan, dependencies=[Depends(clerk), Depends(person)])
    app.state.seen = seen
    install(app, town.vault)

    def names() -> list[str]:
        with Session(engine) as session:
            return [one.name for one in session.scalars(sa.select(town.Customer).order_by(town.Customer.id))]

    @app.get("/validated")
    def validated() -> list[dict[str, Any]]:
        with Session(engine) as session:
            customers = session.scalars(sa.select(town.Customer).order_by(town.Customer.id))
            return [Named.model_validate(one, from_attributes=True).model_dump() for one in customers]

    @app.get("/answered", response_model=list[Named])
    def answered() -> list[Any]:
        with Session(engine, expire_on_commit=False) as session:
            return list(session.scalars(sa.select(town.Customer).order_by(town.Customer.id)))

    @app.get("/sync")
    def in_a_thread() -> list[str]:
        return names()

    @app.get("/async")
    async def in_the_loop() -> list[str]:
        return names()

    @app.get("/nothing")
    def nothing() -> str:
        return "nothing"

    @app.get("/stream")
    def stream() -> StreamingResponse:
        def parts() -> Iterator[bytes]:
            for at, name in enumerate(names()):
                yield f"{name} after {events(town, engine)} events\n".encode()
                with Session(engine) as session:
                    one = session.scalars(sa.select(town.Customer).order_by(town.Customer.id).offset(at)).first()
                    yield f"{type(one.email).__name__}\n".encode() if one else b""

        return StreamingResponse(parts())

    @app.get("/later")
    def later(tasks: BackgroundTasks) -> str:
        tasks.add_task(names)
        return "soon"

    @app.get("/fails")
    def fails() -> None:
        names()
        raise RuntimeError

    @app.get("/short")
    def short() -> None:
        with Session(engine) as session:
            session.add(town.Customer(name="x" * 500))
            session.flush()

    @app.websocket("/socket")
    async def socket(connection: WebSocket) -> None:
        await connection.accept()
        await connection.send_json(names())
        await connection.send_text(str(events(town, engine)))
        await connection.close()

    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client; the application's lifespan is on."""
    async with app.router.lifespan_context(app), client_of(app) as found:
        yield found


def client_of(app: Any) -> httpx.AsyncClient:
    """A client of an application whose failures are answered, as a server answers them."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://test")


CLERK = {"x-clerk": "anna"}


@pytest.mark.parametrize("path", ["/sync", "/async"])
async def test_whoever_is_signed_in_reads(town: Town, engine: sa.Engine, client: httpx.AsyncClient, path: str) -> None:
    """In a thread as in the event loop; each person has an event when the answer is there."""
    answer = await client.get(path, headers=CLERK)

    assert (answer.status_code, answer.json()) == (200, ["Ada", "Ben"])
    assert events(town, engine) == 2


async def test_nobody_reads_without_signing_in(town: Town, engine: sa.Engine, client: httpx.AsyncClient) -> None:
    """A forgotten sign-in opens nothing, and the answer says what is missing."""
    answer = await client.get("/sync")

    assert (answer.status_code, answer.json()["code"]) == (500, "adopt.nobody-acts")
    assert events(town, engine) == 0


async def test_one_request_does_not_act_for_the_next(town: Town, engine: sa.Engine, client: httpx.AsyncClient) -> None:
    """Nor does anything stay behind."""
    assert (await client.get("/sync", headers=CLERK)).status_code == 200
    assert (await client.get("/sync")).status_code == 500
    assert (await client.get("/nothing")).status_code == 200
    assert SCOPE.get() is None
    assert events(town, engine) == 2


async def test_a_person_who_is_shown_somebody_else_gets_a_refusal(client: httpx.AsyncClient, people: list[bytes]) -> None:
    """And no part of what was opened before."""
    answer = await client.get("/sync", headers={"x-person": people[0].hex()})

    assert (answer.status_code, answer.json()["code"]) == (403, "adopt.not-yours")
    assert "Ada" not in answer.text


@pytest.mark.parametrize("path", ["/validated", "/answered"])
async def test_a_model_of_the_answer_hides_no_refusal(client: httpx.AsyncClient, people: list[bytes], path: str) -> None:
    """Pydantic tells of whatever an attribute raises as a fault of the program; the client hears what it was."""
    assert (await client.get(path, headers=CLERK)).json() == [{"name": "Ada"}, {"name": "Ben"}]
    other = await client.get(path, headers={"x-person": people[0].hex()})
    nobody = await client.get(path)

    assert (other.status_code, other.json()["code"]) == (403, "adopt.not-yours")
    assert nobody.json()["code"] == "adopt.nobody-acts"
    assert "Ada" not in other.text + nobody.text


async def test_refusals_of_the_vault_have_a_status(client: httpx.AsyncClient) -> None:
    """What a caller did wrong is told as such, without the value."""
    answer = await client.get("/short", headers=CLERK)

    assert (answer.status_code, answer.json()["code"]) == (422, "sealed.too-long")
    assert "xxx" not in answer.text


class Watched:
    """An ASGI layer outside of everything: what is stored when each message leaves."""

    def __init__(self, app: Any, town: Town, engine: sa.Engine) -> None:
        self.app, self.town, self.engine = app, town, engine
        self.left: list[tuple[str, int]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def watched(message: Any) -> None:
            self.left.append((message["type"], await asyncio.to_thread(events, self.town, self.engine)))
            await send(message)

        await self.app(scope, receive, watched)


def requested(kind: str, path: str) -> dict[str, Any]:
    """The scope of a request without a client, to look at each message that leaves."""
    return {
        "type": kind, "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": kind,
        "headers": [(b"x-clerk", b"anna")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "http_version": "1.1",
    }  # fmt: skip


async def ask(app: Any, path: str) -> httpx.Response:
    """Send one request."""
    async with client_of(app) as client:
        return await client.get(path, headers=CLERK)


async def test_events_are_stored_before_the_first_byte(town: Town, engine: sa.Engine, app: FastAPI) -> None:
    """Seen from outside of the application."""
    await town.vault.start_async()
    watched = Watched(app, town, engine)
    answer = await ask(watched, "/sync")

    assert answer.json() == ["Ada", "Ben"]
    assert watched.left[0] == ("http.response.start", 2)


async def test_what_is_opened_during_a_stream_is_stored_before_its_part_leaves(town: Town, engine: sa.Engine, app: FastAPI) -> None:
    """An answer that began is no licence for the rest of it."""
    await town.vault.start_async()
    watched = Watched(app, town, engine)
    await ask(watched, "/stream")

    assert [count for kind, count in watched.left if kind == "http.response.start"] == [0]
    assert next(count for kind, count in watched.left if kind == "http.response.body") == 2


async def test_background_tasks_are_recorded_too(town: Town, engine: sa.Engine, app: FastAPI) -> None:
    """They run after the answer, in the scope of their request."""
    await town.vault.start_async()
    assert (await ask(app, "/later")).json() == "soon"

    assert events(town, engine) == 2


async def test_an_answer_that_cannot_be_recorded_does_not_leave(
    town: Town, engine: sa.Engine, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal goes in its place; nothing of what was opened is in it."""
    await town.vault.start_async()
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE audit_outbox RENAME TO gone"))
    answer = await ask(app, "/sync")

    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "Ada" not in answer.text


async def test_a_stream_that_cannot_be_recorded_breaks_off(town: Town, engine: sa.Engine, app: FastAPI) -> None:
    """The client sees that it is not whole, and gets no part that is not recorded."""
    await town.vault.start_async()
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE audit_outbox RENAME TO gone"))
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    async def receive() -> Any:
        await asyncio.sleep(60)

    with pytest.raises(Unavailable):
        await app(requested("http", "/stream"), receive, send)

    assert [message["type"] for message in messages] == ["http.response.start"]


async def test_an_answer_about_a_failure_is_recorded_as_well(town: Town, engine: sa.Engine, client: httpx.AsyncClient) -> None:
    """What was opened before the failure was opened."""
    assert (await client.get("/fails", headers=CLERK)).status_code == 500
    assert events(town, engine) == 2


async def test_websockets_are_recorded_before_each_message(town: Town, engine: sa.Engine, app: FastAPI) -> None:
    """As parts of an answer are."""
    await town.vault.start_async()
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    await app(requested("websocket", "/socket"), receive, send)

    assert [message["type"] for message in messages] == ["websocket.accept", "websocket.send", "websocket.send", "websocket.close"]
    assert (json.loads(messages[1]["text"]), messages[2]["text"]) == (["Ada", "Ben"], "2")


async def test_the_vault_lives_as_long_as_the_application(town: Town, app: FastAPI) -> None:
    """Opened before the application's own start, closed after its end."""
    async with app.router.lifespan_context(app):
        assert town.vault._background.parts is not None
        assert app.state.seen == ["begun"]

    assert town.vault._background.parts is None
    assert app.state.seen == ["begun", "ended"]


async def test_lost_keys_stop_the_start(town: Town, app: FastAPI) -> None:
    """Not the first request."""
    town.vault.close()
    choice = town.vault.settings.provider
    choice.path.unlink()  # type: ignore[union-attr]  # a key file
    with pytest.raises(KeyFileRefused):
        await app.router.lifespan_context(app).__aenter__()


async def test_other_protocols_pass(town: Town) -> None:
    """The middleware has no opinion about them."""
    passed: list[Any] = []

    async def inner(scope: Any, _receive: Any, _send: Any) -> None:
        passed.append((scope["type"], SCOPE.get()))

    await VaultMiddleware(inner, town.vault)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="nobody said"):
        current()

    assert passed == [("lifespan", None)]


EXTENSIONS = ["http.response.start", "http.response.trailers", "http.response.pathsend", "http.response.zerocopysend", "http.response.push",
              "websocket.http.response.start", "websocket.http.response.body", "some.day"]  # fmt: skip


@pytest.mark.parametrize("kind", EXTENSIONS)
async def test_events_are_stored_before_any_message(town: Town, engine: sa.Engine, people: list[bytes], kind: str) -> None:
    """Whatever its type is: also those of extensions."""
    left: list[tuple[str, int]] = []

    async def inner(_scope: Any, _receive: Any, send: Any) -> None:
        opens(town, engine)
        await send({"type": kind})

    async def send(message: Any) -> None:
        left.append((message["type"], events(town, engine)))

    await VaultMiddleware(inner, town.vault)(requested("http", "/"), None, send)  # type: ignore[arg-type]

    assert left == [(kind, 1)]


async def test_what_outlives_its_request_opens_nothing(town: Town, engine: sa.Engine, people: list[bytes]) -> None:
    """A task that was started there and forgotten is told to take a scope of its own."""
    late: list[asyncio.Task[None]] = []
    answered = asyncio.Event()

    async def goes_on() -> None:
        await answered.wait()
        opens(town, engine)

    async def inner(_scope: Any, _receive: Any, _send: Any) -> None:
        opens(town, engine)
        late.append(asyncio.create_task(goes_on()))

    await VaultMiddleware(inner, town.vault)(requested("http", "/"), None, None)  # type: ignore[arg-type]
    answered.set()
    with pytest.raises(NobodyActs, match="has ended"):
        await late[0]

    assert events(town, engine) == 1


async def test_a_request_that_is_cancelled_is_recorded(town: Town, engine: sa.Engine, people: list[bytes]) -> None:
    """Also by a scope that cancels whatever is awaited in it."""

    async def inner(_scope: Any, _receive: Any, _send: Any) -> None:
        opens(town, engine)
        await anyio.sleep(60)

    await town.vault.start_async()
    with anyio.move_on_after(0.05):
        await VaultMiddleware(inner, town.vault)(requested("http", "/"), None, None)  # type: ignore[arg-type]

    assert events(town, engine) == 1


def opens(town: Town, engine: sa.Engine) -> None:
    """Open a name; nobody need be said to act yet."""
    if current().principal is None:
        town.vault.act("clerk", Purpose.CUSTOMER_CARE)
    with Session(engine) as session:
        assert session.scalars(sa.select(town.Customer).order_by(town.Customer.id)).first().name == "Ada"  # type: ignore[union-attr]  # it is there
