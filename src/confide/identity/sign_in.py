"""Sign in with username, password and code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.identity import accounts, enrol, parts, store, tokens, totp
from confide.identity.deed import Deed
from confide.identity.errors import SignInRefused, TooManyAttempts
from confide.identity.model import EnrolmentNeeded, SignedIn, principal_of
from confide.identity.throttle import ACCOUNT, CODE, NETWORK, PAIR
from confide.store.errors import Conflict
from confide.store.work import Alter

if TYPE_CHECKING:
    from confide.audit.append import Origin
    from confide.identity.model import Account, Credentials
    from confide.identity.parts import Identity
    from confide.identity.throttle import Counted


async def sign_in(identity: Identity, given: Credentials, origin: Origin, now: int) -> SignedIn | EnrolmentNeeded:
    """Return a bearer token; or, at the first sign-in, a ticket to set up the second factor.

    1. Count the attempt, for an account that exists and for one that does not.
    2. Find the account; an unknown user gets a decoy, so that the next step costs the same.
    3. Check the password.
    4. No second factor yet: a ticket. Otherwise check the code; its time step is used up together with the token's birth.

    `now` in microseconds since 1970.

    Raises:
        SignInRefused: for every reason the same.
        TooManyAttempts: slow down.
    """
    deed = Deed(identity, "sign-in", origin, now)
    token = identity.username_token(given.username)
    counted = _counted(token, origin)
    try:
        identity.throttle.attempt(counted, now)
    except TooManyAttempts as error:
        await deed.refuse(error.code)
        raise
    decoy = await identity.decoy(now)
    account = await accounts.by_username(identity, token) or decoy
    encoded = await identity.open(parts.ACCOUNT, parts.PASSWORD, account.id, account.password, now)
    right = await identity.passwords.matches(encoded, given.password)
    if account is decoy or not right:
        # The decoy's pseudonym stands for nobody; with it the event has the same size either way.
        await deed.refuse("sign-in.unknown" if account is decoy else "sign-in.password", about=[account.pseudonym])
        raise SignInRefused
    answer = await (_offer(deed, account, given) if account.totp is None else _with_code(deed, account, account.totp, given.code))
    identity.throttle.forgive(counted)
    return answer


def _counted(token: int, origin: Origin) -> tuple[Counted, ...]:
    account, network = token.to_bytes(8, "big"), (origin.network or "").encode()
    return (PAIR, account + network), (ACCOUNT, account), (NETWORK, network)


async def _offer(deed: Deed, account: Account, given: Credentials) -> EnrolmentNeeded:
    draft = enrol.Draft(totp.new_secret())
    needed, steps = await enrol.ticket(deed.identity, given.username, draft, account.id, deed.now)
    await deed.commit("enrolment", steps, about=[account.pseudonym])
    return needed


async def _with_code(deed: Deed, account: Account, sealed: bytes, code: str | None) -> SignedIn:
    identity, now, counted = deed.identity, deed.now, [(CODE, account.id)]
    try:
        identity.throttle.attempt(counted, now)
    except TooManyAttempts:
        # To say "wait" here would tell that the password is right.
        await deed.refuse("sign-in.code-limit", about=[account.pseudonym])
        raise SignInRefused from None
    secret = await identity.open(parts.ACCOUNT, parts.TOTP, account.id, sealed, now)
    step = totp.step_of(secret.decode(), code or "", now, account.counter)
    if step is None:
        await deed.refuse("sign-in.code", about=[account.pseudonym])
        raise SignInRefused
    signed_in, issued = tokens.issue(identity, account.id, now)
    try:
        await deed.commit("password+totp", [Alter(store.USE_STEP, {"this": account.id, "step": step}), *issued], principal_of(account))
    except Conflict:
        await deed.refuse("sign-in.replay", about=[account.pseudonym])
        raise SignInRefused from None
    identity.throttle.forgive(counted)
    return signed_in
