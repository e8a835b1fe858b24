"""The guarded slice: the bare one with the least that protects. Run as a process: `python -m benchmarks.guarded <port> <file>`.

A bearer token that is looked up, validation, one sealed envelope for each document, eight keyed hashes for each index entry list, and an
event that is durable before the answer; no layers, no per-person keys, no access rules, no re-check of searches, no log. It says what
these guarantees cost in themselves; what Confide costs more is the price of doing them for many people, rights and databases, or waste.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from benchmarks.bare import Slice, bundle, index, serve
from confide.clinic.fhir.validate import encode, parse
from confide.crypto.derive import BlindField
from confide.crypto.envelope import DataKey
from confide.sealed import documents
from confide.values.ids import KeyRef, SubjectId, TenantId
from confide.values.place import Place
from confide.values.purpose import PurposeClass

if TYPE_CHECKING:
    from typing import Any

    from uvicorn._types import Scope

TOKENS = 8
_ENCODE = msgspec.json.Encoder(order="sorted").encode


class Guarded(Slice):
    """The application."""

    def __init__(self, path: str, bearer: str) -> None:
        """Make the database, the keys and one account."""
        super().__init__(path)
        self.database.execute("CREATE TABLE bearer (digest BLOB PRIMARY KEY, expires INTEGER) WITHOUT ROWID")
        self.database.execute("INSERT INTO bearer VALUES (?, ?)", (sha256(bearer.encode()).digest(), time.time_ns() * 2))
        self._key = DataKey(KeyRef(os.urandom(8)), os.urandom(32))
        self._field = BlindField(os.urandom(32))

    def admit(self, scope: Scope) -> None:
        """Look the bearer token up."""
        assert scope["type"] == "http"
        bearer = dict(scope["headers"])[b"authorization"].removeprefix(b"Bearer ")
        query = "SELECT 1 FROM bearer WHERE digest = ? AND expires > ?"
        if self.database.execute(query, (sha256(bearer).digest(), time.time_ns())).fetchone() is None:
            raise PermissionError

    async def create(self, kind: str, number: bytes, body: bytes) -> bytes:
        """Validate, seal, index, and tell."""
        resource: Any = parse(body, type_name=kind)
        resource.id = str(UUID(bytes=number))
        content, key = encode(resource), time.time_ns() >> 1
        tokens = [(parameter, self.token(text), key) for parameter, text in index(kind, json.loads(body))]
        tokens += [(at, self.token(f"{at}{key}"), key) for at in range(len(tokens), TOKENS)]
        await self.store([(key, number, documents.seal(self._key, _place(number), content))], tokens, [self._event("create", [number])])
        return content

    async def read(self, number: bytes) -> bytes:
        """Open, and tell."""
        content = self._open(number, self.find(number))
        await self.store((), (), [self._event("read", [number])])
        return content

    async def search(self, kind: str, asked: dict[str, str]) -> bytes:
        """Open every hit, and tell."""
        found = self.hits(kind, asked)
        contents = [self._open(number, sealed) for number, sealed in found]
        await self.store((), (), [self._event("search", [number for number, _ in found])])
        return bundle(contents)

    def token(self, text: str) -> int:
        """Return the keyed hash of a text."""
        return self._field.token(text.encode())

    def _open(self, number: bytes, sealed: bytes) -> bytes:
        return documents.unseal(lambda place, envelope: self._key.open(place.context(), envelope), _place(number), sealed)

    def _event(self, action: str, numbers: list[bytes]) -> tuple[bytes]:
        told = {"action": action, "resources": [one.hex() for one in numbers], "time": time.time_ns(), "salt": secrets.token_hex(16)}
        return (_ENCODE(told),)


def _place(number: bytes) -> Place:
    return Place(TenantId(1), SubjectId(number), PurposeClass.CARE, b"t" * 16, b"c" * 16, number)


if __name__ == "__main__":
    serve(Guarded(sys.argv[2], os.environ["BEARER"]), int(sys.argv[1]))
