"""The portal over HTTP: strict bodies, plain pages, and no value in any answer that it did not ask for."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from confide.clinic.portal.door import BODY_BYTES, Door
from confide.clinic.portal.routes import routes
from confide.identity.bootstrap import create_bootstrap
from confide.identity.tokens import resolve
from confide.values.ids import DocumentKey
from confide.values.principal import Role
from tests.identity.ward import NOW, ORIGIN, PASSWORD, STEP, code_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.identity.ward import Ward

KNOWN_PATIENT = "4f3c2b1a-0000-4000-8000-000000000001"


class Desk:
    """A client, and what the portal observed and reported."""

    def __init__(self, ward: Ward) -> None:
        self.ward = ward
        self.now = NOW
        self.observed: list[tuple[object, ...]] = []
        self.reported: list[BaseException] = []
        door = Door(
            ward.identity,
            self._patient,
            lambda: self.now,
            lambda _scope: "network-1",
            lambda *seen: self.observed.append(seen),
            lambda error, *_: self.reported.append(error),
        )
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(Starlette(routes=routes(door))), base_url="https://desk.test")

    @staticmethod
    async def _patient(identifier: str) -> DocumentKey | None:
        return DocumentKey(77) if identifier == KNOWN_PATIENT else None

    async def administrator(self) -> dict[str, str]:
        """Return the header of a signed-in administrator."""
        _, signed_in = await self.ward.enrolled("chief.one", Role.ADMINISTRATOR)
        return {"authorization": f"Bearer {signed_in.token}"}


@pytest.fixture
async def desk(ward: Ward) -> AsyncIterator[Desk]:
    found = Desk(ward)
    yield found
    await found.http.aclose()
    assert found.reported == []


async def test_sign_in_enrol_and_sign_out(desk: Desk) -> None:
    """From a fresh account to a token that ends."""
    await desk.ward.make()
    given = {"username": "nurse.one", "password": PASSWORD}
    needed = (await desk.http.post("/auth/sign-in", json=given)).json()["enrolment"]
    enrolled = await desk.http.post("/auth/enrol", json={"ticket": needed["ticket"], "code": code_at(needed["secret"], NOW)})
    desk.now += STEP
    signed_in = (await desk.http.post("/auth/sign-in", json={**given, "code": code_at(needed["secret"], desk.now)})).json()
    out = await desk.http.post("/auth/sign-out", headers={"authorization": f"Bearer {signed_in['access_token']}"})

    assert needed.keys() == {"ticket", "secret", "uri", "next"}
    assert needed["next"] == "/auth/enrol"
    assert enrolled.json().keys() == signed_in.keys() == {"access_token", "token_type", "expires_in"}
    assert (signed_in["token_type"], signed_in["expires_in"], enrolled.headers["cache-control"]) == ("Bearer", 600, "no-store")
    assert out.status_code == 204
    assert await resolve(desk.ward.identity, signed_in["access_token"], desk.now) is None
    assert await resolve(desk.ward.identity, enrolled.json()["access_token"], desk.now) is not None


async def test_known_and_unknown_users_get_the_same_bytes(desk: Desk) -> None:
    """Status, headers and body of a refusal tell nothing but that it is one."""
    await desk.ward.enrolled()
    answers = [
        await desk.http.post("/auth/sign-in", json={"username": username, "password": password, "code": "no"})
        for username, password in (("nobody", PASSWORD), ("nurse.one", "wrong-wrong"), ("nurse.one", PASSWORD), ("x\x00y", "\x00"))
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert {tuple(key for key in answer.headers if key != "x-request-id") for answer in answers} == {
        ("cache-control", "x-content-type-options", "www-authenticate", "content-type", "content-length")
    }


async def test_too_many_attempts_say_how_long_to_wait(desk: Desk) -> None:
    """429 with Retry-After (RFC 6585 section 4)."""
    given = {"username": "nobody", "password": "wrong-wrong"}
    answers = [await desk.http.post("/auth/sign-in", json=given) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert answers[-1].headers["retry-after"] == "2"


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{", 400),
        ("application/json", b'{"username": "canary"}', 400),
        ("application/json", b'{"username": "canary", "password": "canary", "canary": 1}', 400),
        ("application/json", b'{"username": "canary", "password": 1}', 400),
        ("application/json", b'{"username": "canary\xff", "password": "canary"}', 400),
        ("application/json", b'{"username": "canary\\ud800", "password": "canary"}', 400),
        ("application/json", b"[" * 10_000, 400),
        ("application/json", b'"' + b"canary" * BODY_BYTES + b'"', 413),
        ("text/plain", b'{"username": "canary", "password": "canary"}', 415),
        ("application/x-www-form-urlencoded", b"username=canary&password=canary", 415),
    ],
)
async def test_bad_bodies_are_refused_without_an_echo(desk: Desk, kind: str, body: bytes, status: int) -> None:
    """One JSON object of two members, never a value back."""
    answer = await desk.http.post("/auth/sign-in", content=body, headers={"content-type": kind})

    assert answer.status_code == status
    assert answer.json().keys() == {"code", "message"}
    assert "canary" not in answer.text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(body=st.binary(max_size=64))
async def test_no_body_breaks_the_portal(desk: Desk, body: bytes) -> None:
    """Whatever the bytes, the answer is a refusal of the caller's making."""
    for path in ("/auth/sign-in", "/auth/enrol", "/accounts"):
        answer = await desk.http.post(path, content=body, headers={"content-type": "application/json"})

        assert 400 <= answer.status_code < 500


