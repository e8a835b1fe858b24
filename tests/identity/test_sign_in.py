"""Sign in: one sentence for every refusal, no code twice, an event for each try."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import TYPE_CHECKING

import pytest

from confide.identity.enrol import TICKET_SECONDS, enrol
from confide.identity.errors import EnrolmentRefused, SignInRefused, TooManyAttempts
from confide.identity.model import EnrolmentNeeded, SignedIn
from confide.identity.throttle import CODE, PAIR
from confide.identity.tokens import resolve
from confide.values.principal import Role
from confide.values.purpose import Purpose
from tests.identity.ward import NOW, ORIGIN, STEP, TOKEN_SECONDS, code_at

if TYPE_CHECKING:
    from tests.identity.ward import Ward


async def test_the_first_sign_in_sets_up_the_second_factor(ward: Ward) -> None:
    """The password alone gives a ticket; ticket and code give a token of the account."""
    account = await ward.make()
    needed = await ward.try_in(None, NOW)
    assert isinstance(needed, EnrolmentNeeded)
    signed_in = await enrol(ward.identity, needed.ticket, code_at(needed.secret, NOW), ORIGIN, NOW)
    principal = await resolve(ward.identity, signed_in.token, NOW)

    assert principal is not None
    assert (principal.account, principal.role, principal.purpose) == (account, Role.CLINICIAN, Purpose.TREATMENT)
    assert needed.uri.startswith("otpauth://totp/Confide:nurse.one?secret=" + needed.secret)
    assert await ward.events() == [
        ("create-account", "success", "role.operator"),
        ("sign-in", "success", "enrolment"),
        ("enrol", "success", "totp"),
    ]


async def test_password_and_code_sign_in(ward: Ward) -> None:
    """In whichever spelling of the username."""
    secret, _ = await ward.enrolled()

    assert isinstance(await ward.try_in(code_at(secret, NOW + STEP), NOW + STEP, username="NURSE.One"), SignedIn)


async def test_every_refusal_is_one_sentence(ward: Ward) -> None:
    """Unknown user, wrong password, missing and wrong code differ in the audit trail only."""
    secret, _ = await ward.enrolled()
    good, now = code_at(secret, NOW + STEP), NOW + STEP
    tries = [("nobody", "tall-ferns-99", good), ("nurse.one", "tall-ferns-98", good), ("nurse.one", "tall-ferns-99", None)]
    said = set()
    for username, password, code in [*tries, ("nurse.one", "tall-ferns-99", "no")]:
        with pytest.raises(SignInRefused) as refused:
            await ward.try_in(code, now, username, password)
        said.add((type(refused.value), str(refused.value), refused.value.code))

    assert len(said) == 1
    assert [explanation for _, outcome, explanation in await ward.events() if outcome == "refused"] == [
        "sign-in.unknown",
        "sign-in.password",
        "sign-in.code",
        "sign-in.code",
    ]


async def test_a_code_is_used_once(ward: Ward) -> None:
    """Neither the enrolment's code nor a sign-in's works a second time."""
    secret, _ = await ward.enrolled()
    with pytest.raises(SignInRefused):
        await ward.try_in(code_at(secret, NOW), NOW)
    code = code_at(secret, NOW + STEP)
    await ward.try_in(code, NOW + STEP)

    with pytest.raises(SignInRefused):
        await ward.try_in(code, NOW + STEP)


async def test_of_concurrent_uses_of_a_code_one_wins(ward: Ward) -> None:
    """The time step is used up in the unit of work that makes the token."""
    secret, _ = await ward.enrolled()
    code = code_at(secret, NOW + STEP)
    results = await asyncio.gather(*(ward.try_in(code, NOW + STEP) for _ in range(4)), return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == ["SignInRefused", "SignInRefused", "SignInRefused", "SignedIn"]
    assert [one for one in await ward.events() if one[2] == "password+totp"] == [("sign-in", "success", "password+totp")]


async def test_guessing_a_password_slows_down(ward: Ward) -> None:
    """Known and unknown accounts slow down alike, even for the right password; another network does not."""
    await ward.make()
    said = []
    for username in ("nurse.one", "nobody"):
        for _ in range(PAIR.free):
            with pytest.raises(SignInRefused):
                await ward.try_in(None, NOW, username, "guess-guess")
        with pytest.raises(TooManyAttempts) as refused:
            await ward.try_in(None, NOW, username)
        said.append(str(refused.value))

    assert said == ["Too many attempts: wait 2 seconds."] * 2
    assert isinstance(await ward.try_in(None, NOW, network="network-2"), EnrolmentNeeded)


async def test_guessing_a_code_slows_down_without_telling_that_the_password_is_right(ward: Ward) -> None:
    """From many networks, so that only the second factor's own count can say no."""
    secret, _ = await ward.enrolled()
    now = NOW + STEP
    for at in range(CODE.free):
        with pytest.raises(SignInRefused):
            await ward.try_in("no", now, network=f"network {at}")

    with pytest.raises(SignInRefused):
        await ward.try_in(code_at(secret, now), now, network="another")
    later = now + STEP * 10
    assert isinstance(await ward.try_in(code_at(secret, later), later), SignedIn)


