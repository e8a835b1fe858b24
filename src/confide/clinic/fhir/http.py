"""The door: bytes in, bytes out. Reads the clock once, resolves the token, and turns every error into an OperationOutcome."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.routing import Route

from confide.access.errors import Denied, Unauthenticated
from confide.audit.append import Origin, Told
from confide.audit.errors import EventTooLarge
from confide.clinic.fhir import outcome
from confide.clinic.fhir.answer import FHIR_JSON
from confide.clinic.fhir.call import Call, Parts
from confide.clinic.fhir.definitions.structs import RESOURCE_TYPES
from confide.clinic.fhir.errors import FhirError, MethodNotAllowed, NotAcceptable, TooLarge, UnknownAddress, UnsupportedMediaType
from confide.clinic.fhir.interactions import binary, capabilities, create, delete, history, read, search, transaction, update
from confide.clinic.fhir.interactions.binary import Sent
from confide.clinic.fhir.owners import BINARY
from confide.clinic.fhir.streaming import streamed
from confide.crypto.errors import CryptoError
from confide.keys.errors import KeysError
from confide.sealed.errors import SealedError
from confide.store.errors import Conflict
from confide.store.objects.errors import ObjectsError
from confide.values.errors import ConfideError
from confide.values.ids import uuid4, uuid_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from confide.clinic.fhir.answer import Answer, Stream
    from confide.crypto.derive import BlindField
    from confide.values.principal import Principal

    Resolve = Callable[[str, int], Awaitable[Principal | None]]
    Interaction = Callable[["Request", Call], Awaitable[Answer]]

_TAKEN = {b"application/fhir+json", b"application/json", b"application/json+fhir"}
_FORM = b"application/x-www-form-urlencoded"
FORM_BYTES = 64 * 1024
"""A search by POST; 64 KiB is above what any server takes in an address."""
MAX_PAIRS = 64


@dataclass(frozen=True, slots=True)
class Door:
    """What the door needs from the house."""

    parts: Parts
    resolve: Resolve
    """From a bearer token and the time to a principal, or None."""
    clock: Callable[[], int]
    """Microseconds since 1970."""
    observe: Callable[[str, str, int, str, int], None]
    """Route template, method, status, request id, duration in µs."""
    report: Callable[[BaseException, str, str], None]
    """An unexpected exception, the route template and the request id."""
    started: str
    networks: BlindField
    """Keyed hashes of networks for the trail."""


class Request:
    """One request, read as far as its interaction needs it."""

    __slots__ = ("_receive", "headers", "method", "path", "query")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        """Take the ASGI scope."""
        self.method: str = scope["method"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.path: dict[str, str] = scope["path_params"]
        self.query: bytes = scope["query_string"]
        self._receive = receive

    async def body(self, limit: int, taken: set[bytes]) -> bytes:
        """Return the body.

        Raises:
            UnsupportedMediaType, TooLarge
        """
        kind = self.headers.get(b"content-type", b"").split(b";", 1)
        charset = kind[1].strip().lower() if len(kind) > 1 else b""
        if kind[0].strip().lower() not in taken or (charset.startswith(b"charset=") and charset[8:].strip(b'"') != b"utf-8"):
            message = "Send application/fhir+json in UTF-8."
            raise UnsupportedMediaType(message)
        return b"".join([chunk async for chunk in self.chunks(limit)])

    async def chunks(self, limit: int) -> AsyncIterator[bytes]:
        """Yield the body as it comes.

        Raises:
            TooLarge
        """
        declared = self.headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            raise TooLarge(_too_large(limit))
        size, more = 0, True
        while more:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                raise ConnectionResetError
            chunk = event.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise TooLarge(_too_large(limit))
            yield chunk
            more = event.get("more_body", False)

    def text(self, header: bytes) -> str | None:
        """Return the value of a header."""
        value = self.headers.get(header)
        return value.decode("latin-1") if value is not None else None

    def pairs(self, text: bytes) -> list[tuple[str, str]]:
        """Return query parameters.

        Raises:
            FhirError: not UTF-8, or too many.
        """
        try:
            return parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PAIRS)
        except ValueError:
            message = "The query is not UTF-8, or has too many parameters."
            raise FhirError(message) from None


def _too_large(limit: int) -> str:
    return f"The body is larger than the {limit} bytes that this interaction takes."


def routes(door: Door) -> list[Route]:
    """Return the FHIR routes below `/fhir`."""
    templates: tuple[tuple[str, dict[str, Interaction]], ...] = (
        ("/fhir", {"POST": _transaction}),
        ("/fhir/", {"POST": _transaction}),
        ("/fhir/{type}", {"GET": _search, "POST": _create}),
        ("/fhir/{type}/_search", {"POST": _search_by_post}),
        ("/fhir/{type}/{id}", {"GET": _read, "PUT": _update, "DELETE": _delete}),
        ("/fhir/{type}/{id}/_history", {"GET": _history}),
        ("/fhir/{type}/{id}/_history/{vid}", {"GET": _read}),
        ("/fhir/{rest:path}", {}),
    )
    found = [Route("/fhir/metadata", _Metadata(door), methods=None)]
    return found + [Route(template, _Endpoint(door, template, methods), methods=None) for template, methods in templates]


class _Metadata:
    """Capabilities need no sign-in."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        door = self._door
        if scope["method"] not in {"GET", "HEAD"}:
            status, body = outcome.answer(MethodNotAllowed("This address does not take that method."))
            await _send(send, status, body, [(b"allow", b"GET")], head=False)
            return
        await _send(send, 200, capabilities.capabilities(door.parts.base, door.started), [], head=scope["method"] == "HEAD")


