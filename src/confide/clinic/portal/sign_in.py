"""`/auth/…`: sign in, set up the second factor, sign out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confide.clinic.portal.door import Answer
from confide.clinic.portal.errors import NotSignedIn
from confide.identity import enrol as enrolment
from confide.identity import sign_in as signing_in
from confide.identity import tokens
from confide.identity.model import Credentials, EnrolmentNeeded, SignedIn

if TYPE_CHECKING:
    from confide.clinic.portal.door import Door, Request
    from confide.values.principal import Principal


class SignInBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /auth/sign-in`."""

    username: str
    password: str
    code: str | None = None


class EnrolBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /auth/enrol`."""

    ticket: str
    code: str


ENROL = "/auth/enrol"
"""Where ticket and code are sent."""
_SIGN_IN, _ENROL = msgspec.json.Decoder(SignInBody), msgspec.json.Decoder(EnrolBody)


async def sign_in(door: Door, request: Request) -> Answer:
    """Answer with a bearer token, or with what is needed to set up the second factor."""
    body = await request.json(_SIGN_IN)
    given = Credentials(body.username, body.password, body.code)
    result = await signing_in.sign_in(door.identity, given, request.origin, request.now)
    if isinstance(result, EnrolmentNeeded):
        needed = {"ticket": result.ticket, "secret": result.secret, "uri": result.uri, "next": ENROL}
        return Answer(200, msgspec.json.encode({"enrolment": needed}))
    return _signed_in(result)


async def enrol(door: Door, request: Request) -> Answer:
    """Answer with a bearer token once the second factor is set up."""
    body = await request.json(_ENROL)
    return _signed_in(await enrolment.enrol(door.identity, body.ticket, body.code, request.origin, request.now))


async def sign_out(door: Door, request: Request) -> Answer:
    """Revoke the bearer token of the request; 204 whether or not it was valid."""
    token = bearer(request)
    if token is not None:
        await tokens.sign_out(door.identity, token, request.origin, request.now)
    return Answer(204)


def _signed_in(result: SignedIn) -> Answer:
    """RFC 6749 section 5.1."""
    return Answer(200, msgspec.json.encode({"access_token": result.token, "token_type": "Bearer", "expires_in": result.seconds}))


def bearer(request: Request) -> str | None:
    """Return the bearer token of a request (RFC 6750 section 2.1)."""
    scheme, _, token = request.headers.get(b"authorization", b"").partition(b" ")
    token = token.strip()
    return token.decode("ascii") if scheme.lower() == b"bearer" and token and token.isascii() else None


async def principal(door: Door, request: Request) -> Principal:
    """Return who asks.

    Raises:
        NotSignedIn: no valid bearer token.
    """
    token = bearer(request)
    found = await tokens.resolve(door.identity, token, request.now) if token is not None else None
    if found is None:
        raise NotSignedIn("Sign in first: send a valid bearer token from POST /auth/sign-in.")
    return found
