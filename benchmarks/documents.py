"""Whole documents, as JSON: Patients with their Observations, sealed and opened one by one, under a key for each person."""

from __future__ import annotations

import gc
import json
import secrets
import statistics
import struct
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import aws_encryption_sdk
from aws_encryption_sdk.identifiers import Algorithm, EncryptionKeyType, WrappingAlgorithm
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
from aws_encryption_sdk.key_providers.raw import RawMasterKey
from cryptography.fernet import Fernet
from pymongocrypt.mongocrypt import MongoCryptOptions
from pymongocrypt.synchronous.explicit_encrypter import ExplicitEncrypter
from pymongocrypt.synchronous.state_machine import MongoCryptCallback

from benchmarks import charts
from benchmarks.asked import Asked
from confide.access.decide import decide
from confide.access.unseal import loaded_opener
from confide.adopt import settings
from confide.adopt.begin import begin
from confide.adopt.vault import Vault
from confide.sealed import documents
from confide.values.ids import SubjectId, TenantId
from confide.values.permit import Action
from confide.values.place import Place
from confide.values.purpose import Purpose, PurposeClass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    Way = tuple[Callable[["Document"], bytes], Callable[["Document", bytes], bytes]]

CONFIDE, FERNET, MONGO, MONGO_ELEMENTS = "Confide", "Fernet", "pymongocrypt CSFLE", "pymongocrypt CSFLE, each element apart"
AWS, AWS_CACHED = "aws-encryption-sdk", "aws-encryption-sdk, caching materials manager"
UNSIGNED, UNSIGNED_CACHED = "aws-encryption-sdk, without signature", "aws-encryption-sdk, without signature, caching"
SAYS = {
    CONFIDE: "a key for each person, at hand; bound to row, version, type and person; key-committing; compressed; opened with a permit",
    FERNET: "one key for all; bound to nothing; AES-128; not compressed",
    MONGO: "explicit encryption of the whole document, random algorithm, local KMS; one key for all, cached; not bound to its row",
    MONGO_ELEMENTS: "as a schema of encrypted fields has it, a value for each element of the resource; no goal is set here",
    AWS: "its default suite, raw AES keys; each document has a data key and is signed; bound to row and table by its context",
    AWS_CACHED: "the same, with data and signing keys shared by documents",
    UNSIGNED: "a suite that its documentation gives to those who trust all who write, as Confide does; no goal is set here",
    UNSIGNED_CACHED: "the same with its cache: looking there costs more than a raw key saves; no goal is set here",
}
PEOPLE, OBSERVATIONS, ROUNDS = 100, 4, 9
MONGO_RATIO, AWS_RATIO, FERNET_SHARE = 6.0, 25.0, 1 / 3


@dataclass(frozen=True)
class Document:
    """A document and where it is at home."""

    place: Place
    elements: tuple[bytes, ...]
    """Its JSON, cut between the elements of the resource."""

    @cached_property
    def content(self) -> bytes:
        """The whole."""
        return b"".join(self.elements)


def made(people: int, observations: int) -> list[Document]:
    """Return the documents of so many people."""
    found = []
    for number in range(people):
        subject, name = SubjectId(secrets.token_bytes(16)), f"p{number}"
        resources = [charts.patient(number), *(charts.observation(name, number * observations + at) for at in range(observations))]
        for resource in resources:
            place = Place(TenantId(1), subject, PurposeClass.CARE, b"document", b"content", secrets.token_bytes(24))
            *parts, last = (json.dumps({name: value}, separators=(",", ":"))[1:-1].encode() for name, value in resource.items())
            found.append(Document(place, (b"{" + parts[0], *(b"," + part for part in parts[1:]), b"," + last + b"}")))
    return found


def confide(vault: Vault, found: Sequence[Document]) -> Way:
    """Keys from a keyring, opened with a permit: what the server and an adopting backend do, without the database of the documents."""
    keys = vault.keys.sealing((one.place.tenant, one.place.subject, PurposeClass.CARE.value) for one in found)
    with vault.acting("clerk", Purpose.SERVICE_PROVISION) as scope:
        assert scope.principal is not None
        permit = decide(scope.principal, Action.READ, "document", vault.settings.policy)
    opener = loaded_opener(vault.parts.keyring, permit)

    def seal(one: Document) -> bytes:
        place = one.place
        return documents.seal(keys[place.tenant, place.subject, PurposeClass.CARE.value], place, one.content)

    return seal, lambda one, sealed: documents.unseal(opener, one.place, sealed)


