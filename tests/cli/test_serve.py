"""`confide serve`: a real server in a process of its own."""

from __future__ import annotations

import json
import re
import shutil
import socket
import sqlite3
import ssl
import subprocess
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pyotp
import pytest

from confide.cli.errors import CannotListen, NotADemo
from confide.cli.instance import settings_of
from confide.cli.serve import check_before, listen
from confide.keys.errors import KeyFileRefused
from confide.store.errors import SchemaBehind
from tests.cli.desk import SECONDS, Desk, command
from tests.required import missing

if TYPE_CHECKING:
    from collections.abc import Iterator


SIGN_IN = Path(__file__).resolve().parents[2] / "docs" / "reference" / "sign-in.md"
PASSWORD = "tall-ferns-99"  # pragma: allowlist secret


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def served(desk: Desk) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    port = free_port()
    (desk.folder / "confide.toml").write_text(f'port = {port}\nlog_file = "log.jsonl"\n')
    process = subprocess.Popen(command("serve", "--folder", str(desk.folder)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    trusted = ssl.create_default_context(cafile=str(desk.folder / "tls" / "ca.pem"))
    try:
        with httpx.Client(base_url=f"https://localhost:{port}", verify=trusted, trust_env=False, timeout=10) as client:
            until = time.monotonic() + SECONDS
            while time.monotonic() < until and process.poll() is None:
                try:
                    client.get("/health")
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield process, client
    finally:
        process.terminate()
        process.communicate(timeout=30)


def raw(client: httpx.Client, *parts: bytes) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    address = ("127.0.0.1", client.base_url.port or 0)
    with socket.create_connection(address, timeout=20) as plain, context.wrap_socket(plain) as sealed:
        for part in parts:
            sealed.sendall(part)
        return sealed.recv(200)


@pytest.mark.slow
def test_the_server_serves_over_tls_and_stops_when_told(desk: Desk) -> None:
    """It says where it is, names no software, answers, bounds heads of requests, and ends with status 0 after SIGTERM."""
    with served(desk) as (process, client):
        health = client.get("/health")
        denied = client.get("/fhir/Patient")
        root = client.get("/")
        large = raw(client, b"GET /health HTTP/1.1\r\nhost: x\r\nx-a: " + b"a" * 40_000 + b"\r\n\r\n")
        endless = raw(client, b"GET /health HTTP/1.1\r\nhost: x\r\nx-a: ", *([b"a" * 20_000] * 2))
        garbage = raw(client, b"\x00\x01\x02\r\n\r\n")
        again = client.get("/health")
        process.terminate()
        said, errors = process.communicate(timeout=30)

    assert (health.status_code, denied.status_code, again.status_code) == (200, 401, 200)
    assert "server" not in health.headers
    assert (root.status_code, root.text.count("/fhir")) == (200, 1)
    assert large.startswith(b"HTTP/1.1 431")
    assert endless.startswith(b"HTTP/1.1 431")
    assert garbage.startswith(b"HTTP/1.1 400")
    assert process.returncode == 0
    assert len(said.splitlines()) == 1
    assert str(client.base_url.port) in said
    assert errors == ""
    assert "server.stopped" in (desk.folder / "log.jsonl").read_text()


@pytest.mark.slow
def test_the_page_on_signing_in_works_as_it_is_written(desk: Desk, tmp_path: Path) -> None:
    """Each block is run by a shell, with the words in capitals filled in from the answer before."""
    if shutil.which("curl") is None:
        missing("curl is not installed")
    assert desk.run("account", "add", "nurse.one", "clinician", "--password-stdin", given=f"{PASSWORD}\n").exit_code == 0
    first, second, third, fourth = re.findall(r"```sh\n(.*?)```", SIGN_IN.read_text(encoding="utf-8"), re.DOTALL)
    with served(desk) as (_, client):

        def run(block: str, **words: str) -> str:
            block = block.replace("https://localhost:8443", str(client.base_url)).replace("confide/tls", str(desk.folder / "tls"))
            for name, value in words.items():
                block = block.replace(name, value)
            return subprocess.run(["bash", "-ec", block], cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=True).stdout

        needed = json.loads(run(first, PASSWORD=PASSWORD))["enrolment"]
        codes = pyotp.TOTP(needed["secret"])
        enrolled = json.loads(run(second, TICKET=needed["ticket"], CODE=codes.at(time.time())))
        signed_in = json.loads(run(third, PASSWORD=PASSWORD, CODE=codes.at(time.time() + 30)))
        read = json.loads(run(fourth, TOKEN=signed_in["access_token"]))
        out = client.get("/fhir/Patient", headers={"authorization": f"Bearer {signed_in['access_token']}"})

    assert needed["next"] in second
    assert enrolled.keys() == signed_in.keys() == {"access_token", "token_type", "expires_in"}
    assert read["resourceType"] == "Bundle"
    assert out.status_code == 401


def test_a_taken_port_is_said_to_be_taken(desk: Desk) -> None:
    """The sentence names the port and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        (desk.folder / "confide.toml").write_text(f"port = {port}\n")

        with pytest.raises(CannotListen, match=str(port)):
            listen(settings_of(desk.folder))


def test_a_demo_listens_on_this_machine_only(desk: Desk) -> None:
    """Its passwords were printed."""
    (desk.folder / "confide.toml").write_text('demo = true\nhost = "0.0.0.0"\n')

    with pytest.raises(NotADemo):
        check_before(settings_of(desk.folder))


def test_no_server_on_a_key_file_that_others_can_read(desk: Desk) -> None:
    """The key is known by then."""
    (desk.folder / "root.key").chmod(0o640)

    with pytest.raises(KeyFileRefused):
        check_before(settings_of(desk.folder))


def test_no_server_on_another_schema(desk: Desk) -> None:
    """The server never migrates by itself."""
    with closing(sqlite3.connect(desk.folder / "data.db", isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(SchemaBehind):
        check_before(settings_of(desk.folder))