async def test_a_ticket_works_once_and_not_for_long(ward: Ward) -> None:
    """A second use, a later use, a wrong code and a superseded ticket are refused alike."""
    await ward.make()
    first = await ward.try_in(None, NOW)
    second = await ward.try_in(None, NOW)
    assert isinstance(first, EnrolmentNeeded)
    assert isinstance(second, EnrolmentNeeded)
    late = NOW + TICKET_SECONDS * 1_000_000
    good = code_at(second.secret, NOW)
    for needed, code, now in [(first, code_at(first.secret, NOW), NOW), (second, "no", NOW), (second, code_at(second.secret, late), late)]:
        with pytest.raises(EnrolmentRefused):
            await enrol(ward.identity, needed.ticket, code, ORIGIN, now)
    await enrol(ward.identity, second.ticket, good, ORIGIN, NOW)

    with pytest.raises(EnrolmentRefused):
        await enrol(ward.identity, second.ticket, good, ORIGIN, NOW)


async def test_an_account_is_enrolled_once(ward: Ward) -> None:
    """Of two enrolments at once one wins: a second authenticator never replaces the first."""
    await ward.make()
    needed = await ward.try_in(None, NOW)
    assert isinstance(needed, EnrolmentNeeded)
    code = code_at(needed.secret, NOW)
    results = await asyncio.gather(*(enrol(ward.identity, needed.ticket, code, ORIGIN, NOW) for _ in range(3)), return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == ["EnrolmentRefused", "EnrolmentRefused", "SignedIn"]


async def test_an_unknown_user_costs_what_a_known_one_costs(ward: Ward) -> None:
    """CPU time of a wrong password is the same within a third, whether or not the account exists."""
    await ward.make()
    spent: dict[str, list[float]] = {"nurse.one": [], "nobody": []}
    for at in range(7):
        for username, times in spent.items():
            before = time.process_time()
            with pytest.raises(SignInRefused):
                await ward.try_in(None, NOW + at * 1_000_000_000, username, "wrong-wrong")
            times.append(time.process_time() - before)
    known, unknown = (statistics.median(times[1:]) for times in spent.values())

    assert unknown == pytest.approx(known, rel=0.33)


async def test_secrets_do_not_print_themselves(ward: Ward) -> None:
    """Neither a token nor a ticket nor a TOTP secret is in the text form of what holds it."""
    await ward.make()
    needed = await ward.try_in(None, NOW)
    assert isinstance(needed, EnrolmentNeeded)
    signed_in = await enrol(ward.identity, needed.ticket, code_at(needed.secret, NOW), ORIGIN, NOW)

    assert repr(needed) == "EnrolmentNeeded()"
    assert repr(signed_in) == f"SignedIn(seconds={TOKEN_SECONDS})"