def fernet() -> Way:
    """As its documentation shows."""
    one = Fernet(Fernet.generate_key())
    return lambda document: one.encrypt(document.content), lambda _document, sealed: one.decrypt(sealed)


class _KeyVault(MongoCryptCallback):  # type: ignore[misc]  # it states no types
    """The key vault of one data key: what a driver does for pymongocrypt."""

    def __init__(self) -> None:
        self.key = b""

    def fetch_keys(self, _filter: bytes) -> Iterator[bytes]:
        """Yield the only key; pymongocrypt caches it."""
        yield self.key

    def insert_data_key(self, key: Any) -> bytes:
        """Keep the only key."""
        self.key = bytes(key)
        return self.key

    def bson_encode(self, doc: Mapping[str, Any]) -> bytes:
        """Encode options."""
        return bson(doc)

    def kms_request(self, kms_context: object) -> None:
        """Fail: a local KMS asks nobody."""
        raise AssertionError(kms_context)

    collection_info = mark_command = kms_request

    def close(self) -> None:
        """Hold nothing."""


def bson(document: Mapping[str, Any]) -> bytes:
    """Encode documents, bytes and texts (bsonspec.org)."""
    body = b""
    for name, value in document.items():
        key = name.encode() + b"\x00"
        if isinstance(value, str):
            text = value.encode() + b"\x00"
            body += b"\x02" + key + struct.pack("<i", len(text)) + text
        elif isinstance(value, bytes):
            body += b"\x05" + key + struct.pack("<i", len(value)) + b"\x00" + value
        else:
            body += b"\x03" + key + bson(value)
    return struct.pack("<i", len(body) + 5) + body + b"\x00"


def mongo(*, apart: bool) -> Way:
    """A document as one value {"v": text}, or one for each element: automatic encryption, which finds them, takes a server's library."""
    vault = _KeyVault()
    client = ExplicitEncrypter(vault, MongoCryptOptions({"local": {"key": secrets.token_bytes(96)}}))
    created = client.create_data_key("local")
    marker = b"\x05_id\x00" + struct.pack("<i", 16) + b"\x04"
    at = created.index(marker) + len(marker)
    key_id = bytes(created[at : at + 16])

    def encrypt(plain: bytes) -> bytes:
        text = plain + b"\x00"
        value = struct.pack("<i", len(text) + 12) + b"\x02v\x00" + struct.pack("<i", len(text)) + text + b"\x00"
        sealed: bytes = client.encrypt(value, "AEAD_AES_256_CBC_HMAC_SHA_512-Random", key_id=key_id)
        return sealed

    def seal_elements(one: Document) -> bytes:
        return b"".join([encrypt(element) for element in one.elements])

    def open_elements(_one: Document, sealed: bytes) -> bytes:
        found, at = b"", 0
        while at < len(sealed):  # each begins with its length
            end = at + int.from_bytes(sealed[at : at + 4], "little")
            found += client.decrypt(sealed[at:end])[11:-2]
            at = end
        return found

    if apart:
        return seal_elements, open_elements
    return lambda one: encrypt(one.content), lambda _one, sealed: bytes(client.decrypt(sealed)[11:-2])


