"""Bearer tokens: opaque, expiring, revocable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from confide.identity import store
from confide.identity.tokens import TOKEN_CHARACTERS, resolve, sign_out
from confide.store.statements import Query
from tests.identity.ward import NOW, ORIGIN, STEP, TOKEN_SECONDS, code_at

if TYPE_CHECKING:
    from tests.identity.ward import Ward

COUNT = Query(sa.select(sa.func.count()).select_from(store.BEARER))


async def test_a_token_lives_until_its_time(ward: Ward) -> None:
    """It resolves in its last microsecond, and not in the next."""
    _, signed_in = await ward.enrolled()
    end = NOW + TOKEN_SECONDS * 1_000_000

    assert len(signed_in.token) == TOKEN_CHARACTERS
    assert await resolve(ward.identity, signed_in.token, end - 1) is not None
    assert await resolve(ward.identity, signed_in.token, end) is None


async def test_signing_out_revokes_at_once_and_once(ward: Ward) -> None:
    """A second sign-out with the same token changes nothing and tells nothing."""
    secret, first = await ward.enrolled()
    second = await ward.try_in(code_at(secret, NOW + STEP), NOW + STEP)
    for _ in range(2):
        await sign_out(ward.identity, first.token, ORIGIN, NOW)

    assert await resolve(ward.identity, first.token, NOW) is None
    assert await resolve(ward.identity, second.token, NOW) is not None  # type: ignore[union-attr]
    assert [one for one in await ward.events() if one[0] == "sign-out"] == [("sign-out", "success", "sign-out")]


async def test_expired_tokens_are_dropped_at_the_next_sign_in(ward: Ward) -> None:
    """The table holds living sessions, not history."""
    secret, _ = await ward.enrolled()
    later = NOW + (TOKEN_SECONDS + 60) * 1_000_000
    await ward.try_in(code_at(secret, later), later)

    assert [tuple(row) for row in await ward.database.fetch(COUNT, {})] == [(1,)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(text=st.text(max_size=60))
async def test_any_other_text_is_nobody(ward: Ward, text: str) -> None:
    """No text makes resolving fail, and none but a token is someone."""
    assert await resolve(ward.identity, text, NOW) is None
    assert await resolve(ward.identity, ("cfd_" + text).ljust(TOKEN_CHARACTERS, "A"), NOW) is None
