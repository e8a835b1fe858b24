"""What is sent, byte by byte, and what must come back."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

FHIR = b"application/fhir+json"
JSON = b"application/json"
FORM = b"application/x-www-form-urlencoded"
HOST = (b"host", b"localhost")
OK, CREATED, NO_CONTENT = 200, 201, 204
BAD, UNSIGNED, FORBIDDEN, MISSING, NO_METHOD, UNACCEPTABLE, STALE = 400, 401, 403, 404, 405, 406, 412
TOO_LARGE, NOT_FHIR, UNPROCESSABLE, TOO_MANY, HEAD_TOO_LARGE = 413, 415, 422, 429, 431
REFUSED = frozenset({BAD, UNSIGNED, FORBIDDEN, MISSING, NO_METHOD, UNACCEPTABLE, 409, STALE, TOO_LARGE, 414, NOT_FHIR, UNPROCESSABLE, 431})
"""Any of these, where an input may be wrong in several ways."""
ANY = REFUSED | {OK, CREATED, NO_CONTENT}
"""Where an input may also be good."""

Headers = tuple[tuple[bytes, bytes], ...]


class Surface(Enum):
    """Who answers, which says what a refusal looks like."""

    FHIR = "OperationOutcome"
    PORTAL = "code and message"
    PAGE = "a page of HTML"
    PLAIN = "a few words"


@dataclass(frozen=True)
class Expected:
    """What must come back; `issue` (an IssueType) and `where` (a FHIRPath) must be among the issues, `says` in their words."""

    statuses: frozenset[int]
    issue: str = ""
    where: str = ""
    says: str = ""
    silence: bool = False
    """Whether no answer will do: the connection may be closed, or the server may wait for the rest."""


@dataclass(frozen=True)
class Input:
    """One thing that is sent; `what` says in a few words what is wrong with it."""

    what: str
    raw: bytes = field(repr=False)
    method: str
    expected: Expected
    surface: Surface = Surface.FHIR


def refused(*statuses: int, issue: str = "", where: str = "", says: str = "") -> Expected:
    """Return the expectation of a refusal."""
    return Expected(frozenset(statuses), issue, where, says)


def request(method: str, target: bytes, headers: Headers = (), body: bytes | None = None) -> bytes:
    """Return an HTTP request as it stands, nothing encoded or mended; the length of a body is told unless `headers` do."""
    given = {name.lower() for name, _ in headers}
    told = [] if HOST[0] in given else [HOST]
    if body is not None and not given & {b"content-length", b"transfer-encoding"}:
        told.append((b"content-length", b"%d" % len(body)))
    lines = [b"%b %b HTTP/1.1" % (method.encode(), target), *(b"%b: %b" % one for one in (*told, *headers))]
    return b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")


def chunked(body: bytes, size: int = 65_536) -> bytes:
    """Return a body in chunks."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