def aws(*, cached: bool, signed: bool) -> Way:
    """A raw AES key, with its native key provider: the keyring of the same name is in another library, and slower."""
    wrapping = WrappingKey(WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING, secrets.token_bytes(32), EncryptionKeyType.SYMMETRIC)
    key = RawMasterKey(key_id="key", provider_id="raw", wrapping_key=wrapping)
    client = aws_encryption_sdk.EncryptionSDKClient()
    options: dict[str, Any] = {"key_provider": key}
    if cached:
        cache = aws_encryption_sdk.LocalCryptoMaterialsCache(1000)
        manager = aws_encryption_sdk.CachingCryptoMaterialsManager(master_key_provider=key, cache=cache, max_age=600.0)
        options = {"materials_manager": manager}
    suite = {} if signed else {"algorithm": Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY}

    def seal(one: Document) -> bytes:
        # With the cache, documents share a data key only where they share a context.
        context = {"table": "document"} if cached else {"table": "document", "row": one.place.row.hex()}
        sealed: bytes = client.encrypt(source=one.content, encryption_context=context, **options, **suite)[0]
        return sealed

    def unseal(_one: Document, sealed: bytes) -> bytes:
        content: bytes = client.decrypt(source=sealed, **options)[0]
        return content

    return seal, unseal


@dataclass(frozen=True)
class Figure:
    """What one costs: CPU µs of a document, and the bytes that are stored of all."""

    seal: float
    open: float
    stored: int


def measure(folder: Path, people: int = PEOPLE, observations: int = OBSERVATIONS, rounds: int = ROUNDS) -> tuple[int, dict[str, Figure]]:
    """Return how many bytes all documents have, and what everybody costs."""
    found = made(people, observations)
    keys = f"sqlite:///{folder / 'document-keys.db'}"
    vault = Vault(settings.of(keys=keys, key_file=folder / "document.key", database=f"sqlite:///{folder / 'documents.db'}"))
    begin(vault.settings)
    try:
        ways = {
            CONFIDE: confide(vault, found), FERNET: fernet(), MONGO: mongo(apart=False), MONGO_ELEMENTS: mongo(apart=True),
            AWS: aws(cached=False, signed=True), AWS_CACHED: aws(cached=True, signed=True),
            UNSIGNED: aws(cached=False, signed=False), UNSIGNED_CACHED: aws(cached=True, signed=False),
        }  # fmt: skip
        return sum(len(one.content) for one in found), _measure(ways, found, rounds)
    finally:
        vault.close()


def _measure(ways: Mapping[str, Way], found: Sequence[Document], rounds: int) -> dict[str, Figure]:
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    stored, names = dict.fromkeys(ways, 0), list(ways)
    for number in range(rounds + 1):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            seal, unseal = ways[name]
            gc.collect()
            before = time.process_time_ns()
            sealed = [seal(one) for one in found]
            between = time.process_time_ns()
            opened = [unseal(one, envelope) for one, envelope in zip(found, sealed, strict=True)]
            after = time.process_time_ns()
            assert opened == [one.content for one in found]
            stored[name] = sum(map(len, sealed))
            if number:  # the first round warms up
                spent[name].append(((between - before) / len(found) / 1000, (after - between) / len(found) / 1000))
    return {
        name: Figure(statistics.median(one for one, _ in runs), statistics.median(one for _, one in runs), stored[name])
        for name, runs in spent.items()
    }


def report(size: int, found: Mapping[str, Figure]) -> list[Asked]:
    """Print the figures, and return what is asked of them."""
    print(f"\n{f'Patients and Observations, {size:,} bytes of JSON':<62}{'seal µs':>9}{'open µs':>9}{'stored':>10}")
    for name, figure in found.items():
        print(f"{name:<62}{figure.seal:9.1f}{figure.open:9.1f}{figure.stored:10,}")
        print(f"    {SAYS[name]}")
    return asked(found)


def asked(found: Mapping[str, Figure]) -> list[Asked]:
    """Return what is asked: six times the rate of pymongocrypt, 25 times that of the AWS SDK, a third of Fernet's bytes."""
    ours = found[CONFIDE]
    peers = [(MONGO, MONGO_RATIO), (AWS, AWS_RATIO), (AWS_CACHED, AWS_RATIO)]
    return [
        *(Asked(f"documents: sealing, times the rate of {peer}", found[peer].seal / ours.seal, limit) for peer, limit in peers),
        *(Asked(f"documents: opening, times the rate of {peer}", found[peer].open / ours.open, limit) for peer, limit in peers),
        Asked("documents: stored bytes, of Fernet's", ours.stored / found[FERNET].stored, FERNET_SHARE, at_most=True),
    ]
