"""A request has a scope, whoever is signed in acts, and no answer leaves before its events are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import AsyncClient, Client

from confide.adopt.django.checks import check_reports
from confide.adopt.django.models import AuditOutbox
from confide.adopt.django.project import vault as vault_of_project
from confide.adopt.django.report import SealingReporter
from confide.adopt.errors import NobodyActs, StillWriting
from confide.adopt.scope import SCOPE
from confide.values.principal import Role
from confide.values.purpose import Purpose
from tests.adopt.django.shop.models import Customer
from tests.adopt.django.urls import LATER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confide.adopt.django.vault import Vault


@pytest.fixture
def said() -> dict[str, Any]:
    """A project whose requests have a purpose."""
    return {"PURPOSE": Purpose.CUSTOMER_CARE}


@pytest.fixture
def people(vault: Vault) -> list[Customer]:
    """Two customers."""
    return [Customer.objects.create(name=name, email=f"{name}@example.org") for name in ("Ada", "Ben")]


@pytest.fixture
def client(people: list[Customer]) -> Iterator[Client]:
    """Somebody who is signed in."""
    found = Client(raise_request_exception=False)
    found.force_login(get_user_model().objects.create_superuser("anna"))
    yield found
    assert SCOPE.get() is None


def events() -> list[dict[str, Any]]:
    """The audit trail."""
    return [msgspec.json.decode(bytes(one.body)) for one in AuditOutbox.objects.order_by("sequence")]


def test_an_answer_leaves_with_its_events_stored(client: Client) -> None:
    """One for each person; none where nothing was opened."""
    assert client.get("/count").json() == {"count": 2}
    assert events() == []
    assert client.get("/names").json() == ["Ada", "Ben"]
    assert [(one["action"], one["purpose"], len(one["patients"])) for one in events()] == [("read", "dpv:CustomerCare", 1)] * 2
    assert len({one["request"] for one in events()}) == 1
    assert client.get("/fraud").json() == ["Ada", "Ben"]
    assert {one["purpose"] for one in events()[2:]} == {"dpv:FraudPreventionAndDetection"}


async def test_the_same_on_an_event_loop(people: list[Customer], in_threads: None) -> None:
    """With asynchronous views and clients."""
    client = AsyncClient()
    await client.aforce_login(await get_user_model().objects.acreate(username="anna"))
    assert (await client.get("/names-async")).json() == ["Ada", "Ben"]
    assert (await client.get("/fraud-async")).json() == ["Ada", "Ben"]
    assert (await client.get("/names")).json() == ["Ada", "Ben"]
    streamed = await client.get("/stream-async")
    assert b"".join([chunk async for chunk in streamed.streaming_content]) == b"Ada\nBen\n"
    stored = [one.body async for one in AuditOutbox.objects.order_by("sequence")]

    assert len(stored) == 8
    assert sum(b"FraudPrevention" in bytes(one) for one in stored) == 2


def test_whoever_is_not_signed_in_opens_nothing(people: list[Customer]) -> None:
    """The answer says so, in a sentence without a value."""
    answer = Client().get("/names")

    assert answer.status_code == 500
    assert answer.json()["code"] == "adopt.nobody-acts"


def test_a_streamed_answer_is_recorded_chunk_by_chunk(client: Client) -> None:
    """The event of a name is stored when the name leaves."""
    chunks = iter(client.get("/stream").streaming_content)
    assert (next(chunks), len(events())) == (b"Ada\n", 1)
    assert (next(chunks), len(events())) == (b"Ben\n", 2)
    assert next(chunks, None) is None


def test_a_streamed_answer_that_fails_is_recorded(client: Client) -> None:
    """What was opened before the failure was opened; what is asked for afterwards is not."""
    chunks = iter(client.get("/stream-fails").streaming_content)
    with pytest.raises(RuntimeError):
        next(chunks)

    assert len(events()) == 1


def test_nothing_opens_after_the_answer(client: Client) -> None:
    """Also in what keeps the context of the request: no event could tell of it any more."""
    client.get("/names")
    client.get("/later")
    with pytest.raises(NobodyActs, match="has ended"):
        LATER[-1].run(lambda: Customer.objects.earliest("pk").name)


def test_no_answer_without_its_events(client: Client, monkeypatch: pytest.MonkeyPatch, vault: Vault) -> None:
    """Where they cannot be stored, nothing of the application's leaves."""

    def refuse(_scope: object) -> None:
        message = "The disk is full."
        raise StillWriting(message)

    monkeypatch.setattr(vault, "record", refuse)
    answer = client.get("/names")

    assert (answer.status_code, answer.json()["code"], answer["retry-after"]) == (503, "adopt.still-writing", "5")
    assert b"Ada" not in answer.content


