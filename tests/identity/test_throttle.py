"""Slow down whoever guesses, and nobody else for long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.identity.errors import TooManyAttempts
from confide.identity.throttle import ACCOUNT, NETWORK, PAIR, SECOND, Limit, Throttle

TIGHT = Limit("tight", free=2, first=4, longest=16, forget=100)


def attempts(throttle: Throttle, count: int, now: int) -> None:
    for _ in range(count):
        throttle.attempt([(TIGHT, b"a")], now)


def test_waits_double_up_to_the_longest() -> None:
    """After the free attempts each further one waits twice as long."""
    assert [TIGHT.wait(failures) for failures in range(7)] == [0, 0, 4, 8, 16, 16, 16]


def test_the_attempt_after_the_free_ones_waits() -> None:
    """It says how long, and an attempt after that time is let through."""
    throttle = Throttle()
    attempts(throttle, 2, 0)

    with pytest.raises(TooManyAttempts) as refused:
        throttle.attempt([(TIGHT, b"a")], 1 * SECOND)
    assert refused.value.seconds == 3
    throttle.attempt([(TIGHT, b"a")], 4 * SECOND)


def test_attempts_at_once_are_counted_before_their_outcome() -> None:
    """A hundred in one moment are not a hundred guesses."""
    throttle, passed = Throttle(), 0
    for _ in range(100):
        try:
            throttle.attempt([(TIGHT, b"a")], 0)
        except TooManyAttempts:
            continue
        passed += 1

    assert passed == 2


def test_success_and_quiet_clear_the_count() -> None:
    """Someone who remembers the password starts afresh; so does everyone after a while."""
    throttle = Throttle()
    attempts(throttle, 2, 0)
    throttle.forgive([(TIGHT, b"a")])
    attempts(throttle, 2, 0)

    attempts(throttle, 2, 101 * SECOND)


def test_success_gives_a_network_one_attempt_back() -> None:
    """An attacker's own account does not clear what the network has on its count."""
    throttle, network = Throttle(), [(NETWORK, b"n")]
    for _ in range(NETWORK.free - 1):
        throttle.attempt(network, 0)
    throttle.attempt(network, 0)
    throttle.forgive(network)
    throttle.attempt(network, 0)

    with pytest.raises(TooManyAttempts):
        throttle.attempt(network, 0)


def test_nobody_is_locked_out_from_elsewhere() -> None:
    """However many failures an account has, the wait across networks stays under ten seconds."""
    assert max(ACCOUNT.wait(failures) for failures in range(1000)) < 10


def test_a_clock_set_back_adds_no_wait() -> None:
    """The longest wait is what the limit says, whatever the clock did."""
    throttle = Throttle()
    throttle.attempt([(TIGHT, b"a")], 1_000 * SECOND)
    throttle.attempt([(TIGHT, b"a")], 0)

    with pytest.raises(TooManyAttempts) as refused:
        throttle.attempt([(TIGHT, b"a")], 0)
    assert refused.value.seconds == 4


@given(st.integers(min_value=0, max_value=10**9))
def test_waits_never_pass_the_longest(failures: int) -> None:
    """No count overflows into a wait of years."""
    assert 0 <= PAIR.wait(failures) <= PAIR.longest


def test_memory_is_bounded() -> None:
    """Names made up by an attacker push out the oldest counts, and no more than that."""
    throttle = Throttle(size=10)
    for name in range(100):
        throttle.attempt([(TIGHT, name.to_bytes(2, "big"))], 0)

    assert len(throttle._tallies) == 10
