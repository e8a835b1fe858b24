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
"""
FAMILY, IDENTIFIER, BIRTH, SUBJECT, CODE, WHEN = range(6)
_BY_ONE = "SELECT content FROM token JOIN document ON key = document WHERE parameter = ? AND value = ? ORDER BY document LIMIT ?"
_BY_TWO = """
SELECT content FROM token one CROSS JOIN token two ON two.document = one.document CROSS JOIN document ON key = one.document
WHERE one.parameter = ? AND one.value = ? AND two.parameter = ? AND two.value = ? ORDER BY one.document LIMIT ?
"""
"""In this order: first the few documents of a patient, then which of them have the code."""
_PARSE = msgspec.json.Decoder().decode


class Slice:
    """The application."""

    def __init__(self, path: str) -> None:
        """Make the database."""
        self._database = sqlite3.connect(path, isolation_level=None, cached_statements=512)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536", "wal_autocheckpoint=16000"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.executescript(TABLES)
        self._waiting: list[tuple[tuple[int, bytes, bytes], list[tuple[int, int, int]], asyncio.Future[None]]] = []

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        kind, _, identifier = scope["path"][1:].partition("/")
        headers: list[tuple[bytes, bytes]] = []
        if scope["method"] == "POST":
            content, location = await self._create(kind, await _body(receive))
            headers.append((b"location", location))
        elif identifier:
            content = self._read(identifier)
        else:
            content = self._search(kind, dict(parse_qsl(scope["query_string"].decode())))
        sent = [(b"content-type", b"application/fhir+json"), (b"content-length", b"%d" % len(content)), *headers]
        await send({"type": "http.response.start", "status": 201 if headers else 200, "headers": sent, "trailers": False})
        await send({"type": "http.response.body", "body": content, "more_body": False})

    async def _create(self, kind: str, body: bytes) -> tuple[bytes, bytes]:
        number, key = os.urandom(16), time.time_ns() >> 1
        text = str(UUID(bytes=number)).encode()
        content = b'{"id":"%b",' % text + body[1:]
        done = asyncio.get_running_loop().create_future()
        if not self._waiting:
            asyncio.get_running_loop().call_soon(asyncio.get_running_loop().call_soon, self._store)
        tokens = [(parameter, value, key) for parameter, value in _index(kind, _PARSE(body))]
        self._waiting.append(((key, number, content), tokens, done))
        await done
        return content, b"/%b/%b/_history/1" % (kind.encode(), text)

    def _store(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("INSERT INTO document VALUES (?, ?, ?)", [row for row, _, _ in waiting])
        self._database.executemany("INSERT OR IGNORE INTO token VALUES (?, ?, ?)", [token for _, tokens, _ in waiting for token in tokens])
        self._database.execute("COMMIT")
        for _, _, done in waiting:
            done.set_result(None)

    def _read(self, identifier: str) -> bytes:
        found: bytes = self._database.execute("SELECT content FROM document WHERE id = ?", (UUID(identifier).bytes,)).fetchone()[0]
        return found

    def _search(self, kind: str, asked: dict[str, str]) -> bytes:
        count = int(asked["_count"])
        if kind == "Patient":
            rows = self._database.execute(_BY_ONE, (FAMILY, _hash(asked["family"]), count)).fetchall()
        else:
            about, code = _hash("Patient/" + asked["patient"]), _hash(asked["code"].rpartition("|")[2])
            rows = self._database.execute(_BY_TWO, (SUBJECT, about, CODE, code, count)).fetchall()
        return b'{"resourceType":"Bundle","type":"searchset","entry":[' + b",".join(b'{"resource":%b}' % row for row in rows) + b"]}"


async def _body(receive: ASGIReceiveCallable) -> bytes:
    body, more = b"", True
    while more:
        event: Any = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    return body


def _index(kind: str, resource: Any) -> Sequence[tuple[int, int]]:
    if kind == "Patient":
        found = [(FAMILY, resource["name"][0]["family"]), (BIRTH, resource["birthDate"])]
        found += [(IDENTIFIER, one["value"]) for one in resource["identifier"]]
    else:
        found = [(SUBJECT, resource["subject"]["reference"]), (WHEN, resource["effectiveDateTime"][:10])]
        found += [(CODE, one["code"]) for one in resource["code"]["coding"]]
    return [(parameter, _hash(text)) for parameter, text in found]


def _hash(text: str) -> int:
    return crc32(text.encode())


if __name__ == "__main__":
    uvicorn.run(
        Slice(sys.argv[2]), port=int(sys.argv[1]), loop="uvloop", http="httptools", lifespan="off", log_level="error", access_log=False
    )
