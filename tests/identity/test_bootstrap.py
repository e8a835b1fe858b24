"""The first administrator: one link, one account, both factors or nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from confide.identity import enrol as enrol_module
from confide.identity.accounts import has_administrator
from confide.identity.bootstrap import begin_bootstrap, check_bootstrap, create_bootstrap, finish_bootstrap
from confide.identity.enrol import enrol
from confide.identity.errors import BootstrapRefused, EnrolmentRefused, PasswordRefused
from confide.identity.model import SignedIn
from confide.identity.tokens import resolve
from confide.values.principal import Role
from tests.identity.ward import NOW, ORIGIN, PASSWORD, STEP, code_at

if TYPE_CHECKING:
    from confide.identity.model import EnrolmentNeeded
    from tests.identity.ward import Ward


async def begin(ward: Ward, secret: str, username: str = "chief.one", password: str = PASSWORD) -> EnrolmentNeeded:
    return await begin_bootstrap(ward.identity, secret, username, password, ORIGIN, NOW)


async def finish(ward: Ward, secret: str, needed: EnrolmentNeeded) -> None:
    await finish_bootstrap(ward.identity, secret, needed.ticket, code_at(needed.secret, NOW), ORIGIN, NOW)


async def test_the_link_makes_an_administrator_with_both_factors(ward: Ward) -> None:
    """Who then signs in as everyone else does, with the next code."""
    secret = await create_bootstrap(ward.identity, ORIGIN, NOW)
    needed = await begin(ward, secret)
    await finish(ward, secret, needed)
    signed_in = await ward.try_in(code_at(needed.secret, NOW + STEP), NOW + STEP, "chief.one")
    assert isinstance(signed_in, SignedIn)
    principal = await resolve(ward.identity, signed_in.token, NOW + STEP)

    assert principal is not None
    assert principal.role is Role.ADMINISTRATOR
    assert [one for one in await ward.events() if one[0] != "sign-in"] == [
        ("create-bootstrap", "success", "role.operator"),
        ("bootstrap", "success", "enrolment"),
        ("bootstrap", "success", "bootstrap"),
    ]


async def test_no_account_exists_before_the_code(ward: Ward) -> None:
    """Someone who leaves the page half-way finds the link alive, and nothing made."""
    secret = await create_bootstrap(ward.identity, ORIGIN, NOW)
    needed = await begin(ward, secret)
    with pytest.raises(EnrolmentRefused):
        await finish_bootstrap(ward.identity, secret, needed.ticket, "no", ORIGIN, NOW)

    assert not await has_administrator(ward.identity)
    await check_bootstrap(ward.identity, secret, ORIGIN, NOW)


async def test_of_several_submits_one_account(ward: Ward) -> None:
    """The link is burnt in the unit of work that makes the account."""
    secret = await create_bootstrap(ward.identity, ORIGIN, NOW)
    drafts = [await begin(ward, secret, f"chief.{at}") for at in range(3)]
    results = await asyncio.gather(*(finish(ward, secret, needed) for needed in drafts), return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == ["BootstrapRefused", "BootstrapRefused", "NoneType"]
    assert len([one for one in await ward.events() if one == ("bootstrap", "success", "bootstrap")]) == 1


async def test_a_submit_that_is_overtaken_hears_that_the_link_has_ended(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where its ticket went with the link after it had found the link alive."""
    secret = await create_bootstrap(ward.identity, ORIGIN, NOW)
    first, second = await begin(ward, secret), await begin(ward, secret, "chief.two")
    redeem = enrol_module.redeem

    async def overtaken(*given: Any) -> Any:
        monkeypatch.undo()
        await finish(ward, secret, first)
        return await redeem(*given)

    monkeypatch.setattr(enrol_module, "redeem", overtaken)
    with pytest.raises(BootstrapRefused):
        await finish(ward, secret, second)


async def test_a_used_link_has_ended(ward: Ward) -> None:
    """For looking, beginning and finishing."""
    secret = await create_bootstrap(ward.identity, ORIGIN, NOW)
    first, second = await begin(ward, secret), await begin(ward, secret, "chief.two")
    await finish(ward, secret, first)

    with pytest.raises(BootstrapRefused):
        await check_bootstrap(ward.identity, secret, ORIGIN, NOW)
    with pytest.raises(BootstrapRefused):
        await begin(ward, secret, "chief.three")
    with pytest.raises(BootstrapRefused):
        await finish(ward, secret, second)


async def test_a_link_ends_with_its_time_and_with_the_next_link(ward: Ward) -> None:
    """The newest one alone lives, for as long as it was given."""
    first = await create_bootstrap(ward.identity, ORIGIN, NOW, lifetime=60)
    second = await create_bootstrap(ward.identity, ORIGIN, NOW, lifetime=60)

    with pytest.raises(BootstrapRefused):
        await check_bootstrap(ward.identity, first, ORIGIN, NOW)
    await check_bootstrap(ward.identity, second, ORIGIN, NOW + 59_999_999)
    with pytest.raises(BootstrapRefused):
        await check_bootstrap(ward.identity, second, ORIGIN, NOW + 60_000_000)


async def test_there_is_no_link_beside_an_administrator(ward: Ward) -> None:
    """Nor does an older one outlive the making of an administrator."""
    secret = await create_bootstrap(ward.identity, ORIGIN, NOW)
    await ward.make("chief.one", Role.ADMINISTRATOR)

    with pytest.raises(BootstrapRefused):
        await check_bootstrap(ward.identity, secret, ORIGIN, NOW)
    with pytest.raises(BootstrapRefused):
        await create_bootstrap(ward.identity, ORIGIN, NOW)


async def test_tickets_of_link_and_sign_in_do_not_mix(ward: Ward) -> None:
    """A draft of the link cannot be enrolled past it."""
    secret = await create_bootstrap(ward.identity, ORIGIN, NOW)
    needed = await begin(ward, secret)

    with pytest.raises(EnrolmentRefused):
        await enrol(ward.identity, needed.ticket, code_at(needed.secret, NOW), ORIGIN, NOW)
    assert (await ward.events())[-1] == ("enrol", "refused", "enrol.ticket")


async def test_the_first_password_obeys_the_rules(ward: Ward) -> None:
    """And the link lives on."""
    secret = await create_bootstrap(ward.identity, ORIGIN, NOW)
    with pytest.raises(PasswordRefused):
        await begin(ward, secret, "chief.one", "password1")

    await check_bootstrap(ward.identity, secret, ORIGIN, NOW)
