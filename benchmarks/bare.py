"""The bare slice: what the same requests cost with nothing that protects. Run as a process: `python -m benchmarks.bare <port> <file>`.

Raw ASGI, one SQLite connection with group commit, JSON passed through. No TLS, no authentication, no authorisation, no validation, no
sealing, no audit. Whatever Confide costs more than this is the price of what it guarantees, or waste.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from uuid import UUID
from zlib import crc32

import msgspec
import uvicorn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

TABLES = """
CREATE TABLE document (key INTEGER PRIMARY KEY, id BLOB UNIQUE, content BLOB);
CREATE TABLE token (parameter INTEGER, value INTEGER, document INTEGER, PRIMARY KEY (parameter, value, document)) WITHOUT ROWID;
CREATE TABLE event (sequence INTEGER PRIMARY KEY, body BLOB);
"""
FAMILY, IDENTIFIER, BIRTH, SUBJECT, CODE, WHEN = range(6)
BY_ONE = "SELECT id, content FROM token JOIN document ON key = document WHERE parameter = ? AND value = ? ORDER BY document LIMIT ?"
BY_TWO = """
SELECT id, content FROM token one CROSS JOIN token two ON two.document = one.document CROSS JOIN document ON key = one.document
WHERE one.parameter = ? AND one.value = ? AND two.parameter = ? AND two.value = ? ORDER BY one.document LIMIT ?
"""
"""In this order: first the few documents of a patient, then which of them have the code."""
_PARSE = msgspec.json.Decoder().decode


class Slice:
    """The application."""

    def __init__(self, path: str) -> None:
        """Make the database."""
        self.database = sqlite3.connect(path, isolation_level=None, cached_statements=512)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536", "wal_autocheckpoint=16000"):
            self.database.execute(f"PRAGMA {pragma}")
        self.database.executescript(TABLES)
        self._waiting: list[tuple[Sequence[Any], Sequence[Any], Sequence[Any], asyncio.Future[None]]] = []

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        kind, _, identifier = scope["path"][1:].partition("/")
        self.admit(scope)
        headers: list[tuple[bytes, bytes]] = []
        if scope["method"] == "POST":
            number = os.urandom(16)
            content = await self.create(kind, number, await _body(receive))
            headers.append((b"location", f"/{kind}/{UUID(bytes=number)}/_history/1".encode()))
        elif identifier:
            content = await self.read(UUID(identifier).bytes)
        else:
            content = await self.search(kind, dict(parse_qsl(scope["query_string"].decode())))
        sent = [(b"content-type", b"application/fhir+json"), (b"content-length", b"%d" % len(content)), *headers]
        await send({"type": "http.response.start", "status": 201 if headers else 200, "headers": sent, "trailers": False})
        await send({"type": "http.response.body", "body": content, "more_body": False})

    def admit(self, scope: Scope) -> None:
        """Let everybody in."""

    async def create(self, kind: str, number: bytes, body: bytes) -> bytes:
        """Store a body as it came, with an identifier."""
        content = b'{"id":"%b",' % str(UUID(bytes=number)).encode() + body[1:]
        key = time.time_ns() >> 1
        await self.store([(key, number, content)], [(parameter, self.token(text), key) for parameter, text in index(kind, _PARSE(body))])
        return content

    async def read(self, number: bytes) -> bytes:
        """Return what is stored."""
        return self.find(number)

    async def search(self, kind: str, asked: dict[str, str]) -> bytes:
        """Return a bundle of what is stored."""
        return bundle([content for _, content in self.hits(kind, asked)])

    def token(self, text: str) -> int:
        """Return what stands in the index for a text."""
        return crc32(text.encode())

    def find(self, number: bytes) -> bytes:
        """Return one content."""
        found: bytes = self.database.execute("SELECT content FROM document WHERE id = ?", (number,)).fetchone()[0]
        return found

    def hits(self, kind: str, asked: dict[str, str]) -> list[tuple[bytes, bytes]]:
        """Return (identifier, content) of what a search finds."""
        count = int(asked["_count"])
        if kind == "Patient":
            return self.database.execute(BY_ONE, (FAMILY, self.token(asked["family"]), count)).fetchall()
        about, code = self.token("Patient/" + asked["patient"]), self.token(asked["code"].rpartition("|")[2])
        return self.database.execute(BY_TWO, (SUBJECT, about, CODE, code, count)).fetchall()

    def store(self, documents: Sequence[Any], tokens: Sequence[Any] = (), events: Sequence[Any] = ()) -> asyncio.Future[None]:
        """Store rows with all that wait in this turn of the loop; done once they are durable."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if not self._waiting:
            loop.call_soon(loop.call_soon, self._flush)
        self._waiting.append((documents, tokens, events, done))
        return done

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        self.database.execute("BEGIN IMMEDIATE")
        self.database.executemany("INSERT INTO document VALUES (?, ?, ?)", [row for one in waiting for row in one[0]])
        self.database.executemany("INSERT OR IGNORE INTO token VALUES (?, ?, ?)", [row for one in waiting for row in one[1]])
        self.database.executemany("INSERT INTO event (body) VALUES (?)", [row for one in waiting for row in one[2]])
        self.database.execute("COMMIT")
        for *_, done in waiting:
            done.set_result(None)


def bundle(contents: Sequence[bytes]) -> bytes:
    """Return a searchset."""
    return b'{"resourceType":"Bundle","type":"searchset","entry":[' + b",".join(b'{"resource":%b}' % one for one in contents) + b"]}"


def index(kind: str, resource: Any) -> list[tuple[int, str]]:
    """Return (parameter, text) of what is searched by."""
    if kind == "Patient":
        found = [(FAMILY, resource["name"][0]["family"]), (BIRTH, resource["birthDate"])]
        return found + [(IDENTIFIER, one["value"]) for one in resource["identifier"]]
    found = [(SUBJECT, resource["subject"]["reference"]), (WHEN, resource["effectiveDateTime"][:10])]
    return found + [(CODE, one["code"]) for one in resource["code"]["coding"]]


async def _body(receive: ASGIReceiveCallable) -> bytes:
    body, more = b"", True
    while more:
        event: Any = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    return body


def serve(application: Slice, port: int) -> None:
    """Serve until the process is ended."""
    uvicorn.run(application, port=port, loop="uvloop", http="httptools", lifespan="off", log_level="error", access_log=False)


if __name__ == "__main__":
    serve(Slice(sys.argv[2]), int(sys.argv[1]))
