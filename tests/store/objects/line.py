"""A line to a server that breaks: a relay on the loopback address that cuts an answer off after so many bytes."""

from __future__ import annotations

import contextlib
import socket
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Line:
    """Relays connections; `cuts` says after how many bytes of answer each of the next ones is cut off, None for never."""

    def __init__(self, port: int) -> None:
        """Relay to a port."""
        self.cuts: list[int | None] = []
        self.connections = 0
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stop listening; a listener that waits in `accept` is only woken by this."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.connections += 1
                Thread(target=self._relay, args=(near, self.cuts.pop(0) if self.cuts else None), daemon=True).start()

    def _relay(self, near: socket.socket, cut: int | None) -> None:
        with near, socket.create_connection(("127.0.0.1", self._target)) as far:
            asking = Thread(target=_pass, args=(near, far, None), daemon=True)
            asking.start()
            _pass(far, near, cut)
            asking.join()


def _pass(source: socket.socket, target: socket.socket, left: int | None) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data if left is None else data[:left])
            left = None if left is None else left - len(data)
            if left is not None and left <= 0:
                break
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def line(port: int) -> Iterator[Line]:
    """Yield a relay to a port."""
    made = Line(port)
    try:
        yield made
    finally:
        made.close()
