"""AWS for tests: moto behind a real HTTP server on the loopback address, which can be stopped, started, and made to check signatures."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import boto3
from moto.core.authorization import enable_iam_authentication
from moto.moto_proxy.proxy3 import MotoRequestHandler

from tests.postgres import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "eu-central-1"
ACCESS_KEY, SECRET_KEY = "AKIATESTTESTTESTTEST", "not-a-secret"  # pragma: allowlist secret


_DENIED = 403
_AS_AWS_SAYS_IT = {
    "AccessDenied": "AccessDeniedException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
}
"""moto refuses in the words of IAM, whatever the service; those that speak JSON have words of their own (KMS API reference, errors)."""


class _Answers(BaseHTTPRequestHandler):
    """Hands each request to moto under the public address of the service that it is signed for."""

    protocol_version = "HTTP/1.1"
    wbufsize = 65_536
    disable_nagle_algorithm = True
    moto = MotoRequestHandler(0)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        _, _, region, service, _ = self.headers["authorization"].partition("Credential=")[2].split(",")[0].split("/")
        host = f"https://{service}.{region}.amazonaws.com"
        answer: Any = self.moto.parse_request(self.command, host, self.path, self.headers, body)
        status, headers, content = answer if isinstance(answer, tuple) else (200, {}, answer)
        if status == _DENIED and "x-amz-target" in self.headers:
            status, headers, content = 400, {}, json.dumps({"__type": _AS_AWS_SAYS_IT[re.findall("<Code>(.*?)</Code>", content)[0]]})
        encoded = content.encode() if isinstance(content, str) else content
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in {"content-length", "date", "server", "connection"}:
                self.send_header(name, str(value))
        if self.command == "HEAD":  # has the length of what a GET would bring, and brings nothing
            self.send_header("content-length", str(headers.get("content-length", 0)))
            self.end_headers()
            return
        self.send_header("content-length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def handle_expect_100(self) -> bool:
        """Answer at once: what waits in the buffer costs each upload to S3 a second."""
        goes_on = super().handle_expect_100()
        self.wfile.flush()
        return goes_on

    def __getattr__(self, name: str) -> Any:
        """Answer every other method in the same way."""
        if name.startswith("do_"):
            return self.do_POST
        raise AttributeError(name)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


class _Listener(ThreadingHTTPServer):
    """A server that can hang up on everyone."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        """Listen."""
        super().__init__(("127.0.0.1", port), _Answers)
        self._connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a connection that we broke."""

    def hang_up(self) -> None:
        """Stop listening and break every connection."""
        self.shutdown()
        self.server_close()
        for connection in tuple(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Server:
    """The services of one account."""

    def __init__(self) -> None:
        """Choose a port; nothing listens yet."""
        self.port = free_port()
        self._running: _Listener | None = None
        self._silent: socket.socket | None = None
        self._strict = ExitStack()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str) -> Any:
        """Return a client of a service that may do everything until signatures are checked."""
        return boto3.session.Session(ACCESS_KEY, SECRET_KEY, region_name=REGION).client(service, endpoint_url=self.url)

    def start(self) -> None:
        """Answer."""
        self.wake()
        self._running = _Listener(self.port)
        Thread(target=self._running.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections; what was made stays."""
        if self._running is not None:
            self._running.hang_up()
            self._running = None

    def silence(self) -> None:
        """Take connections and answer none."""
        self.stop()
        self._silent = socket.create_server(("127.0.0.1", self.port))

    def wake(self) -> None:
        """End the silence."""
        if self._silent is not None:
            self._silent.close()
            self._silent = None

    def check_signatures(self) -> None:
        """From now on, do as AWS does: refuse keys that nobody was given, and what no policy allows."""
        self._strict.enter_context(enable_iam_authentication())

    def trust_everyone(self) -> None:
        """Check nothing any more."""
        self._strict.close()


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """Yield the services, empty at first."""
    made = Server()
    made.start()
    try:
        yield made
    finally:
        made.trust_everyone()
        made.stop()
        made.wake()
