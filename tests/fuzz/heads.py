"""What can be wrong before the body: methods, addresses, queries, headers, media types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz.inputs import (
    ANY,
    BAD,
    CREATED,
    FHIR,
    HEAD_TOO_LARGE,
    MISSING,
    NO_METHOD,
    NOT_FHIR,
    OK,
    REFUSED,
    STALE,
    UNACCEPTABLE,
    UNSIGNED,
    Expected,
    Surface,
    refused,
)
from tests.fuzz.texts import valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fuzz.run import Run

KNOWN_METHODS = "HEAD POST PUT DELETE PATCH OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH UNLOCK BIND REPORT PURGE MERGE"
INVENTED_METHODS = ("BREW", "get", "Get", "GETT", "P\x00ST", "G E T", "<GET>", "-", "\u017fEARCH", "A" * 500)
CRLF = b"%0d%0aX-Injected:%20yes%0d%0a%0d%0a"
TOO_LONG = 40_000


def heads(run: Run, _size: int) -> None:
    """Send every head at addresses of every kind."""
    methods(run)
    addresses(run)
    queries(run)
    media_types(run)
    preconditions(run)
    tokens(run)
    long_heads(run)


def methods(run: Run) -> None:
    """Methods that an address does not take, and words that are no method."""
    taken = {
        b"/fhir/metadata": {"GET", "HEAD"},
        b"/fhir/Patient": {"GET", "HEAD", "POST"},
        b"/fhir/Patient/x": {"GET", "HEAD", "PUT", "DELETE"},
    }
    for address, known in taken.items():
        for method in KNOWN_METHODS.split():
            if method not in known:
                run.send(f"{method} {address.decode()}", method, address, refused(NO_METHOD, issue="not-supported"))
        for method in INVENTED_METHODS:
            run.send(f"{method[:5]!r} {address.decode()}", method, address, refused(BAD))


def addresses(run: Run) -> None:
    """Addresses that climb, break off, double up, or name nothing."""
    mark = run.marks.new().encode()
    nothing = (
        b"/fhir/" + mark,
        b"/fhir/Patient/" + mark,
        b"/fhir/Patient/" + mark + b"/_history",
        b"/fhir/Patient/" + mark + b"/_history/1",
        b"/fhir/Patient/" + run.patient.encode() + b"/_history/" + mark,
        b"/fhir/Patient/" + run.patient.encode() + b"/" + mark,
        b"/fhir/Patient/" + run.patient.upper().encode(),
        b"/fhir/Patient/" + run.patient.encode() + b"%00",
        b"/fhir/Patient/" + run.patient.encode() + b"%0a",
        b"/fhir/Patient/{" + run.patient.encode() + b"}",
        b"/fhir/patient/" + run.patient.encode(),
        b"/fhir/Patient;" + mark + b"=1",
        b"/fhir/Patient%2f" + run.patient.encode() + b"%2f" + mark,
        b"/fhir/Patient/" + b"1" * 5_000,
        b"/fhir/Patient/" + run.patient.encode() + b"/_history/99999999999999999999",
        b"/fhir/Patient/" + run.patient.encode() + b"/_history/-1",
        b"/fhir/Patient/" + b"%D9%A1%D9%A2",
        b"/fhir//Patient",
        b"/fhir/Patient/$" + mark,
        b"/fhir/$" + mark,
        b"/fhir/_history",
        b"/fhir/Patient/..",
        b"/fhir/Patient/%2e%2e/" + mark,
        b"/fhir/Patient/..%2f..%2f..%2froot.key",
        b"/fhir/Patient/%252e%252e%252froot.key",
        b"/fhir/Patient/..%5c..%5croot.key",
        b"/fhir/Patient/%c0%ae%c0%ae%c0%af" + mark,
        b"/fhir/Patient/" + mark + b"%",
        b"/fhir/Patient/" + mark + b"%zz",
        b"/fhir/Patient/" + mark + b"%u0041",
        b"/fhir/Patient/" + mark + CRLF,
        b"/fhir/Patient/" + mark + b"%ff%fe",
        b"/fhir/Patient/" + mark + b"%e2%80%ae",
        b"/fhir/Patient/' OR 1=1 --".replace(b" ", b"%20"),
        b"/fhir/Patient/${jndi:ldap:%2f%2f" + mark + b"}",
        b"/fhir/Patient/file:%2f%2f%2fetc%2fpasswd",
    )
    for address in nothing:
        run.send(f"GET {address[:40].decode()}", "GET", address, refused(MISSING, issue="not-found"))
        run.send(f"HEAD {address[:40].decode()}", "HEAD", address, refused(MISSING))
        run.send(f"DELETE {address[:40].decode()}", "DELETE", address, refused(MISSING, NO_METHOD))
    for address in (
        b"/../root.key",
        b"/..%2froot.key",
        b"/%2e%2e/data.db",
        b"//" + mark,
        b"/fhir/../health/" + mark,
        b"/" + mark,
        b"/FHIR",
        b"/\\",
    ):
        run.send(f"GET {address.decode()}", "GET", address, refused(MISSING), surface=Surface.PLAIN)
    for address in (mark, b"*", b"?" + mark, b"/fhir/\xff" + mark, b"/fhir/\x01" + mark, "/fhir/é".encode(), b"/fhir/Pat ient", b""):
        run.send(f"GET {address!r}", "GET", address, refused(BAD, MISSING), surface=Surface.PLAIN)


def queries(run: Run) -> None:
    """Queries that are broken, unknown, endless, or ask too much."""
    mark = run.marks.new().encode()
    for query in _bad_queries(mark):
        run.send(f"search ?{query[:40].decode()}", "GET", b"/fhir/Patient?" + query, refused(BAD))
    for query in _bad_queries(mark):
        headers = ((b"content-type", b"application/x-www-form-urlencoded"),)
        run.send(
            f"search by POST {query[:40].decode()}", "POST", b"/fhir/Patient/_search", refused(BAD), body=query, kind=None, headers=headers
        )
    history = b"/fhir/Patient/" + run.patient.encode() + b"/_history?"
    for query in (
        mark + b"=1",
        b"_count=" + mark,
        b"_page=" + mark,
        b"_count=-1",
        b"_since=" + mark,
        b"_count=%d9%a1",
        b"_page=%00",
        b"_page=",
    ):
        run.send(f"history ?{query.decode()}", "GET", history + query, refused(BAD))
    lenient = ((b"prefer", b"handling=lenient"),)
    run.send("an unknown parameter, let pass", "GET", b"/fhir/Patient?" + mark + b"=1", Expected(frozenset({OK})), headers=lenient)


def _bad_queries(mark: bytes) -> Iterator[bytes]:
    yield from (
        mark + b"=1",
        b"name:" + mark + b"=xy",
        b"name=" + mark + b"%ff",
        b"name=%ed%a0%80",
        b"name=" + mark + b"%00",
        b"name=x",
        b"name=",
    )
    yield from (
        b"birthdate=" + mark,
        b"birthdate=2024-02-30",
        b"birthdate=ge",
        b"birthdate=ap2024",
        b"birthdate=2024-01-01T25:00",
        b"birthdate=%00",
    )
    yield from (
        b"_count=-1",
        b"_count=" + mark,
        b"_count=1.5",
        b"_count=99999999999",
        b"_count=%d9%a1",
        b"_total=" + mark,
        b"_page=" + mark,
    )
    yield from (
        b"_page=" + mark + b"%c3%a9",
        b"_page=AAAA",
        b"_page=%00",
        b"_id=" + mark + b"%20",
        b"_id=" + b",".join([mark] * 60),
        b"_id=",
    )
    yield from (
        b"name=" + mark * 200,
        b"name=" + b",".join([mark] * 60),
        b"&".join(b"name=" + mark for _ in range(100)),
        b"&" * 70 + mark + b"=1",
    )
    yield from (
        b"identifier=" + mark + b"%7c",
        b"_sort=" + mark,
        b"_include=*",
        b"_filter=" + mark,
        b"_has:" + mark + b":x:y=1",
        b"_content=" + mark,
    )
    yield from (
        b"name:exact:" + mark + b"=x",
        b"name.family=" + mark,
        b"NAME=" + mark,
        CRLF + b"=1",
        b"name" + CRLF + b"=" + mark,
        b"organization=" + mark + b"/1",
    )


def media_types(run: Run) -> None:
    """Bodies of other types, of none, or of a type that is no type; and answers that nobody can give."""
    body, mark = valid(run.marks), run.marks.new().encode()
    for kind in _other_types(mark):
        for method, address in (("POST", b"/fhir/Patient"), ("PUT", b"/fhir/Patient/" + run.patient.encode()), ("POST", b"/fhir")):
            run.send(f"{kind!r}", method, address, refused(NOT_FHIR, issue="not-supported"), body=body, kind=kind)
        run.send(f"a search of {kind!r}", "POST", b"/fhir/Patient/_search", refused(NOT_FHIR), body=b"name=" + mark, kind=kind)
    for accept in (b"application/fhir+xml", b"text/html", b"text/" + mark, b"image/*", mark, b"", b";;;", b"application/" + mark):
        headers = ((b"accept", accept),)
        run.send(f"accept {accept!r}", "GET", b"/fhir/Patient", refused(UNACCEPTABLE, issue="not-supported"), headers=headers)
    for coding in (b"gzip", b"deflate", b"br", mark):
        headers = ((b"content-encoding", coding),)
        run.send(
            f"a body coded as {coding!r}", "POST", b"/fhir/Patient", refused(BAD, NOT_FHIR), body=b"\x1f\x8b\x08" + body, headers=headers
        )


def _other_types(mark: bytes) -> tuple[bytes | None, ...]:
    named = (
        b"text/plain",
        b"application/xml",
        b"application/fhir+xml",
        b"text/html",
        b"multipart/form-data; boundary=" + mark,
        b"application/octet-stream",
    )
    odd = (
        None,
        b"",
        b"*/*",
        b"json",
        mark,
        b"application/json" + mark,
        b"application/ json",
        b"application/json, text/plain",
        b"\xff\xfe",
        b";charset=utf-8",
    )
    coded = (b"application/fhir+json; charset=utf-16", b"application/fhir+json;charset=latin-1", b"application/json; charset=" + mark)
    return named + odd + coded


def preconditions(run: Run) -> None:
    """Entity tags that are none, conditions that are not offered, and headers that would break out."""
    mark, address = run.marks.new(), f"/fhir/Patient/{run.patient}".encode()
    body = valid(run.marks, id=run.patient)
    for tag in (mark, f'W/"{mark}"', "1", 'W/"1', 'W/""', 'W/"99999999999"', 'W/"-1"', 'W/"1" ' + mark, '"1", "2"', 'W/"\u0661"'):
        headers = ((b"if-match", tag.encode()),)
        run.send(f"If-Match {tag}", "PUT", address, refused(BAD, STALE), body=body, headers=headers)
        run.send(f"If-Match {tag} to delete", "DELETE", address, refused(BAD, STALE), headers=headers)
    condition = ((b"if-none-exist", b"identifier=" + mark.encode()),)
    run.send("a conditional create", "POST", b"/fhir/Patient", refused(BAD, STALE), body=body, headers=condition)
    for name in (
        b"user-agent",
        b"referer",
        b"cookie",
        b"x-forwarded-for",
        b"forwarded",
        b"origin",
        b"x-request-id",
        b"prefer",
        b"range",
        b"te",
    ):
        headers = ((name, mark.encode() + b"\xff\xfe \t<script>" + CRLF),)
        run.send(f"{name.decode()} of all kinds", "GET", address, Expected(frozenset({OK})), headers=headers)
    injected = ((b"x-a", mark.encode() + b"\r\nx-injected: yes"),)
    run.send("a line break in a header", "GET", address + b"x", refused(MISSING), headers=injected)


def tokens(run: Run) -> None:
    """Bearer tokens that are none."""
    mark = run.marks.new()
    for text in (
        mark,
        f"Bearer {mark}",
        "Bearer",
        "Bearer  ",
        f"Basic {mark}",
        "Bearer cfd_" + mark * 3,
        "Bearer \xff",
        f"bearer\t{mark}",
        "Bearer " + "a" * 8_000,
    ):
        headers = ((b"authorization", text.encode("latin-1")),)
        for method, address in (
            ("GET", b"/fhir/Patient"),
            ("DELETE", f"/fhir/Patient/{run.patient}".encode()),
            ("GET", b"/fhir/" + mark.encode()),
        ):
            run.send(f"{method} with {text[:12]!r}", method, address, refused(UNSIGNED, issue="login"), headers=headers, token=None)
        run.send(
            f"a create with {text[:12]!r}", "POST", b"/fhir/Patient", refused(UNSIGNED), headers=headers, token=None, body=valid(run.marks)
        )
    run.send("no token", "GET", b"/fhir/Patient", refused(UNSIGNED, issue="login"), token=None)


def long_heads(run: Run) -> None:
    """Heads longer than any that is meant."""
    mark = run.marks.new().encode()
    long = mark * (TOO_LONG // len(mark))
    for address in (b"/fhir/Patient/" + long, b"/fhir/Patient?name=" + long, b"/fhir/" + b"a/" * (TOO_LONG // 2)):
        run.send(f"an address of {len(address)} bytes", "GET", address, refused(BAD, MISSING, HEAD_TOO_LARGE))
    run.send("a long header", "GET", b"/fhir/Patient", refused(HEAD_TOO_LARGE), headers=((b"x-a", long),))
    run.send("a header of a long name", "GET", b"/fhir/Patient", refused(HEAD_TOO_LARGE), headers=((long, b"a"),))
    many = tuple((b"x-%d" % at, mark) for at in range(2_000))
    run.send("two thousand headers", "GET", b"/fhir/Patient", refused(HEAD_TOO_LARGE), headers=many)
    body, kind = valid(run.marks), FHIR + b"; " + long[:20_000]
    run.send("a media type with a long parameter", "POST", b"/fhir/Patient", Expected(frozenset({CREATED, NOT_FHIR})), body=body, kind=kind)
    run.send(
        "a long list of what is accepted", "GET", b"/fhir/Patient", Expected(ANY & (REFUSED | {OK})), headers=((b"accept", long[:30_000]),)
    )
