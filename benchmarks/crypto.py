"""Sealing against the raw library: what the envelope, the context and the nonce cost per cell and per document."""

from __future__ import annotations

import os
import secrets

from cryptography import cobblestone
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.measure import cpu_microseconds
from confide.crypto.derive import BlindField
from confide.crypto.envelope import DataKey, Suite
from confide.values.ids import KeyRef
from confide.values.place import length_prefixed

CELL, DOCUMENT = 64, 2048
TIMES = 2000


def figures() -> list[tuple[str, float, float]]:
    """Return (what, µs of Confide, µs of the raw library for the same bytes)."""
    key = DataKey(KeyRef(b"12345678"), os.urandom(32))
    raw = AESGCM(os.urandom(32))
    secret = os.urandom(32)
    context = length_prefixed(b"tenant", b"s" * 16, b"care", b"t" * 16, b"c" * 16, b"r" * 16)
    cell, document = os.urandom(CELL), os.urandom(DOCUMENT)
    sealed_cell = key.seal(Suite.XAES_256_GCM, context, cell)
    sealed_document = key.seal(Suite.COBBLESTONE_256, context, document)
    nonce = secrets.token_bytes(12)
    raw_cell = raw.encrypt(nonce, cell, context)
    field = BlindField(secret)

    def cobble_seal() -> bytes:
        encryptor = cobblestone.Cobblestone256Encryptor(secret, context)
        return encryptor.update(document) + encryptor.finalize()

    raw_document = cobble_seal()

    def cobble_open() -> bytes:
        decryptor = cobblestone.Cobblestone256Decryptor(secret, context)
        return decryptor.update(raw_document) + decryptor.finalize()

    def measured(work: object) -> float:
        return cpu_microseconds(work, TIMES)  # type: ignore[arg-type]

    return [
        (
            "seal a cell of 64 B",
            measured(lambda: key.seal(Suite.XAES_256_GCM, context, cell)),
            measured(lambda: raw.encrypt(secrets.token_bytes(12), cell, context)),
        ),
        ("open a cell of 64 B", measured(lambda: key.open(context, sealed_cell)), measured(lambda: raw.decrypt(nonce, raw_cell, context))),
        ("seal a document of 2 KiB", measured(lambda: key.seal(Suite.COBBLESTONE_256, context, document)), measured(cobble_seal)),
        ("open a document of 2 KiB", measured(lambda: key.open(context, sealed_document)), measured(cobble_open)),
        ("blind token", measured(lambda: field.token(cell)), 0.0),
    ]