class _Endpoint:
    """One route template: an ASGI application, without a framework between the socket and the interaction."""

    def __init__(self, door: Door, template: str, methods: dict[str, Interaction]) -> None:
        self._door = door
        self._template = template
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        door, now = self._door, self._door.clock()
        request = Request(scope, receive)
        identifier = uuid_text(uuid4(secrets.token_bytes(16)))
        method = "GET" if request.method == "HEAD" else request.method
        headers: list[tuple[bytes, bytes]] = []
        stream: Stream | None = None
        try:
            answer = await self._answer(request, method, identifier, now, scope)
            status, body, headers, stream = answer.status, answer.body, answer.headers(), answer.stream
            if answer.location is not None and b"return=minimal" in request.headers.get(b"prefer", b""):
                body = b""  # of a create or an update; a searchset or a transaction's answer would be lost
        except ConfideError as error:
            status, body = outcome.answer(error)
            if status >= 500:  # noqa: PLR2004 - server errors
                door.report(error, self._template, identifier)
            if status == 401:  # noqa: PLR2004 - RFC 6750 3
                headers = [(b"www-authenticate", b"Bearer")]
            if isinstance(error, MethodNotAllowed):
                headers = [(b"allow", ", ".join(self._methods).encode())]
        except ConnectionResetError:
            return
        except Exception as error:  # noqa: BLE001 - the last line of defence: no internal text reaches the caller or the log
            door.report(error, self._template, identifier)
            status, body = outcome.answer(_unexpected())
        headers.append((b"x-request-id", identifier.encode()))
        if stream is None:
            await _send(send, status, body, headers, head=request.method == "HEAD")
        else:
            try:
                await streamed(stream, receive, send, status, headers, head=request.method == "HEAD")
            except Exception as error:  # noqa: BLE001 - the beginning is sent: nothing is left but to break off, which the server does
                door.report(error, self._template, identifier)
        door.observe(self._template, request.method, status, identifier, door.clock() - now)

    async def _answer(self, request: Request, method: str, identifier: str, now: int, scope: Scope) -> Answer:
        door = self._door
        principal = await _principal(request, door, now)
        call = Call(door.parts, principal, Origin(identifier, network(scope, door.networks)), now)
        try:
            if not self._methods:
                message = "There is nothing at this address below /fhir: see /fhir/metadata for what is offered."
                raise UnknownAddress(message)
            interaction = self._methods.get(method)
            if interaction is None:
                message = "This address does not take that method."
                raise MethodNotAllowed(message)
            kind = request.path.get("type")
            if kind is not None and kind not in RESOURCE_TYPES:
                message = "There is no such resource type in FHIR R4."
                raise UnknownAddress(message)
            if not native(request):
                _check_accept(request)
            return await interaction(request, call)
        except (Denied, FhirError, EventTooLarge, CryptoError, KeysError, SealedError, Conflict, ObjectsError) as error:
            await _tell_refusal(call, error)
            raise


async def _tell_refusal(call: Call, error: ConfideError) -> None:
    """Append the event of a refusal. An interaction that got as far as its rows has told about them already."""
    if isinstance(error, FhirError) and error.told:
        return
    outcome_name = "denied" if isinstance(error, Denied) else "refused" if isinstance(error, FhirError | EventTooLarge) else "failed"
    await call.commit([Told("rest", "refuse", outcome_name, error.code)])