def subject(request: Any) -> dict[str, Any] | None:
    """A person who looks at their own."""
    if not request.user.is_authenticated:
        return None
    with vault_of_project().acting("sign-in", Purpose.SERVICE_PROVISION):
        own = Customer.objects.get(email="Ada@example.org").row
    return {"who": request.user, "role": Role.SUBJECT, "own": own, "purpose": Purpose.RIGHTS_FULFILMENT}


def test_the_project_may_decide_who_acts(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function of its own, named in the settings."""
    monkeypatch.setitem(settings.CONFIDE, "ACTOR", f"{__name__}.subject")
    answer = client.get("/names")

    assert (answer.status_code, answer.json()["code"]) == (403, "adopt.not-yours")


@pytest.mark.parametrize("debug", [False, True])
def test_the_page_of_an_error_shows_no_value(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, debug: bool
) -> None:
    """Neither what was sent, nor a variable of any frame; nothing is stored."""
    monkeypatch.setattr(settings, "DEBUG", debug)
    answer = client.post("/add", {"name": "Marker Malvina"})

    assert answer.status_code == 500
    assert (b"RuntimeError" in answer.content) == debug
    assert b"Malvina" not in answer.content
    assert "Malvina" not in caplog.text
    assert Customer.objects.count() == 2


@pytest.mark.parametrize("accepted", ["text/html", "text/plain", None])
def test_neither_page_nor_mail_of_an_error_shows_what_was_sent(
    client: Client, monkeypatch: pytest.MonkeyPatch, accepted: str | None
) -> None:
    """Neither the query of the address, nor a cookie, a header or the characters about one that is wrong; the mail is what has no page."""
    monkeypatch.setattr(settings, "DEBUG", accepted is not None)
    monkeypatch.setattr(settings, "ADMINS", [("Operator", "operator@example.org")])
    monkeypatch.setattr(mail, "outbox", [], raising=False)
    client.cookies["visitor"] = "Malvina"
    answer = client.get("/look?name=Malvin\u00e4", headers={"accept": accepted or "*/*", "referer": "http://testserver/?name=Malvina"})
    shown = answer.text if accepted else "".join(one.body for one in mail.outbox)

    assert answer.status_code == 500
    assert "UnicodeEncodeError" in shown
    assert "http://testserver/look" in shown
    assert "alvi" not in shown


def test_the_mail_of_a_job_shows_no_variable() -> None:
    """Where there is no request."""

    def fail() -> None:
        name = "malvina".upper()
        raise RuntimeError(len(name))

    with pytest.raises(RuntimeError) as caught:
        fail()
    shown = SealingReporter(None, caught.type, caught.value, caught.tb, is_email=True).get_traceback_html()
    assert "RuntimeError" in shown
    assert "MALVINA" not in shown


def test_a_project_whose_mails_show_too_much_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """By `manage.py check`."""
    assert check_reports() == []
    monkeypatch.setattr(settings, "DEFAULT_EXCEPTION_REPORTER", "django.views.debug.ExceptionReporter")
    assert [one.id for one in check_reports()] == ["confide.W001"]
