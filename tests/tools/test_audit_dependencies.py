"""The dependency audit cannot fail open. Real pip-audit runs against an advisory service of our own, which plays the outside world."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tools import audit_dependencies as audit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK = r"""
click==8.5.1 \
    --hash=sha256:00
    # via nobody
numpy==2.4.6 ; python_version < "3.12" \
    --hash=sha256:00
numpy==2.5.5
"""


class Advisories(ThreadingHTTPServer):
    """Answers OSV queries out of a table of vulnerable versions; None stands for a broken service."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Query)
        self.holes: set[tuple[str, str]] | None = set()
        self.asked: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        """Return where to ask."""
        return f"http://127.0.0.1:{self.server_port}/v1/query"


class Query(BaseHTTPRequestHandler):
    """One question."""

    server: Advisories

    def do_POST(self) -> None:
        """Answer as the OSV API does: an empty object when nothing is known."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        package = (asked["package"]["name"], asked["version"])
        self.server.asked.append(package)
        known = self.server.holes is not None and package in self.server.holes
        hole = {"id": "TEST-1", "summary": "a hole", "affected": [{"package": asked["package"]}]}
        body = json.dumps({"vulns": [hole]} if known else {}).encode()
        self.send_response(200 if self.server.holes is not None else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Stay quiet."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Advisories]:
    """Run the advisory service that knows the known hole, and point the audit at it."""
    with Advisories() as server:
        server.holes = {audit.KNOWN_VULNERABLE}
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        monkeypatch.setenv(audit.OSV_URL, server.url)
        monkeypatch.delenv(audit.ALLOW_OFFLINE, raising=False)
        yield server
        server.shutdown()
        serving.join()


@pytest.fixture
def lock(tmp_path: Path) -> str:
    """Return the path of a lock with three versions of two packages."""
    path = tmp_path / "requirements.lock"
    path.write_text(LOCK, encoding="utf-8")
    return str(path)


def test_a_clean_lock_passes(service: Advisories, lock: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every version in the lock is asked for, whatever platform it is for."""
    code = audit.main([lock])

    assert code == 0
    assert "3 locked packages" in capsys.readouterr().out
    assert set(service.asked) == {audit.KNOWN_VULNERABLE, ("click", "8.5.1"), ("numpy", "2.4.6"), ("numpy", "2.5.5")}


def test_a_hole_fails_the_audit(service: Advisories, lock: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A vulnerable package is named, in whichever group it is."""
    service.holes = {audit.KNOWN_VULNERABLE, ("numpy", "2.5.5")}

    code = audit.main([lock])

    assert code == 1
    assert "VULNERABLE  numpy  TEST-1" in capsys.readouterr().err


@pytest.mark.parametrize("holes", [set(), None], ids=["knows nothing", "is broken"])
def test_a_source_that_misses_the_known_hole_proves_nothing(
    service: Advisories, lock: str, capsys: pytest.CaptureFixture[str], holes: set[tuple[str, str]] | None
) -> None:
    """pip-audit alone would pass here; the audit fails and says why."""
    service.holes = holes

    code = audit.main([lock])

    assert code == 1
    assert "the audit proves nothing" in capsys.readouterr().err
    assert ("click", "8.5.1") not in service.asked


def test_going_on_without_a_source_is_said_aloud(
    service: Advisories, lock: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who allows it gets exit code 0 and a line that nothing was audited."""
    service.holes = None
    monkeypatch.setenv(audit.ALLOW_OFFLINE, "1")

    code = audit.main([lock])

    assert code == 0
    assert "NOT AUDITED" in capsys.readouterr().err


def test_an_empty_lock_proves_nothing(tmp_path: Path) -> None:
    """A lock that was not understood is no clean lock."""
    (tmp_path / "empty.lock").write_text("# nothing\n", encoding="utf-8")

    assert audit.main([str(tmp_path / "empty.lock")]) == 1
