"""One-time codes: the RFC's own vectors, the window, and no step twice."""

from __future__ import annotations

from base64 import b32encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.identity import totp

SECRET = b32encode(b"12345678901234567890").decode()
VECTORS = [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")]
"""RFC 6238 appendix B (SHA-1), the last six of its eight digits."""


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_the_vectors_of_the_rfc(seconds: int, code: str) -> None:
    """The code of each time belongs to the step of that time."""
    assert totp.step_of(SECRET, code, seconds * 1_000_000, after=0) == seconds // 30


@pytest.mark.parametrize(("steps", "found"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_one_step_before_and_after_is_taken(steps: int, found: bool) -> None:
    """A clock may be half a minute off, not a minute."""
    seconds = 1234567890 + 30 * steps

    assert (totp.step_of(SECRET, "005924", seconds * 1_000_000, after=0) is not None) == found


def test_a_used_step_is_not_taken_again() -> None:
    """Nor is any step before it."""
    step = 1234567890 // 30

    assert totp.step_of(SECRET, "005924", 1234567890_000_000, after=step) is None


@given(st.text(max_size=12))
def test_any_other_text_is_only_wrong(code: str) -> None:
    """Digits of other scripts, controls and long texts neither match nor fail."""
    if code not in {"005924", "819424", "657520"}:
        found = totp.step_of(SECRET, code, 1234567890_000_000, after=0)

        assert found is None or (code.isascii() and code.isdigit() and len(code) == totp.DIGITS)


def test_secrets_have_160_bits() -> None:
    """Thirty-two characters of base32, never the same."""
    first, second = totp.new_secret(), totp.new_secret()

    assert len(first) == 32
    assert first != second