async def test_other_methods_are_refused(desk: Desk) -> None:
    """With the ones that are taken."""
    answer = await desk.http.get("/auth/sign-in")

    assert (answer.status_code, answer.headers["allow"], answer.json()["code"]) == (405, "POST", "portal.method-not-allowed")


async def test_an_administrator_makes_accounts(desk: Desk) -> None:
    """A patient's account names an existing Patient."""
    headers = await desk.administrator()
    answers = [
        await desk.http.post("/accounts", headers=headers, json={"username": username, "password": PASSWORD, "role": role, **more})
        for username, role, more in (
            ("nurse.one", "clinician", {}),
            ("patient.one", "patient", {"patient": KNOWN_PATIENT}),
            ("patient.two", "patient", {"patient": "unknown"}),
            ("nurse.one", "auditor", {}),
            ("root", "operator", {}),
        )
    ]

    assert [answer.status_code for answer in answers] == [201, 201, 422, 409, 400]
    assert answers[0].json().keys() == {"id", "role"}


async def test_nobody_else_makes_accounts_or_learns_of_patients(desk: Desk) -> None:
    """Without a token 401; as clinician 403, before the body is looked at."""
    _, signed_in = await desk.ward.enrolled()
    body = {"username": "nurse.two", "password": PASSWORD, "role": "patient", "patient": "unknown"}
    nobody = await desk.http.post("/accounts", json=body)
    clinician = await desk.http.post("/accounts", json=body, headers={"authorization": f"Bearer {signed_in.token}"})

    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
    assert (clinician.status_code, clinician.json()["code"]) == (403, "identity.not-allowed")


async def test_the_bootstrap_page_ends_in_an_administrator(desk: Desk) -> None:
    """Two plain forms; afterwards the link is gone."""
    secret = await create_bootstrap(desk.ward.identity, ORIGIN, NOW)
    page = await desk.http.get(f"/bootstrap/{secret}")
    second = await desk.http.post(f"/bootstrap/{secret}", data={"username": "chief.one", "password": PASSWORD})
    shown = re.search(r"Secret: <code>([A-Z2-7]{32})</code>", second.text)
    ticket = re.search(r'name="ticket" value="([^"]+)"', second.text)
    assert shown
    assert ticket
    wrong = await desk.http.post(f"/bootstrap/{secret}", data={"ticket": ticket[1], "code": "000"})
    last = await desk.http.post(f"/bootstrap/{secret}", data={"ticket": ticket[1], "code": code_at(shown[1], NOW)})
    gone = await desk.http.get(f"/bootstrap/{secret}")

    assert [answer.status_code for answer in (page, second, wrong, last, gone)] == [200, 200, 401, 200, 404]
    assert shown[1] in wrong.text
    assert 'role="alert"' in wrong.text
    assert f'<a href="otpauth://totp/Confide:chief.one?secret={shown[1]}' in second.text
    assert "confide bootstrap" in gone.text
    assert "confide account add" in last.text
    assert [one for one in await desk.ward.events() if one[2] == "bootstrap"] == [("bootstrap", "success", "bootstrap")]


async def test_pages_hold_no_script_and_may_fetch_nothing(desk: Desk) -> None:
    """A strict policy, no store, no referrer; the route template, not the secret, is what gets observed."""
    secret = await create_bootstrap(desk.ward.identity, ORIGIN, NOW)
    for path, status in ((secret, 200), ("unknown", 404)):
        page = await desk.http.get(f"/bootstrap/{path}")

        assert page.status_code == status
        assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "<script" not in page.text
        assert secret not in page.text
    assert secret not in repr(desk.observed)


async def test_what_is_typed_comes_back_escaped_or_not_at_all(desk: Desk) -> None:
    """Markup in a username is text in the page, and a template expression stays as it is."""
    secret = await create_bootstrap(desk.ward.identity, ORIGIN, NOW)
    name = '"><img/src=x>{{7*7}}'
    page = await desk.http.post(f"/bootstrap/{secret}", data={"username": name, "password": PASSWORD})
    again = await desk.http.post(f"/bootstrap/{secret}", data={"ticket": name, "code": "0"})

    assert page.status_code == 200
    assert "<img" not in page.text
    assert "<img" not in again.text
    assert html.escape(name) not in again.text
    assert "open the link again" in again.text


@pytest.mark.parametrize(
    "form",
    [b"", b"username=a", b"username=a&username=b&password=c", b"username=%ff&password=c", b"\xff", b"a=1&" * 20, b"ticket=a&password=b"],
)
async def test_other_forms_are_refused_with_a_page(desk: Desk, form: bytes) -> None:
    """400, and the link lives on."""
    secret = await create_bootstrap(desk.ward.identity, ORIGIN, NOW)
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = await desk.http.post(f"/bootstrap/{secret}", content=form, headers=kind)

    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert (await desk.http.get(f"/bootstrap/{secret}")).status_code == 200


async def test_a_weak_first_password_shows_the_form_again(desk: Desk) -> None:
    """With the reason, and without what was typed."""
    secret = await create_bootstrap(desk.ward.identity, ORIGIN, NOW)
    page = await desk.http.post(f"/bootstrap/{secret}", data={"username": "chief.one", "password": "password1"})

    assert page.status_code == 422
    assert "among the most common" in page.text
    assert "password1" not in page.text
