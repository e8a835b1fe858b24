"""Writers that load a server, and the ledger of what was promised to them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random  # noqa: TID251 - chance comes in as an argument, from a seed

SYSTEM = "urn:confide:crash"
"""The identifier system of the tags by which an attempt is found again."""
IN_A_BUNDLE = 3
"""Observations beside the Patient of a transaction."""
REQUEST_ID = "x-request-id"

Json = dict[str, Any]


@dataclass(frozen=True)
class Write:
    """One version that the server acknowledged."""

    type: str
    id: str
    version: int
    digest: bytes
    request: str
    """The server's name for the request; the audit event carries it."""
    at: int = 0
    """What the meter said once the answer was here; a journal's size, for example."""


@dataclass(frozen=True)
class Attempt:
    """A write that got no answer: it may be there or not, but not in part."""

    type: str
    tag: str
    id: str | None = None
    """Of the resource that an update meant to change."""
    version: int = 1
    """The version it would have made."""
    bundle: bool = False
    subject: str | None = None
    """The reference of what a new Observation is about."""


@dataclass(frozen=True)
class Bundle:
    """An acknowledged transaction, by its tag and what the meter said."""

    tag: str
    at: int


@dataclass
class Ledger:
    """What the server said, and what it did not say."""

    acknowledged: list[Write] = field(default_factory=list)
    bundles: list[Bundle] = field(default_factory=list)
    unanswered: list[Attempt] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)


def digest_of(resource: Json) -> bytes:
    """Return the SHA-256 of a resource without its meta, which the server writes."""
    return sha256(json.dumps({key: value for key, value in resource.items() if key != "meta"}, sort_keys=True).encode()).digest()


def patient(tag: str) -> Json:
    """Return a Patient that its tag finds."""
    return {
        "resourceType": "Patient",
        "identifier": [{"system": SYSTEM, "value": tag}],
        "name": [{"family": f"Family {tag}", "given": ["Given"]}],
        "birthDate": "1970-01-01",
    }


def observation(tag: str, subject: str) -> Json:
    """Return an Observation about a subject."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": subject},
        "valueString": f"value {tag}",
    }


def transaction(tag: str) -> tuple[Json, list[Json]]:
    """Return a transaction bundle of a Patient and Observations about it, and these resources."""
    resources = [patient(tag), *(observation(f"{tag}.{at}", "urn:uuid:patient") for at in range(IN_A_BUNDLE))]
    entries = [
        {
            "fullUrl": "urn:uuid:patient" if at == 0 else f"urn:uuid:{at}",
            "resource": one,
            "request": {"method": "POST", "url": one["resourceType"]},
        }
        for at, one in enumerate(resources)
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}, resources


class Writer:
    """One client that writes, one request after the other; it changes only what it made itself."""

    def __init__(self, name: str, rng: Random, ledger: Ledger, meter: Callable[[], int] = lambda: 0) -> None:
        """Name its tags; record into the ledger what the meter says at each acknowledgement."""
        self._name, self._rng, self._ledger, self._meter = name, rng, ledger, meter
        self._own: dict[str, tuple[Json, int]] = {}
        self._patients: list[str] = []
        self._count = 0

    async def run(self, client: httpx.AsyncClient, goes_on: Callable[[], bool]) -> None:
        """Write until told to stop, or until the server is gone."""
        while goes_on():
            self._count += 1
            tag = f"{self._name}-{self._count}"
            chance = self._rng.random()
            if not (self._patients and self._own) or chance < 0.2:
                done = await self._create(client, patient(tag), tag)
            elif chance < 0.5:
                done = await self._create(client, observation(tag, f"Patient/{self._rng.choice(self._patients)}"), tag)
            elif chance < 0.8:
                done = await self._update(client, tag)
            else:
                done = await self._transact(client, tag)
            if not done:
                return

    async def _send(self, client: httpx.AsyncClient, attempt: Attempt, method: str, path: str, body: Json, etag: str = "") -> Any:
        """Return the answer, or None if there is none; an answer is an acknowledgement once its last byte is here."""
        try:
            answer = await client.request(method, path, content=json.dumps(body), headers={"if-match": etag} if etag else None)
        except httpx.TransportError:
            self._ledger.unanswered.append(attempt)
            return None
        if not answer.is_success:
            self._ledger.refused[answer.status_code] += 1
        return answer

    async def _create(self, client: httpx.AsyncClient, resource: Json, tag: str) -> bool:
        kind = resource["resourceType"]
        answer = await self._send(
            client, Attempt(kind, tag, subject=resource.get("subject", {}).get("reference")), "POST", f"/fhir/{kind}", resource
        )
        if answer is not None and answer.is_success:
            self._keep({**resource, "id": answer.json()["id"]}, 1, answer.headers[REQUEST_ID], self._meter())
        return answer is not None

    async def _update(self, client: httpx.AsyncClient, tag: str) -> bool:
        identifier = self._rng.choice(list(self._own))
        resource, version = self._own[identifier]
        kind = resource["resourceType"]
        changed = {**resource, **({"name": [{"family": tag}]} if kind == "Patient" else {"valueString": tag})}
        attempt = Attempt(kind, tag, identifier, version + 1)
        answer = await self._send(client, attempt, "PUT", f"/fhir/{kind}/{identifier}", changed, f'W/"{version}"')
        if answer is not None and answer.is_success:
            self._keep(changed, version + 1, answer.headers[REQUEST_ID], self._meter())
        else:
            del self._own[identifier]  # which version it has is no longer known here
        return answer is not None

    async def _transact(self, client: httpx.AsyncClient, tag: str) -> bool:
        bundle, resources = transaction(tag)
        answer = await self._send(client, Attempt("Bundle", tag, bundle=True), "POST", "/fhir", bundle)
        if answer is None or not answer.is_success:
            return answer is not None
        at, places = self._meter(), [entry["response"]["location"].split("/")[-4:] for entry in answer.json()["entry"]]
        subject = {"reference": f"Patient/{places[0][1]}"}
        for resource, (_, identifier, _, version) in zip(resources, places, strict=True):
            known = {**resource, "id": identifier} | ({"subject": subject} if "subject" in resource else {})
            self._keep(known, int(version), answer.headers[REQUEST_ID], at)
        self._ledger.bundles.append(Bundle(tag, at))
        return True

    def _keep(self, resource: Json, version: int, request: str, at: int) -> None:
        kind, identifier = resource["resourceType"], resource["id"]
        self._ledger.acknowledged.append(Write(kind, identifier, version, digest_of(resource), request, at))
        self._own[identifier] = (resource, version)
        if kind == "Patient" and version == 1:
            self._patients.append(identifier)
