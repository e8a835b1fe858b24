"""The door of the portal: bounded bytes in, bytes out, every error answered in one place."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl

import msgspec

from confide.audit.append import Origin
from confide.clinic.portal.errors import Malformed, MethodNotAllowed, TooLarge, Unexpected, UnsupportedMediaType, status_of
from confide.identity.errors import TooManyAttempts
from confide.values.errors import ConfideError
from confide.values.ids import uuid4, uuid_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from confide.identity.parts import Identity
    from confide.values.ids import DocumentKey

    Interaction = Callable[["Door", "Request"], Awaitable["Answer"]]

BODY_BYTES = 16 * 1024
"""Four times the longest username and password that are taken, escaped."""
FORM_FIELDS = 8
JSON, FORM = b"application/json", b"application/x-www-form-urlencoded"

_Body = TypeVar("_Body", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Door:
    """What the portal needs from the house."""

    identity: Identity
    patient_key: Callable[[str], Awaitable[DocumentKey | None]]
    """From the id of a Patient of this tenant to its storage key, or None if there is none."""
    clock: Callable[[], int]
    """Microseconds since 1970."""
    network: Callable[[Scope], str | None]
    """What the audit trail may tell of where a request comes from; attempts are counted by it too."""
    observe: Callable[[str, str, int, str, int], None]
    """Route template, method, status, request id, duration in µs."""
    report: Callable[[BaseException, str, str], None]
    """An unexpected exception, the route template and the request id."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body and what goes with it."""

    status: int
    body: bytes = b""
    kind: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Request:
    """One request, read as far as its interaction needs it."""

    __slots__ = ("_receive", "headers", "now", "origin", "path")

    def __init__(self, scope: Scope, receive: Receive, origin: Origin, now: int) -> None:
        """Take the ASGI scope; `now` in microseconds since 1970."""
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.path: dict[str, str] = scope["path_params"]
        self.origin = origin
        self.now = now
        self._receive = receive

    async def json(self, decoder: msgspec.json.Decoder[_Body]) -> _Body:
        """Return the body as one strict Struct.

        Raises:
            UnsupportedMediaType, TooLarge
            Malformed: not JSON, or an unknown, missing or wrong member; it never says which value.
        """
        try:
            return decoder.decode(await self._body(JSON))
        except (msgspec.DecodeError, UnicodeDecodeError):  # its text may hold a value
            raise Malformed(
                "The body is not the JSON object that this address takes: see docs/reference/sign-in.md for its members."
            ) from None

    async def form(self) -> dict[str, str]:
        """Return the fields of a form; a field given twice is refused.

        Raises:
            UnsupportedMediaType, TooLarge, Malformed
        """
        body = await self._body(FORM)
        try:
            pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FORM_FIELDS)
        except ValueError:
            raise Malformed("The form cannot be read: send it from the page again.") from None
        if len(fields := dict(pairs)) != len(pairs):
            raise Malformed("A field of the form is there twice: send it from the page again.")
        return fields

    async def _body(self, kind: bytes) -> bytes:
        # A browser cannot send JSON to another site without asking first, so this check is one against forged requests too.
        if self.headers.get(b"content-type", b"").split(b";", 1)[0].strip().lower() != kind:
            raise UnsupportedMediaType(f"Send the body as {kind.decode()}.")
        body = bytearray()
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ConnectionResetError
            body += message.get("body", b"")
            if len(body) > BODY_BYTES:
                raise TooLarge(f"The body is larger than the {BODY_BYTES} bytes that this address takes.")
            more = message.get("more_body", False)
        return bytes(body)


def refusal(error: ConfideError) -> Answer:
    """Return the JSON answer for an error."""
    return Answer(status_of(error), msgspec.json.encode({"code": error.code, "message": str(error)}), JSON, headers_of(error))


def headers_of(error: ConfideError) -> tuple[tuple[bytes, bytes], ...]:
    """Return what goes with an error: how long to wait, or how to sign in (RFC 6750 section 3)."""
    if isinstance(error, TooManyAttempts):
        return ((b"retry-after", b"%d" % error.seconds),)
    return ((b"www-authenticate", b"Bearer"),) if status_of(error) == 401 else ()  # noqa: PLR2004 - unauthorised


class Endpoint:
    """One route template: an ASGI application that answers errors as `refuse` renders them."""

    def __init__(
        self, door: Door, template: str, methods: dict[str, Interaction], refuse: Callable[[ConfideError], Answer] = refusal
    ) -> None:
        """Take the interaction of each method."""
        self._door = door
        self._template = template
        self._methods = methods
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        door, now = self._door, self._door.clock()
        identifier = uuid_text(uuid4(secrets.token_bytes(16)))
        request = Request(scope, receive, Origin(identifier, door.network(scope)), now)
        try:
            answer = await self._answer(scope["method"], request)
        except ConnectionResetError:
            return
        except ConfideError as error:
            answer = self._refuse(error)
            if answer.status >= 500:  # noqa: PLR2004 - server errors
                door.report(error, self._template, identifier)
        except Exception as error:  # noqa: BLE001 - the last line of defence: no internal text reaches the caller or the log
            door.report(error, self._template, identifier)
            answer = self._refuse(Unexpected("Something went wrong on our side. Tell us the request id in X-Request-Id."))
        await _send(send, answer, identifier, head=scope["method"] == "HEAD")
        door.observe(self._template, scope["method"], answer.status, identifier, door.clock() - now)

    async def _answer(self, method: str, request: Request) -> Answer:
        interaction = self._methods.get("GET" if method == "HEAD" else method)
        if interaction is not None:
            return await interaction(self._door, request)
        answer = self._refuse(MethodNotAllowed("This address does not take that method."))
        allow = ", ".join(self._methods).encode()
        return Answer(answer.status, answer.body, answer.kind, (*answer.headers, (b"allow", allow)))


async def _send(send: Send, answer: Answer, identifier: str, *, head: bool) -> None:
    headers = [
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-request-id", identifier.encode()),
        *answer.headers,
    ]
    if answer.status != 204:  # noqa: PLR2004 - RFC 9110 15.3.5: no content, no length
        headers += [(b"content-type", answer.kind), (b"content-length", b"%d" % len(answer.body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})
