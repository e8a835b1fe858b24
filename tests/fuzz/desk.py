"""The addresses beside FHIR: the first administrator's link, signing in and out, accounts, health."""

from __future__ import annotations

import html
import json
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pyotp

from tests.fuzz.inputs import (
    BAD,
    CREATED,
    FHIR,
    FORBIDDEN,
    FORM,
    JSON,
    MISSING,
    NO_CONTENT,
    NO_METHOD,
    NOT_FHIR,
    OK,
    TOO_LARGE,
    TOO_MANY,
    UNPROCESSABLE,
    UNSIGNED,
    Expected,
    Surface,
    refused,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fuzz.run import Run

PASSWORD = "long enough for this"  # pragma: allowlist secret
STEP_SECONDS = 30
LARGE = 20_000
OTHER_DIGITS = "\N{ARABIC-INDIC DIGIT ZERO}" * 6
"""Digits to Python, and none to a code."""
TAKEN = {"/auth/sign-in": {"POST"}, "/auth/enrol": {"POST"}, "/auth/sign-out": {"POST"}, "/accounts": {"POST"}}


def desk(run: Run, link: str, size: int) -> None:
    """Send what is wrong to each address; `link` is the secret of a bootstrap link that lives, `size` the number of names to try.

    Names and passwords cost a slow hash each.
    """
    methods(run)
    pages(run, link)
    token = administrator(run, link)
    accounts(run, token, size)
    signing_in(run, size)
    health(run)


def _json(run: Run, what: str, address: str, body: bytes, *statuses: int, token: str | None = None, kind: bytes | None = JSON) -> None:
    run.send(what, "POST", address.encode(), refused(*statuses), body=body, kind=kind, token=token, surface=Surface.PORTAL)


def methods(run: Run) -> None:
    """Methods that an address does not take; addresses that are nearly there."""
    for address, taken in TAKEN.items():
        for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
            if method not in taken:
                run.send(f"{method} {address}", method, address.encode(), refused(NO_METHOD), surface=Surface.PORTAL)
    mark = run.marks.new()
    for near in (
        "/auth/sign-in/",
        "/accounts/",
        "/health/",
        f"/bootstrap/{mark}/",
        f"/auth/{mark}",
        f"/accounts/{mark}",
        "/auth",
        "/bootstrap/",
    ):
        target, headers = f"{near}?{mark}={mark}".encode(), ((b"host", mark.encode() + b".example"),)
        run.send(f"GET {near}", "GET", target, refused(MISSING), headers=headers, surface=Surface.PLAIN)


def bodies(run: Run, good: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield what is no JSON, or another object than the one that is taken; `good` has the right members."""
    mark, text = run.marks.new(), json.dumps(good | {name: run.marks.new() for name in good}).encode()
    for at in sorted(run.rng.sample(range(len(text)), 8)):
        yield f"cut off after {at} bytes", text[:at]
    broken = (b" x", b"\x00", text, b",", b"}")
    for behind in broken:
        yield f"{behind[:3]!r} behind the object", text + behind
    for before in (b"\xef\xbb\xbf", b"\x00", b"[", b"//"):
        yield f"{before!r} before the object", before + text
    for bad in (b"\xff", b"\xed\xa0\x80", b"\x00", b"\n", rb"\ud800", rb"\x41", rb"\q"):
        yield f"{bad!r} in a string", text.replace(b'": "', b'": "' + bad, 1)
    for other in (b"null", b"[]", b'"' + mark.encode() + b'"', b"7", b"true", b"{}", b"[" * 10_000, b'{"a":' * 2_000):
        yield f"{other[:8]!r}", other
    yield "UTF-16", text.decode().encode("utf-16")
    first = next(iter(good))
    values: tuple[Any, ...] = (None, 7, True, [mark], {mark: mark})
    for value in values:
        yield f"a member that is {type(value).__name__}", json.dumps(good | {first: value}).encode()
    yield "an unknown member", json.dumps(good | {mark: mark}).encode()
    yield "a missing member", json.dumps({name: mark for name in good if name != first}).encode()


def refuse_bodies(run: Run, address: str, good: dict[str, str], token: str | None = None) -> None:
    """Send bodies that are none, of other types, and too large."""
    for what, body in bodies(run, good):
        _json(run, f"{address}: {what}", address, body, BAD, token=token)
    mark, text = run.marks.new().encode(), json.dumps(good).encode()
    for kind in (b"text/plain", FORM, FHIR, b"", mark, None, b"multipart/form-data; boundary=" + mark):
        _json(run, f"{address}: {kind!r}", address, text, NOT_FHIR, token=token, kind=kind)
    _json(run, f"{address}: {LARGE} bytes", address, json.dumps(good | {next(iter(good)): "x" * LARGE}).encode(), TOO_LARGE, token=token)


def signing_in(run: Run, size: int) -> None:
    """Bodies, and then credentials that are right in form and belong to nobody, until the throttle says wait."""
    refuse_bodies(run, "/auth/sign-in", {"username": "nobody", "password": PASSWORD})
    refuse_bodies(run, "/auth/enrol", {"ticket": "none", "code": "000000"})
    mark = run.marks.new()
    names = (
        mark,
        "",
        "\x00",
        mark * 500,
        "' OR 1=1 --",
        "${jndi:ldap://x}",
        "\u202e" + mark,
        "\U0001f600",
        "*",
        "test-clinician",
        "\uffff",
    )
    for name in names[:size]:
        for password in (mark, "", "\x00" + mark, mark * 500):
            body = json.dumps({"username": name, "password": password, "code": mark}).encode()
            _json(run, "wrong credentials", "/auth/sign-in", body, UNSIGNED, TOO_MANY)
        body = json.dumps({"ticket": name, "code": OTHER_DIGITS}).encode()
        _json(run, "a ticket that is none", "/auth/enrol", body, UNSIGNED, TOO_MANY)
    for header in (b"Bearer " + mark.encode(), b"Bearer \xff", b"Basic " + mark.encode(), b"", b"Bearer cfd_" + mark.encode() * 3):
        expected = Expected(frozenset({NO_CONTENT}))
        headers = ((b"authorization", header),)
        run.send("a sign-out of nobody", "POST", b"/auth/sign-out", expected, headers=headers, token=None, surface=Surface.PORTAL)


def accounts(run: Run, administrator: str, size: int) -> None:
    """Accounts that are not made: by nobody, by a clinician, of bad bodies, of bad names."""
    mark = run.marks.new()
    good = {"username": "nurse." + mark, "password": PASSWORD, "role": "clinician"}
    _json(run, "an account made by nobody", "/accounts", json.dumps(good).encode(), UNSIGNED)
    _json(run, "an account made by a clinician", "/accounts", json.dumps(good).encode(), FORBIDDEN, token=run.place.token)
    refuse_bodies(run, "/accounts", good, administrator)
    for member, values in {
        "username": ("", "a", "x" * 65, "a b", "a\u200bb", "\x00abc", "a\nb", "\u202eabc", "\ue000abc", mark + "\u2028"),
        "password": ("", "short", "password123", "aaaaaaaaaaaa", "x" * 257, f"nurse.{mark} and more"),
        "patient": ("none", run.patient + "x", "' OR 1=1 --", "\x00", run.patient.upper(), "../" + mark, run.patient),
    }.items():
        for value in values:
            body = json.dumps(good | {member: value}).encode()
            _json(run, f"a {member} that is refused", "/accounts", body, UNPROCESSABLE, token=administrator)
    for role in ("operator", "root", mark, "Clinician", ""):
        _json(run, f"the role {role[:8]}", "/accounts", json.dumps(good | {"role": role}).encode(), BAD, token=administrator)
    _json(
        run,
        "a patient's account without a Patient",
        "/accounts",
        json.dumps(good | {"role": "patient"}).encode(),
        UNPROCESSABLE,
        token=administrator,
    )
    others = (
        "schwester.łucja",
        "医師.一",
        "доктор",
        "דוקטור",
        "nurse'--",
        "a<b>c",
        "{{7*7}}",
        "%s%n",
        "\U0001f600\U0001f600\U0001f600",
    )
    for name in others[:size]:
        body = json.dumps(good | {"username": name}).encode()
        expected = Expected(frozenset({CREATED}))
        run.send(
            "a username of other letters", "POST", b"/accounts", expected, body=body, kind=JSON, token=administrator, surface=Surface.PORTAL
        )


def pages(run: Run, link: str) -> None:
    """The pages of the bootstrap: links that are none, and forms that the page did not make."""
    mark = run.marks.new()
    for secret in (mark, link + "x", link[:-1], link.swapcase(), "%00", "%ff", "%2e%2e", mark * 500, "%0d%0aX-Injected:%20yes"):
        for method in ("GET", "HEAD", "POST"):
            body = urlencode({"username": mark, "password": PASSWORD}).encode() if method == "POST" else None
            target = f"/bootstrap/{secret}".encode()
            run.send(
                f"{method} a link that is none", method, target, refused(MISSING), body=body, kind=FORM, token=None, surface=Surface.PAGE
            )
    good = urlencode({"username": "chief.one", "password": PASSWORD})
    forms = (
        (BAD, f"username={mark}"),
        (BAD, good + f"&{mark}={mark}"),
        (BAD, good + f"&username={mark}"),
        (BAD, "&".join(f"{mark}{at}=1" for at in range(20))),
        (BAD, good + "%ff"),
        (BAD, f"username=%ed%a0%80{mark}&password=x"),
        (BAD, ""),
        (BAD, json.dumps({"username": mark, "password": PASSWORD})),
        (TOO_LARGE, good + "x" * LARGE),
        (UNPROCESSABLE, urlencode({"username": "\x00" + mark, "password": PASSWORD})),
        (UNPROCESSABLE, urlencode({"username": "\u202e" + mark, "password": PASSWORD})),
        (UNPROCESSABLE, urlencode({"username": mark, "password": mark})),
        (UNPROCESSABLE, urlencode({"username": mark, "password": ""})),
    )
    for status, form in forms:
        _form(run, "a form that the page did not make", link, form.encode(), refused(status))
    _form(run, "bytes that are no form", link, b"\xff\xfe" + mark.encode(), refused(BAD))
    for kind in (JSON, b"multipart/form-data; boundary=x", b"", None):
        _form(run, f"a form as {kind!r}", link, good.encode(), refused(NOT_FHIR), kind=kind)
    run.send("a page that is not there to be deleted", "DELETE", f"/bootstrap/{link}".encode(), refused(NO_METHOD), surface=Surface.PAGE)


def _form(run: Run, what: str, link: str, form: bytes, expected: Expected, kind: bytes | None = FORM) -> str:
    target = f"/bootstrap/{link}".encode()
    answer = run.send(what, "POST", target, expected, body=form, kind=kind, token=None, surface=Surface.PAGE)
    return answer.body.decode()


def administrator(run: Run, link: str) -> str:
    """Use the link up after wrong codes, sign in, and return the bearer token."""
    markup = "<script>alert(1)</script>"
    expected = Expected(frozenset({OK}))
    shown = _form(run, "a username of markup", link, urlencode({"username": f"x{markup}", "password": PASSWORD}).encode(), expected)
    shown += _form(run, "the first form", link, urlencode({"username": "chief.one", "password": PASSWORD}).encode(), expected)
    again = urlencode({"ticket": f'"><b>{markup}', "code": "x"}).encode()
    shown += _form(run, "a ticket of markup", link, again, refused(UNSIGNED))
    if "<script" in shown or "<b>" in shown:
        run.note("the pages of the bootstrap", "they hold markup that was sent")
    ticket = html.unescape(re.findall(r'name="ticket" value="([^"]*)"', shown)[1])
    secret = re.findall(r"<p>Secret: <code>([A-Z2-7]+)</code>", shown)[1]
    codes, step = pyotp.TOTP(secret), int(time.time()) // STEP_SECONDS
    _form(run, "a wrong code", link, urlencode({"ticket": ticket, "code": OTHER_DIGITS}).encode(), refused(UNSIGNED))
    run.settle()  # so far there is a ticket and no account
    _form(run, "the second form", link, urlencode({"ticket": ticket, "code": codes.generate_otp(step)}).encode(), expected)
    given = {"username": "chief.one", "password": PASSWORD, "code": codes.generate_otp(step + 1)}
    told = run.send(
        "a sign-in", "POST", b"/auth/sign-in", expected, body=json.dumps(given).encode(), kind=JSON, token=None, surface=Surface.PORTAL
    )
    run.begin_anew()  # the administrator, the ticket and the token that are there now
    return str(json.loads(told.body).get("access_token", ""))


def health(run: Run) -> None:
    """Whatever is asked, health says one word."""
    mark = run.marks.new().encode()
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        run.send(f"{method} /health", method, b"/health", refused(NO_METHOD), body=mark, surface=Surface.PLAIN)
    answer = run.send(
        "health with a query", "GET", b"/health?" + mark + b"=" + mark, Expected(frozenset({OK})), token=None, surface=Surface.PLAIN
    )
    if answer.body != b"ok\n":
        run.note("health", "it says more than a word")
