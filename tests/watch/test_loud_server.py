"""Whatever is said aloud inside a real server, nothing of it reaches its log, its output or its answers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest

from confide.values.logged import REGISTERED
from tests import ground
from tests.journeys.canaries import Canaries, scan
from tests.journeys.paths import client
from tests.watch import loud

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 10
"""For a line of a task or a thread to arrive."""


class Loud:
    """A running server that says everything aloud, and what it wrote."""

    def __init__(self, place: ground.Ground, canaries: Canaries) -> None:
        self.place = place
        self.canaries = canaries
        self.http = client(place, place.token)

    @property
    def output(self) -> Path:
        """Where standard output, standard error and the log lines go."""
        return self.place.folder.with_name(self.place.folder.name + ".log")

    def lines(self) -> list[str]:
        """Every line so far but the greeting of the command line."""
        return [line for line in self.output.read_text(encoding="utf-8").splitlines() if not line.startswith("✓ Confide serves")]

    def events(self, **wanted: Any) -> list[dict[str, Any]]:
        """The events so far that have these fields."""
        told = [json.loads(line) for line in self.lines()]
        return [one for one in told if wanted.items() <= one.items()]

    def wait_for(self, **wanted: Any) -> list[dict[str, Any]]:
        """The same, once there is one."""
        until = time.monotonic() + SECONDS
        while not self.events(**wanted) and time.monotonic() < until:
            time.sleep(0.02)
        return self.events(**wanted)


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loud]:
    folder = tmp_path_factory.mktemp("loud")
    canaries = Canaries()
    marker = canaries.new("marker")
    place = ground.make(folder / "instance")
    server = ground.start(place, loud.MODULE, {loud.MARKER: marker, "PYTHONWARNINGS": "always"})
    found = Loud(place, canaries)
    yield found
    found.http.close()
    server.stop()


@pytest.mark.parametrize(
    ("way", "status", "told"),
    [
        ("raise", 500, {"event": "request.failed", "exception": "ZeroDivisionError", "module": "__main__"}),
        ("refuse", 500, {"event": "request.failed", "exception": "ConfideError", "module": "__main__"}),
        ("class", 500, {"event": "request.failed", "exception": "other", "module": "__main__"}),
        ("escape", 500, {"event": "third-party", "logger": "uvicorn.error", "exception": "Escaped", "module": "__main__"}),
        ("task", 404, {"event": "third-party", "logger": "asyncio", "exception": "ZeroDivisionError", "module": "__main__"}),
        ("callback", 404, {"event": "third-party", "logger": "asyncio", "exception": "ZeroDivisionError", "module": "__main__"}),
        ("thread", 404, {"event": "third-party", "logger": "thread", "exception": "ZeroDivisionError", "module": "__main__"}),
        ("unraisable", 404, {"event": "third-party", "logger": "unraisable", "exception": "LookupError", "module": "__main__"}),
        ("warning", 404, {"event": "third-party", "logger": "py.warnings", "level": 30}),
        ("library", 404, {"event": "third-party", "logger": "somebody.else", "exception": "ZeroDivisionError", "level": 40}),
        ("access", 404, {"event": "third-party", "logger": "uvicorn.access", "exception": "ZeroDivisionError", "level": 40}),
        ("error", 404, {"event": "third-party", "logger": "uvicorn.error", "exception": "ZeroDivisionError", "level": 40}),
        ("sql", 404, {"event": "third-party", "logger": "sqlalchemy.engine", "exception": "ZeroDivisionError", "level": 40}),
        ("asyncio", 404, {"event": "third-party", "logger": "asyncio", "exception": "ZeroDivisionError", "level": 40}),
        ("careless", 404, {"event": "third-party", "logger": "careless", "exception": None, "module": "loud"}),
    ],
)
def test_what_is_said_is_told_without_its_words(noisy: Loud, way: str, status: int, told: dict[str, Any]) -> None:
    """Each way leaves an event that says where it comes from, and neither the answer nor the log holds the marker."""
    answer = noisy.http.get(f"/fhir/Patient/{way}")
    events = noisy.wait_for(**told)

    assert answer.status_code == status
    assert (noisy.canaries.planted["marker"] in answer.text) is (way == "refuse")  # our own sentences are made for the caller
    assert events
    assert scan(noisy.canaries.planted, noisy.output.parent)[0] == []


def test_every_way_is_tried() -> None:
    """The table above holds every way that the loud server knows."""
    [mark] = [one for one in test_what_is_said_is_told_without_its_words.pytestmark if one.name == "parametrize"]

    assert {row[0] for row in mark.args[1]} == set(loud.WAYS)


def test_nothing_of_a_request_is_logged(noisy: Loud) -> None:
    """Path, query, method, headers and body come from outside; the log has templates and numbers."""
    new = noisy.canaries.new
    before = len(noisy.events(event="request.completed"))
    headers = {"user-agent": new("user agent"), "referer": f"https://{new('referer')}.example.org/", "x-request-id": new("request id")}
    noisy.http.get(f"/fhir/Patient/{new('path')}", headers=headers)
    noisy.http.get("/fhir/Patient", params={"name": new("query value"), new("query name"): "x"})
    noisy.http.get(f"/fhir/{new('type')}/x/y/z/{new('long path')}")
    noisy.http.get(f"/{new('outside of FHIR')}")
    noisy.http.request(new("method"), "/fhir/Patient")
    noisy.http.request("PROPFIND", "/fhir/Patient")
    noisy.http.post("/fhir/Patient", content='{"resourceType": "' + new("body"), headers={"content-type": "application/fhir+json"})
    noisy.http.post("/fhir/Patient", content="x", headers={"content-type": new("media type")})
    noisy.http.get("/fhir/Patient", headers={"authorization": f"Bearer {new('token')}"})
    noisy.http.post("/auth/sign-in", json={"username": new("username"), "password": new("password"), "code": "123456"})
    noisy.http.get("/fhir/Patient", headers={"x": new("header") + "a" * 40_000})
    events = noisy.events(event="request.completed")

    assert len(events) - before >= 8
    assert "other" in {one["method"] for one in events}
    assert scan(noisy.canaries.planted, noisy.output.parent)[0] == []


def test_every_line_is_a_registered_event(noisy: Loud) -> None:
    """Each line is one JSON object: a time, a registered name, and exactly the fields of that event."""
    noisy.http.get("/fhir/Patient/raise")
    noisy.http.get("/fhir/Patient/library")
    known = {one.name: {"time", "event", *(field.name for field in fields(one))} for one in REGISTERED}
    events = noisy.events()

    assert all(set(one) == known[one["event"]] for one in events)
    assert {"server.started", "request.completed", "request.failed", "third-party"} <= {one["event"] for one in events}


def test_a_request_can_be_followed_from_its_answer_into_the_log(noisy: Loud) -> None:
    """The id in X-Request-Id stands in the events of the request, with its route, its status and the place that failed."""
    answer = noisy.http.get("/fhir/Patient/raise")
    events = noisy.wait_for(event="request.completed", request=answer.headers["x-request-id"])
    [failed] = noisy.events(event="request.failed", request=answer.headers["x-request-id"])

    assert [(one["route"], one["status"]) for one in events] == [("/fhir/{type}/{id}", 500)]
    assert failed["line"] == loud.fail.__code__.co_firstlineno + 4


def test_the_marker_would_be_found(noisy: Loud, tmp_path: Path) -> None:
    """The search finds what Python prints by itself on the same ways: the control of every test above."""
    ways, marker = ("thread", "unraisable", "warning", "library", "careless", "raise"), noisy.canaries.planted["marker"]
    program = "import sys; from tests.watch.loud import WAYS; [WAYS[way](sys.argv[1] + way) for way in sys.argv[2:]]"
    ran = subprocess.run([sys.executable, "-c", program, marker, *ways], capture_output=True, cwd=ground.ROOT, check=False)
    (tmp_path / "printed").write_bytes(ran.stderr)

    assert [way for way in ways if (marker + way).encode() not in ran.stderr] == []
    assert scan(noisy.canaries.planted, tmp_path)[0]
