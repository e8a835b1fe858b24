"""Sealing against the raw library: what the envelope, the context and the nonce cost per cell and per document."""

from __future__ import annotations

import hmac
import json
import os
import secrets
from dataclasses import dataclass

import zstandard
from cryptography import cobblestone
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks import charts
from benchmarks.measure import cpu_microseconds
from confide.crypto.derive import BlindField
from confide.crypto.envelope import DataKey, Suite
from confide.sealed import documents
from confide.values.ids import KeyRef, SubjectId, TenantId
from confide.values.place import Place
from confide.values.purpose import PurposeClass

CELL = 64
TIMES = 2000


@dataclass(frozen=True)
class Pair:
    """CPU µs of one thing that Confide does, and of the raw library doing the same to the same bytes."""

    what: str
    confide: float
    raw: float


def figures() -> list[Pair]:
    """Return the figures of cells, documents and blind tokens."""
    key, place = DataKey(KeyRef(b"12345678"), os.urandom(32)), _place()
    return [*_cells(key, place), *_documents(key, place), _token()]


def _place() -> Place:
    return Place(TenantId(1), SubjectId(b"s" * 16), PurposeClass.CARE, b"t" * 16, b"c" * 16, b"r" * 24)


def _cells(key: DataKey, place: Place) -> list[Pair]:
    """A cell of 64 bytes against AES-256-GCM under one key that stays, with a 12-byte random nonce and the same associated data."""
    raw, cell, context = AESGCM(os.urandom(32)), os.urandom(CELL), place.context()
    nonce = secrets.token_bytes(12)
    sealed, raw_sealed = key.seal(Suite.XAES_256_GCM, context, cell), raw.encrypt(nonce, cell, context)
    seal, raw_seal, unseal, raw_unseal = cpu_microseconds(
        [
            lambda: key.seal(Suite.XAES_256_GCM, place.context(), cell),
            lambda: raw.encrypt(secrets.token_bytes(12), cell, context),
            lambda: key.open(place.context(), sealed),
            lambda: raw.decrypt(nonce, raw_sealed, context),
        ],
        TIMES,
    )
    return [Pair(f"seal a cell of {CELL} B", seal, raw_seal), Pair(f"open a cell of {CELL} B", unseal, raw_unseal)]


def _documents(key: DataKey, place: Place) -> list[Pair]:
    """An Observation: zstd and Cobblestone-256 both times, with the associated data at hand in the raw case."""
    secret, context = os.urandom(32), place.context()
    document = json.dumps(charts.observation("0", 1)).encode()
    compressor, decompressor = zstandard.ZstdCompressor(level=documents.LEVEL), zstandard.ZstdDecompressor()

    def raw_seal() -> bytes:
        encryptor = cobblestone.Cobblestone256Encryptor(secret, context)
        return encryptor.update(compressor.compress(document)) + encryptor.finalize()

    sealed, raw_sealed = documents.seal(key, place, document), raw_seal()

    def raw_open() -> bytes:
        decryptor = cobblestone.Cobblestone256Decryptor(secret, context)
        return decompressor.decompress(decryptor.update(raw_sealed) + decryptor.finalize())

    def opener(at: Place, envelope: bytes) -> bytes:
        return key.open(at.context(), envelope)

    seal, raw_sealing, unseal, raw_opening = cpu_microseconds(
        [lambda: documents.seal(key, place, document), raw_seal, lambda: documents.unseal(opener, place, sealed), raw_open], TIMES
    )
    size = f"{len(document):,} B"
    return [Pair(f"seal a document of {size}", seal, raw_sealing), Pair(f"open a document of {size}", unseal, raw_opening)]


def _token() -> Pair:
    """A blind token against one HMAC-SHA256 of the standard library."""
    secret, value = os.urandom(32), os.urandom(CELL)
    field = BlindField(secret)
    token, raw = cpu_microseconds([lambda: field.token(value), lambda: hmac.digest(secret, value, "sha256")], TIMES)
    return Pair("blind token", token, raw)
