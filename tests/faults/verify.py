"""Hold a server against the ledger: nothing promised is lost, nothing unpromised is there in part."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from tests.faults.load import IN_A_BUNDLE, SYSTEM, digest_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.books import Books
    from tests.faults.load import Attempt, Write

AT_ONCE = 16
"""Requests on their way at the same time."""
PAGE = 200
"""More Observations than any Patient of a run gets."""


@dataclass
class Findings:
    """What was found; a sentence for each thing lost or torn."""

    verified: int = 0
    """Acknowledged versions that are readable as promised, with their event."""
    lost: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    whole: int = 0
    """Unanswered attempts that are there."""
    absent: int = 0
    """Unanswered attempts that are not there."""
    broken: list[str] = field(default_factory=list)
    """Connections that broke while reading, by what the client made of it; what was asked was asked once more."""

    def add(self, other: Findings) -> None:
        """Take in other findings."""
        self.verified += other.verified
        self.lost += other.lost
        self.torn += other.torn
        self.whole += other.whole
        self.absent += other.absent
        self.broken += other.broken


async def verify(client: httpx.AsyncClient, books: Books, writes: Sequence[Write], attempts: Sequence[Attempt]) -> Findings:
    """Check promised versions, unanswered attempts and the books; `books` were read after the restart."""
    findings = Findings(torn=books.faults())
    turns = asyncio.Semaphore(AT_ONCE)

    async def promised(write: Write) -> None:
        async with turns:
            fault = _audit_fault(books, write) or await _read_fault(client, write, findings)
        if fault is None:
            findings.verified += 1
        else:
            findings.lost.append(f"{write.type}/{write.id} version {write.version}: {fault}")

    async def unanswered(attempt: Attempt) -> None:
        async with turns:
            there = await _is_there(client, attempt)
        if there is None:
            findings.torn.append(f"{attempt.type} tagged {attempt.tag} is there in part, or cannot be read")
        elif there:
            findings.whole += 1
        else:
            findings.absent += 1

    await asyncio.gather(*map(promised, writes), *map(unanswered, attempts))
    return findings


def _audit_fault(books: Books, write: Write) -> str | None:
    document = books.documents.get(write.id)
    if document is None or write.version not in document.numbers:
        return "the row is gone"
    if document.pseudonym not in books.told.get(write.request, ()):
        return "its audit event is gone"
    return None


async def _read_fault(client: httpx.AsyncClient, write: Write, findings: Findings) -> str | None:
    path = f"/fhir/{write.type}/{write.id}/_history/{write.version}"
    try:
        answer = await client.get(path)
    except httpx.TransportError as error:
        findings.broken.append(repr(error.__cause__ or error))
        try:
            answer = await client.get(path)
        except httpx.TransportError as again:
            return f"the server does not answer ({type(again).__name__})"
    if answer.status_code != httpx.codes.OK:
        return f"the server answers {answer.status_code}"
    if answer.headers["etag"] != f'W/"{write.version}"' or digest_of(answer.json()) != write.digest:
        return "the content is another"
    return None


async def _is_there(client: httpx.AsyncClient, attempt: Attempt) -> bool | None:
    """Tell whether an unanswered attempt was stored; None if it was stored in part."""
    if attempt.id is not None:
        answer = await client.get(f"/fhir/{attempt.type}/{attempt.id}")
        current = answer.headers.get("etag", "")
        if answer.status_code != httpx.codes.OK or current not in {f'W/"{attempt.version}"', f'W/"{attempt.version - 1}"'}:
            return None
        there = current == f'W/"{attempt.version}"'
        return there if there == (f'"{attempt.tag}"' in answer.text) else None
    if attempt.subject is not None:
        answer = await client.get("/fhir/Observation", params={"subject": attempt.subject, "_count": PAGE})
        answer.raise_for_status()
        return f'"value {attempt.tag}"' in answer.text
    found = await _found(client, "Patient", {"identifier": f"{SYSTEM}|{attempt.tag}"})
    if not found or not attempt.bundle:
        return bool(found)
    observations = await _found(client, "Observation", {"subject": f"Patient/{found[0]}"})
    return True if len(found) == 1 and len(observations) == IN_A_BUNDLE else None


async def _found(client: httpx.AsyncClient, kind: str, query: dict[str, str]) -> list[str]:
    answer = await client.get(f"/fhir/{kind}", params=query)
    answer.raise_for_status()
    return [entry["resource"]["id"] for entry in answer.json().get("entry", ())]
