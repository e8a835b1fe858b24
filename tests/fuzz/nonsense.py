"""Bytes that are no HTTP, or HTTP that two readers may read differently; connections that begin something and never end it."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.fuzz.inputs import FHIR, HOST, OK, Expected, request
from tests.fuzz.texts import valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fuzz.run import Run

AT_ONCE = 16
PIPELINED = 40
HELD_SECONDS = 22
"""A head may take ten seconds, and a body twenty without bringing anything."""
ENDLESS = 400_000
"""Bytes of what should have been cut off long before."""
HEALTH = request("GET", b"/health", (HOST,))


def nonsense(run: Run, size: int) -> None:
    """Send nonsense over connections of their own, several at once; `size` of them are bytes by chance."""
    sent = [*malformed(run), *ambiguous(run), *chance(run, size)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        heard = list(pool.map(lambda one: run.wire.listen(one[1]), sent))
    for (what, _), (statuses, content) in zip(sent, heard, strict=True):
        _check(run, what, statuses, content)
    pipelined(run)
    endless(run)
    abandoned(run)
    outside_tls(run)
    run.send("the server after nonsense", "GET", b"/fhir/metadata", Expected(frozenset({OK})))


def _check(run: Run, what: str, statuses: list[int], content: bytes) -> None:
    run.tally.sent[run.family] += 1
    run.tally.statuses.update(statuses or [0])
    if any(status >= 500 for status in statuses):
        run.note(what, f"it is answered with {max(statuses)}")
    if run.marks.are_in(content):
        run.note(what, "the answer repeats a part of the input")
    if b"x-injected" in content.lower():
        run.note(what, "the answer has a header that the input made")


def malformed(run: Run) -> Iterator[tuple[str, bytes]]:
    """What no reader should take for a request."""
    mark = run.marks.new().encode()
    lines = (
        b"",
        b"\r\n" * 10,
        b"\x00" * 100,
        mark,
        b"GET",
        b"GET /" + mark,
        b"GET /" + mark + b"\r\n",
        b"GET /" + mark + b" HTTP/1.1",
        b"GET  /health HTTP/1.1",
        b"GET\t/health\tHTTP/1.1",
        b" GET /health HTTP/1.1",
        b"GET /health HTTP/0.9",
        b"GET /health HTTP/1.2",
        b"GET /health HTTP/9.9",
        b"GET /health HTTP/" + mark,
        b"GET /health http/1.1",
        b"GET /health ICE/1.0",
        b"GET /" + mark + b" " + mark + b" HTTP/1.1",
        b"CONNECT " + mark + b":443 HTTP/1.1",
        b"PRI * HTTP/2.0\r\n\r\nSM",
        b"OPTIONS * HTTP/1.1",
        b"GET http://" + mark + b"/health HTTP/1.1",
        b"GET //" + mark + b"/ HTTP/1.1",
        b"GET http:// HTTP/1.1",
        b"GET /health#" + mark + b" HTTP/1.1",
    )
    for line in lines:
        yield f"the line {line[:30]!r}", line + b"\r\nhost: localhost\r\n\r\n"
    headers = (
        b"no colon " + mark,
        b": no name",
        b"name : a space before the colon",
        b" folded: " + mark,
        b"a: b\r\n folded " + mark,
        b"a: \x00" + mark,
        b"a: \x7f" + mark,
        b"a\x00: " + mark,
        b"\xff\xfe: " + mark,
        b"a: " + mark + b"\rx-injected: yes",
        b"a: " + mark + b"\nx-injected: yes",
        b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: " + mark + b"\r\nsec-websocket-version: 13",
        b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: " + mark,
        b"expect: " + mark,
        b"expect: 100-continue\r\ncontent-length: 5",
        b"host: " + mark,
        b"host: a\r\nhost: b",
        b"transfer-encoding: " + mark,
        b"transfer-encoding: chunked, identity",
        b"transfer-encoding: gzip, chunked",
        b"content-length: " + mark,
    )
    for header in headers:
        yield f"the header {header[:30]!r}", b"POST /auth/sign-in HTTP/1.1\r\nhost: localhost\r\n" + header + b"\r\n\r\n"
    yield "no host", b"GET /health HTTP/1.1\r\n\r\n"
    yield "line feeds alone", HEALTH.replace(b"\r\n", b"\n")
    yield "carriage returns alone", HEALTH.replace(b"\r\n", b"\r")


def ambiguous(run: Run) -> Iterator[tuple[str, bytes]]:
    """What one reader takes for one request and another for two."""
    smuggled = request("DELETE", f"/fhir/Patient/{run.patient}".encode(), (_signed(run),))
    for first, second in (
        (b"content-length: 5", b"transfer-encoding: chunked"),
        (b"transfer-encoding: chunked", b"transfer-encoding: identity"),
        (b"transfer-encoding : chunked", b"content-length: 5"),
        (b"transfer-encoding:\x0bchunked", b"content-length: 5"),
        (b"transfer-encoding: xchunked", b"content-length: 5"),
        (b"content-length: 5", b"content-length: 6"),
        (b"content-length: 5\r\n folded: 6", b"a: b"),
        (b"content-length: 5,5", b"a: b"),
        (b"content_length: 5", b"content-length: %d" % (len(smuggled) + 5)),
    ):
        head = b"POST /fhir/Patient HTTP/1.1\r\nhost: localhost\r\n%b\r\n%b\r\n\r\n" % (first, second)
        yield f"{first!r} and {second!r}", head + b"0\r\n\r\n" + smuggled
    yield "a chunk that is longer than it says", _chunks(run, b"3\r\n{}}}}}\r\n0\r\n\r\n")
    yield "a chunk with an extension", _chunks(run, b"2;" + run.marks.new().encode() + b"=1\r\n{}\r\n0\r\n\r\n")
    yield "a trailer", _chunks(run, b"2\r\n{}\r\n0\r\nauthorization: " + run.marks.new().encode() + b"\r\n\r\n")


def _chunks(run: Run, body: bytes) -> bytes:
    return request("POST", b"/fhir/Patient", (_signed(run), (b"content-type", FHIR), (b"transfer-encoding", b"chunked"))) + body


def _signed(run: Run) -> tuple[bytes, bytes]:
    return b"authorization", f"Bearer {run.place.token}".encode()


def chance(run: Run, size: int) -> Iterator[tuple[str, bytes]]:
    """Bytes by chance, and a good request in which some bytes were changed by chance."""
    rng, good = run.rng, request("POST", b"/auth/sign-in", ((b"content-type", b"application/json"),), b'{"username":"x","password":"y"}')
    for _ in range(size):
        if rng.random() < 0.3:
            yield "bytes by chance", rng.randbytes(rng.choice([1, 10, 1_000, 50_000]))
            continue
        changed = bytearray(good)
        for _ in range(rng.choice([1, 1, 2, 5])):
            at = rng.randrange(len(changed))
            changed[at : at + rng.randrange(3)] = rng.choice([b"", b"\x00", b"\r", b"\n", b":", b" ", b"\xff", rng.randbytes(1)])
        yield f"{bytes(changed)[:40]!r}", bytes(changed)


def pipelined(run: Run) -> None:
    """Requests sent at once are answered in their order, and garbage behind one does not take its answer away."""
    good = request("GET", b"/fhir/metadata") + request("GET", b"/health")
    statuses, content = run.wire.listen(good * (PIPELINED // 2))
    _check(run, "many at once", statuses, content)
    if statuses != [OK] * PIPELINED:
        run.note("many at once", f"{len(statuses)} of {PIPELINED} are answered")
    patient = request("GET", f"/fhir/Patient/{run.patient}".encode(), (_signed(run),))
    for garbage in (run.marks.new().encode() + b"\r\n\r\n", b"\x00\x01\x02", b"GET /" + run.marks.new().encode() + b" HTTP/9.9\r\n\r\n"):
        statuses, content = run.wire.listen(patient + garbage)
        _check(run, "garbage behind a request", statuses, content)
        if statuses[:1] != [OK]:
            run.note("garbage behind a request", f"the request is answered with {statuses}")


def endless(run: Run) -> None:
    """Heads, trailers, chunk sizes and blank lines that do not end are cut off."""
    mark = run.marks.new().encode()
    filler = mark * (ENDLESS // len(mark))
    beginnings = {
        "an endless header": HEALTH[:-2] + b"x-a: " + filler,
        "endless headers": HEALTH[:-2] + b"x-a: b\r\n" * (ENDLESS // 8),
        "an endless address": b"GET /" + filler,
        "endless blank lines": HEALTH + b"\r\n" * (ENDLESS // 2),
        "an endless trailer": _chunks(run, b"2\r\n{}\r\n0\r\nx-a: ") + filler,
        "endless trailers": _chunks(run, b"2\r\n{}\r\n0\r\n") + b"x-a: b\r\n" * (ENDLESS // 8),
        "an endless chunk extension": _chunks(run, b"2;") + filler,
    }
    for what, content in beginnings.items():
        _check(run, what, *run.wire.listen(content))
        if not _is_cut_off(run, content):
            run.note(what, "it is taken without end")


def _is_cut_off(run: Run, content: bytes) -> bool:
    """Tell whether the server ends the connection while, or soon after, it is sent too much."""
    with run.wire.connect() as own:
        own.settimeout(2)
        try:
            own.sendall(content)
            while own.recv(65_536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
    return True


def abandoned(run: Run) -> None:
    """Requests of which a part comes, and then nothing more: the connection is closed, reset, or left to the server."""
    body = valid(run.marks)
    whole = request("POST", b"/fhir/Patient", (_signed(run), (b"content-type", FHIR)), body)
    for at in sorted(run.rng.sample(range(1, len(whole)), 20)):
        with run.wire.connect() as own:
            own.sendall(whole[:at])
            if at % 2:  # a reset in place of a goodbye
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        run.tally.sent[run.family] += 1
    parts = [whole[at : at + 40] for at in range(0, len(whole) - 40, 40)]
    _check(run, "a request in many parts that lacks its end", *run.wire.listen(*parts))


def outside_tls(run: Run) -> None:
    """What does not even begin with a handshake."""
    for what, content in (
        ("HTTP without TLS", HEALTH),
        ("a handshake that breaks off", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        ("bytes in place of a handshake", run.rng.randbytes(500)),
        ("nothing", b""),
    ):
        with socket.create_connection(("127.0.0.1", run.place.settings.port), timeout=2) as plain:
            plain.sendall(content)
            plain.settimeout(0.3)
            try:
                heard = plain.recv(1_000)
            except OSError:
                heard = b""
        _check(run, what, [], heard)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.set_ciphers("AES128-SHA:@SECLEVEL=0")
    try:
        with socket.create_connection(("127.0.0.1", run.place.settings.port), timeout=2) as plain, old.wrap_socket(plain):
            run.note("a cipher without forward secrecy", "the server takes it")
    except OSError:
        pass


class Waiting:
    """Connections that begin something and then only wait, opened early to be looked at late."""

    def __init__(self, run: Run, count: int) -> None:
        """Open as many that lack the end of a head, and as many that lack the end of a body."""
        self._run = run
        head, body = b"GET /health HTTP/1.1\r\nhost: loc", request("POST", b"/auth/sign-in", ((b"content-length", b"500"),))
        self._open = [run.wire.connect() for _ in range(2 * count)]
        for at, one in enumerate(self._open):
            one.sendall(body if at % 2 else head)

    def look_after(self, began: float) -> None:
        """Note those that the server still holds, once enough time has passed since they were opened."""
        time.sleep(max(0.0, began + HELD_SECONDS - time.monotonic()))
        held = 0
        for one in self._open:
            one.settimeout(0.1)
            try:
                while one.recv(65_536):
                    pass
            except TimeoutError:
                held += 1
            except OSError:
                pass
            one.close()
        if held:
            self._run.note("connections that wait", f"{held} of {len(self._open)} are still held")
