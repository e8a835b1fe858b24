"""The example for consumers as a process of its own, with a client that knows nothing of Confide."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "consumer"
START_SECONDS = 60
BY_HAND = 4
"""Lines that a person changed in what makemigrations wrote."""
PASSWORD = "a password of anna's"  # pragma: allowlist secret
SERVE = "from wsgiref.simple_server import make_server; import manage; from django.core.wsgi import get_wsgi_application as g; make_server('127.0.0.1', {port}, g()).serve_forever()"  # noqa: E501 - one line of Python
MEMBER = "from django.contrib.auth.models import User; User.objects.create_user('anna', password={password!r})"


@dataclass(frozen=True)
class Consumer:
    """A running backend."""

    variant: str
    folder: Path
    client: httpx.Client
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End it as an operator does."""
        self.client.close()
        self.process.terminate()
        self.process.wait(30)

    def content(self) -> bytes:
        """Every byte of its files, database and log included."""
        return b"".join(path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file())


def environment(variant: str, folder: Path) -> dict[str, str]:
    """Return what the backend is told by its surroundings."""
    path = os.pathsep.join([str(EXAMPLES / variant), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "CONSUMER_FOLDER": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def manage(variant: str, folder: Path, *command: str) -> None:
    """Run a command of the project."""
    subprocess.run(
        [sys.executable, str(EXAMPLES / variant / "manage.py"), *command], check=True, cwd=folder, env=environment(variant, folder)
    )


@contextlib.contextmanager
def running(variant: str, folder: Path, *, is_new: bool = True) -> Iterator[Consumer]:
    """Run the backend of before or after in a folder."""
    if variant == "after":
        manage(variant, folder, "confide", "init")
    manage(variant, folder, "migrate", "--verbosity", "0")
    if is_new:
        manage(variant, folder, "shell", "--command", MEMBER.format(password=PASSWORD))
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = int(found.getsockname()[1])
    log = folder / "log.txt"
    with log.open("ab") as stream:
        command = [sys.executable, "-c", SERVE.format(port=port)]
        process = subprocess.Popen(command, cwd=folder, env=environment(variant, folder), stdout=stream, stderr=stream)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30)
    consumer = Consumer(variant, folder, client, process)
    try:
        _wait(consumer, log)
        assert client.post("/login", data={"username": "anna", "password": PASSWORD}).status_code == 200
        yield consumer
    finally:
        if process.poll() is None:
            consumer.stop()


def _wait(consumer: Consumer, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and consumer.process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            consumer.client.get("/login")
            return
        time.sleep(0.02)
    message = f"The backend did not start: {log.read_text(encoding='utf-8')[-2000:]}"
    raise RuntimeError(message)
