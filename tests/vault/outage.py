"""A provider that goes away under a running server, and before it starts: 503 with the reason, no crash, no hang, and it recovers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from confide.cli.demonstration.server import trusting
from tests import ground, openbao

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ground import Ground

PROVIDER_SECONDS = 10
"""How long opened keys serve before the provider is asked again: the shortest that the settings take."""
PATIENCE_SECONDS = 60
POLL_SECONDS = 0.2
PATIENT = {"resourceType": "Patient", "name": [{"family": "Outage"}]}


@dataclass
class Outages:
    """What was seen, in seconds; `faults` says what was not as it should be."""

    until_refused: float = 0
    until_back: float = 0
    slowest_answer: float = 0
    answers: int = 0
    until_started: float = 0
    faults: list[str] = field(default_factory=list)

    def line(self) -> str:
        """Return the figures as a line."""
        return (
            f"provider down: refused after {self.until_refused:.1f} s (keys serve {PROVIDER_SECONDS}), back {self.until_back:.1f} s after "
            f"it, started without it and opened {self.until_started:.1f} s after it came; {self.answers} answers, slowest "
            f"{self.slowest_answer:.1f} s, {len(self.faults)} faults"
        )


def run(folder: Path) -> Outages:
    """Take OpenBao away twice."""
    seen = Outages()
    with openbao.server() as provider:
        token = folder / "token"
        token.write_text(provider.token(), encoding="utf-8")
        token.chmod(0o600)
        chosen: dict[str, str | int | bool] = {
            "key_provider": "openbao",
            "openbao_url": provider.url,
            "openbao_ca_file": str(provider.authority),
            "openbao_token_file": str(token),
            "provider_seconds": PROVIDER_SECONDS,
        }
        place = ground.make(folder / "instance", chosen)
        server = ground.start(place)
        try:
            with _client(place) as http:
                _expect(seen, http, 201, "before")
                provider.stop()
                seen.until_refused = _until(seen, http, 503, "the provider is away")
                _check_refusal(seen, http)
                provider.start()
                seen.until_back = _until(seen, http, 201, "the provider is back")
        finally:
            server.stop()
        provider.stop()
        seen.until_started = _start_without(seen, place, provider)
    return seen


def _start_without(seen: Outages, place: Ground, provider: openbao.Server) -> float:
    server = ground.start(place, answering=503)
    try:
        with _client(place) as http:
            _check_refusal(seen, http)
            provider.start()
            return _until(seen, http, 201, "the provider came after the server")
    finally:
        server.stop()


def _client(place: Ground) -> httpx.Client:
    trusted = trusting(place.settings.ca_certificate)
    return httpx.Client(
        base_url=place.settings.public_url, verify=trusted, headers=place.headers, timeout=PATIENCE_SECONDS, trust_env=False
    )


def _ask(seen: Outages, http: httpx.Client) -> int:
    began = time.monotonic()
    status = http.post("/fhir/Patient", json=PATIENT).status_code
    seen.slowest_answer = max(seen.slowest_answer, time.monotonic() - began)
    seen.answers += 1
    if status not in {201, 503}:
        seen.faults.append(f"the server answered {status}")
    return status


def _expect(seen: Outages, http: httpx.Client, status: int, when: str) -> None:
    if (found := _ask(seen, http)) != status:
        seen.faults.append(f"{when}: {found} in place of {status}")


def _until(seen: Outages, http: httpx.Client, status: int, when: str) -> float:
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE_SECONDS:
        if _ask(seen, http) == status:
            return time.monotonic() - began
        time.sleep(POLL_SECONDS)
    seen.faults.append(f"{when}: no {status} within {PATIENCE_SECONDS} s")
    return PATIENCE_SECONDS


def _check_refusal(seen: Outages, http: httpx.Client) -> None:
    """The reason is said to whoever asks, and readiness fails."""
    answer, health = http.post("/fhir/Patient", json=PATIENT), http.get("/health")
    if answer.status_code != 503 or answer.json()["resourceType"] != "OperationOutcome":
        seen.faults.append("no OperationOutcome says why")
    if health.status_code != 503 or "OpenBao" not in health.text:
        seen.faults.append("readiness does not fail, or does not name the provider")
