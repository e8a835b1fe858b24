"""Content that comes as it is: every byte comes back, nothing about it can act, and what is refused or broken off leaves no file."""

from __future__ import annotations

import json
import struct
import time
from base64 import b64decode
from socket import SO_LINGER, SOL_SOCKET
from typing import TYPE_CHECKING
from uuid import UUID

from tests.fuzz import tables
from tests.fuzz.inputs import BAD, CREATED, FHIR, NOT_FHIR, OK, STALE, TOO_LARGE, UNPROCESSABLE, Expected, Input, chunked, refused, request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fuzz.inputs import Headers
    from tests.fuzz.run import Run

ADDRESS = b"/fhir/Binary"
KINDS = (
    b"application/octet-stream",
    b"text/html",
    b"text/html; charset=utf-7",
    b"image/svg+xml",
    b"application/xhtml+xml",
    b"text/javascript",
    b"application/fhir+xml",
    b'multipart/form-data; boundary="a b"',
    b"application/x-www-form-urlencoded",
)
HARMLESS = {
    "content-disposition": "attachment",
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
}
KEY = tables.KEY
"""Content is sealed while it comes, so its key is made before anyone knows that it ends badly; such a key opens nothing."""
GONE_SECONDS = 5
"""Until the server has noticed that a client is gone."""


def binaries(run: Run, size: int) -> None:
    """Send content that is good, `size` pieces of it by chance, and then content that is not taken."""
    for content in (b"\x00", b"<script>alert(1)</script>", b'{"resourceType":"Patient"}', b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"):
        for kind in KINDS:
            round_trip(run, content, kind)
    for _ in range(size):
        round_trip(run, run.rng.randbytes(run.rng.choice([1, 1_000, 65_536, 65_537, 300_000])), run.rng.choice(KINDS))
    run.settle()
    for what, headers, body, expected in _refused(run):
        run.throw(Input(what, request("POST", ADDRESS, (_signed(run), *headers), body), "POST", expected))
        run.wire.close()
    too_large(run)
    broken_off(run)


def _signed(run: Run) -> tuple[bytes, bytes]:
    return b"authorization", f"Bearer {run.place.token}".encode()


def round_trip(run: Run, content: bytes, kind: bytes) -> None:
    """Store content and read it as it is, and as FHIR JSON."""
    made = run.send(f"content as {kind!r}", "POST", ADDRESS, Expected(frozenset({CREATED})), body=content, kind=kind)
    if made.status != CREATED:
        return
    address = "/" + made.header("location").split("/", 3)[3]
    read = run.send("the content", "GET", address.encode(), Expected(frozenset({OK})))
    if (read.body, read.header("content-type").encode()) != (content, kind):
        run.note(f"content as {kind!r}", "it came back changed")
    if any(read.header(name) != value for name, value in HARMLESS.items()):
        run.note(f"content as {kind!r}", "a browser may take it for a page")
    told = run.send("the Binary", "GET", address.encode(), Expected(frozenset({OK})), headers=((b"accept", FHIR),))
    if b64decode(json.loads(told.body)["data"]) != content:
        run.note(f"content as {kind!r}", "its base64 is another")


def _refused(run: Run) -> Iterator[tuple[str, Headers, bytes, Expected]]:
    """Yield what is wrong with what goes with the content."""
    mark = run.marks.new().encode()
    good = (b"content-type", b"text/plain")
    for kind in (
        b"",
        b"text",
        mark,
        b"text/",
        b"/plain",
        b"text/plain;" + mark,
        b"text /plain",
        b"te\xffxt/plain",
        b"*/*;",
        b'a/b; c="' + mark,
    ):
        yield f"content as {kind!r}", ((b"content-type", kind),), mark, refused(NOT_FHIR, BAD)
    yield "content of no type", (), mark, refused(NOT_FHIR)
    nobody = str(UUID(int=run.rng.getrandbits(128), version=4)).encode()
    for context in (b"Patient/" + nobody, b"Patient/" + mark, b"urn:uuid:" + nobody, b" ", b"\xff\xfe", b"Patient/" + mark + b"\t" + mark):
        yield f"a context of {context[:9]!r}", (good, (b"x-security-context", context)), mark, refused(BAD, UNPROCESSABLE)
    for body in (b"", b"{", mark, b'{"resourceType":"Binary"}', b'{"resourceType":"Binary","contentType":"a","data":"' + mark + b'"}'):
        yield f"FHIR JSON {body[:24]!r}", ((b"content-type", FHIR),), body, refused(BAD)
    yield "a tag of another version", (good, (b"if-none-exist", mark)), mark, refused(BAD, STALE)


def too_large(run: Run) -> None:
    """More than is taken, told beforehand and not."""
    limit, own = run.place.settings.binary_bytes, (_signed(run), (b"content-type", b"text/plain"))
    content, mark = bytes(limit + 1), run.marks.new().encode()
    told = request("POST", ADDRESS, (*own, (b"content-length", b"%d" % (limit + 1))))
    run.throw(Input("more content than is taken, told", told, "POST", refused(TOO_LARGE)))
    run.wire.close()
    pieces = request("POST", ADDRESS, (*own, (b"transfer-encoding", b"chunked"))) + chunked(mark + content)
    run.throw(Input("more content than is taken, in chunks", pieces, "POST", refused(TOO_LARGE)))
    run.wire.close()
    run.settle(KEY)


def broken_off(run: Run) -> None:
    """Uploads that end in the middle, by a goodbye or without one."""
    head = (_signed(run), (b"content-type", b"text/plain"))
    told = request("POST", ADDRESS, (*head, (b"content-length", b"5000000"))) + run.rng.randbytes(1_000_000)
    pieces = request("POST", ADDRESS, (*head, (b"transfer-encoding", b"chunked"))) + chunked(run.rng.randbytes(500_000))[:-9]
    for raw in (told, pieces, pieces + b"zz\r\n", told[:200]):
        for reset in (False, True):
            with run.wire.connect() as own:
                own.sendall(raw)
                time.sleep(0.05)
                if reset:
                    own.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            run.tally.sent[run.family] += 1
    until = time.monotonic() + GONE_SECONDS
    while run.files_changed() and time.monotonic() < until:
        time.sleep(0.1)
    run.settle(KEY)
