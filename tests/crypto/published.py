"""Vectors that nobody here wrote: NIST's from the `cryptography-vectors` package, Wycheproof's from beside the checkout."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cryptography_vectors
import pytest

from confide.crypto.xaes import Xaes

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "CONFIDE_TEST_VECTORS"
"""Environment variable: the folder of vectors that the project does not copy."""
BESIDE = Path(__file__).resolve().parents[3] / "shared" / "vectors"

FAIL = "FAIL"
"""A line of its own in a CAVP file, where the tag is wrong."""


def nist(name: str) -> Iterator[dict[str, str]]:
    """Yield the vectors of a CAVP response file: the fields of each, with those of its group."""
    group: dict[str, str] = {}
    vector: dict[str, str] = {}
    with cryptography_vectors.open_vector_file(name, "r") as file:
        for line in filter(None, map(str.strip, file)):
            field, _, value = (part.strip() for part in line.strip("[]").partition("="))
            if vector and (line.startswith("[") or field.upper() == "COUNT"):
                yield group | vector
                vector = {}
            if line.startswith("["):
                group[field] = value
            elif not line.startswith("#"):
                vector[field] = value
    yield group | vector


def wycheproof(name: str) -> list[dict[str, Any]]:
    """Return the tests of a Wycheproof file, each with the fields of its group; skip the test where the file is not at hand."""
    path = Path(os.environ.get(FOLDER) or BESIDE) / "wycheproof" / name
    if not path.is_file():
        pytest.skip(f"Wycheproof's {name} is not at hand: name the folder of vectors in {FOLDER}")
    groups = json.loads(path.read_text(encoding="utf-8"))["testGroups"]
    return [{**group, **one} for group in groups for one in group["tests"]]


class KnownKey(Xaes):
    """XAES whose message key is the key itself, so that vectors of AES-256-GCM go the way of our own messages."""

    __slots__ = ("_known",)

    def __init__(self, key: bytes) -> None:
        super().__init__(key)
        self._known = key

    def _message_key(self, nonce: bytes) -> bytes:  # noqa: ARG002 - what it overrides takes it
        return self._known

    @staticmethod
    def nonce(vector: str) -> bytes:
        """Return a nonce of 24 bytes that ends in a vector's 12; the first half goes into the message key only."""
        return bytes(12) + bytes.fromhex(vector)
