"""Bodies that are larger than an interaction takes, however their length is told or lied about."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.fuzz.inputs import BAD, CREATED, FHIR, FORM, OK, TOO_LARGE, Expected, Input, chunked, refused, request
from tests.fuzz.texts import valid

if TYPE_CHECKING:
    from tests.fuzz.inputs import Headers
    from tests.fuzz.run import Run

FORM_BYTES = 65_536
DECLARED = (b"99999999999", b"18446744073709551615", b"99999999999999999999999999")
LONGEST = 1_048_576
"""Characters of a string, as FHIR has it."""


def sizes(run: Run, _size: int) -> None:
    """Send bodies at, above and far above the limit of each interaction."""
    settings = run.place.settings
    patient = f"/fhir/Patient/{run.patient}".encode()
    limits = (
        ("POST", b"/fhir/Patient", FHIR, settings.resource_bytes),
        ("PUT", patient, FHIR, settings.resource_bytes),
        ("POST", b"/fhir", FHIR, settings.bundle_bytes),
        ("POST", b"/fhir/Patient/_search", FORM, FORM_BYTES),
    )
    for method, address, kind, limit in limits:
        _above(run, method, address, kind, limit)
        _at(run, method, address, kind, limit)
    lies(run)
    long_strings(run)


def _headers(run: Run, kind: bytes, *more: tuple[bytes, bytes]) -> Headers:
    return ((b"authorization", f"Bearer {run.place.token}".encode()), (b"content-type", kind), *more)


def _above(run: Run, method: str, address: bytes, kind: bytes, limit: int) -> None:
    """One byte more than is taken: told, untold, and told without being sent."""
    where, large = f"{method} {address[:24].decode()}", _filled(run, limit + 1)
    expected = refused(TOO_LARGE, issue="too-long", says=str(limit))
    run.throw(Input(f"{where}: {limit + 1} bytes", request(method, address, _headers(run, kind), large), method, expected))
    pieces = request(method, address, _headers(run, kind, (b"transfer-encoding", b"chunked"))) + chunked(large)
    run.throw(Input(f"{where}: {limit + 1} bytes in chunks", pieces, method, expected))
    run.wire.close()
    told = request(method, address, _headers(run, kind, (b"content-length", DECLARED[0])))
    run.throw(Input(f"{where}: {DECLARED[0].decode()} bytes told, none sent", told, method, expected))
    run.wire.close()  # what was told is still waited for


def _at(run: Run, method: str, address: bytes, kind: bytes, limit: int) -> None:
    """As many bytes as are taken are looked at, and refused for what they are."""
    raw = request(method, address, _headers(run, kind), _filled(run, limit))
    run.throw(Input(f"{method} {address[:24].decode()}: {limit} bytes", raw, method, refused(BAD)))


def _filled(run: Run, size: int) -> bytes:
    mark = run.marks.new().encode()
    return (mark * (size // len(mark) + 1))[:size]


def lies(run: Run) -> None:
    """Lengths that are none, two, or not those of the body."""
    body, own = valid(run.marks), _headers(run, FHIR)
    for length in (b"-1", b"+5", b"0x10", b"1_0", b"", b"five", b"5, 6", DECLARED[1], DECLARED[2], "\u0665".encode()):
        raw = request("POST", b"/fhir/Patient", (*own, (b"content-length", length)), body)
        run.throw(Input(f"a length of {length!r}", raw, "POST", refused(BAD, TOO_LARGE)))
        run.wire.close()
    two = ((b"content-length", b"5"), (b"content-length", b"%d" % len(body)))
    both = ((b"content-length", b"%d" % len(body)), (b"transfer-encoding", b"chunked"))
    for what, more in (
        ("two lengths", two),
        ("a length and chunks", both),
        ("chunks of chunks", ((b"transfer-encoding", b"chunked, chunked"),)),
    ):
        run.throw(Input(what, request("POST", b"/fhir/Patient", (*own, *more), body), "POST", refused(BAD)))
        run.wire.close()
    short = request("POST", b"/fhir/Patient", (*own, (b"content-length", b"10")), body)
    run.throw(Input("a length of less than there is", short, "POST", refused(BAD)))
    run.wire.close()
    for size in (b"zz", b"-5", b"fffffffffffffffff", b"", b" 5", b"0x5"):
        raw = request("POST", b"/fhir/Patient", (*own, (b"transfer-encoding", b"chunked"))) + size + b"\r\n" + body + b"\r\n0\r\n\r\n"
        run.throw(Input(f"a chunk of {size!r} bytes", raw, "POST", Expected(frozenset({BAD}), silence=True)))
        run.wire.close()


def long_strings(run: Run) -> None:
    """The longest string is taken and comes back; one more character is too many."""
    for letter in ("a", "\U0001f9ec"):
        longest = LONGEST if letter == "a" else LONGEST * 15 // 32  # four bytes each, below the size of a body
        body = json.dumps({"resourceType": "Basic", "code": {"text": letter * longest}}, ensure_ascii=False).encode()
        made = run.send(f"a string of {longest} characters", "POST", b"/fhir/Basic", Expected(frozenset({CREATED})), body=body)
        if made.status == CREATED and json.loads(made.body)["code"]["text"] != letter * longest:
            run.note("a long string", "it came back changed")
    body = json.dumps({"resourceType": "Basic", "code": {"text": "a" * (LONGEST + 1)}}).encode()
    expected = refused(BAD, issue="too-long", where="Basic.code.text")
    run.send("a string of one character more", "POST", b"/fhir/Basic", expected, body=body)
    run.send("the server after large bodies", "GET", b"/fhir/metadata", Expected(frozenset({OK})))