async def _principal(request: Request, door: Door, now: int) -> Principal:
    scheme, _, token = request.headers.get(b"authorization", b"").partition(b" ")
    principal = None
    if scheme.lower() == b"bearer" and token and token.isascii():
        principal = await door.resolve(token.decode("ascii").strip(), now)
    if principal is None:
        message = "Sign in first: send a valid bearer token from POST /auth/sign-in."
        raise Unauthenticated(message)
    return principal


def network(scope: Scope, networks: BlindField) -> str | None:
    """Return a keyed hash of the network prefix (/24 or /48), so that the trail tells equal networks without telling which."""
    client = scope.get("client")
    if not client:
        return None
    host: str = client[0]
    prefix = ":".join(host.split(":")[:3]) if ":" in host else host.rsplit(".", 1)[0]
    return networks.token(prefix.encode()).to_bytes(8, "big").hex()


def _check_accept(request: Request) -> None:
    accept = request.headers.get(b"accept")
    if accept is None or b"json" in accept or b"*/*" in accept or b"application/*" in accept:
        return
    message = "This server answers in application/fhir+json only."
    raise NotAcceptable(message)


def _unexpected() -> ConfideError:
    return ConfideError("Something went wrong on our side, and nothing was stored. Tell us the request id in X-Request-Id.")


async def _send(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]], *, head: bool) -> None:
    sent = [
        (b"content-type", FHIR_JSON),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *headers,
    ]
    if status == 204:  # noqa: PLR2004 - RFC 9110 15.3.5: no content, no length
        sent = [one for one in sent if not one[0].startswith(b"content-")]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": b"" if head else body})


def native(request: Request) -> bool:
    """Tell whether a Binary is asked for as it is: unless FHIR JSON is named (https://hl7.org/fhir/R4/binary.html#rest)."""
    asks = request.method in {"GET", "HEAD"} and request.path.get("type") == BINARY and "id" in request.path
    named = request.headers.get(b"accept", b"") + b" " + request.query
    return asks and b"json" not in named and b"fhir+xml" not in named


def _sent(request: Request, call: Call) -> Sent:
    kind = request.text(b"content-type") or ""
    return Sent(kind, request.text(b"x-security-context"), request.chunks(call.parts.limits.binary_bytes))


async def _transaction(request: Request, call: Call) -> Answer:
    return await transaction.transaction(call, await request.body(call.parts.limits.bundle_bytes, _TAKEN))


async def _create(request: Request, call: Call) -> Answer:
    if b"if-none-exist" in request.headers:
        message = "Conditional creates are not offered yet."
        raise FhirError(message)
    if request.path["type"] == BINARY:
        return await binary.create(call, _sent(request, call))
    body = await request.body(call.parts.limits.resource_bytes, _TAKEN)
    return await create.create(call, request.path["type"], body)


async def _update(request: Request, call: Call) -> Answer:
    if request.path["type"] == BINARY:
        return await binary.update(call, request.path["id"], _sent(request, call), request.text(b"if-match"))
    body = await request.body(call.parts.limits.resource_bytes, _TAKEN)
    return await update.update(call, request.path["type"], request.path["id"], body, request.text(b"if-match"))


async def _delete(request: Request, call: Call) -> Answer:
    return await delete.delete(call, request.path["type"], request.path["id"], request.text(b"if-match"))


async def _read(request: Request, call: Call) -> Answer:
    version = request.path.get("vid")
    if native(request):
        return await binary.read(call, request.path["id"], version)
    return await read.read(call, request.path["type"], request.path["id"], version)


async def _history(request: Request, call: Call) -> Answer:
    return await history.history(call, request.path["type"], request.path["id"], request.pairs(request.query))


def _lenient(request: Request) -> bool:
    return b"handling=lenient" in request.headers.get(b"prefer", b"")


async def _search(request: Request, call: Call) -> Answer:
    return await search.search(call, request.path["type"], request.pairs(request.query), lenient=_lenient(request))


async def _search_by_post(request: Request, call: Call) -> Answer:
    form = request.pairs(await request.body(FORM_BYTES, {_FORM}))
    pairs = request.pairs(request.query) + form
    return await search.search(call, request.path["type"], pairs, lenient=_lenient(request))
