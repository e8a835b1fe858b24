"""Usernames and passwords: what is taken, and which spellings are one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.identity.errors import PasswordRefused, UsernameRefused
from confide.identity.rules import COMMON, PASSWORD_CHARACTERS, check_password, check_username, folded, password_bytes

WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
"""From ASCII to the full-width forms of Unicode, which NFKC folds back."""


@given(st.text())
def test_folding_twice_is_folding_once(username: str) -> None:
    """A folded username is the name it is looked up under, however often it is folded."""
    assert folded(folded(username)) == folded(username)


@pytest.mark.parametrize("spelling", ["Nurse.One", "NURSE.ONE", "nurse.one".translate(WIDE)])
def test_spellings_that_read_alike_are_one_username(spelling: str) -> None:
    """Case and character width make no second account."""
    assert check_username(spelling) == "nurse.one"


@pytest.mark.parametrize(
    "username", ["", "ab", "x" * 65, "nurse one", "nurse\x00", "nurse\n", "nur\u200bse", "nurse\u202e", "\u0378\u0378\u0378"]
)
def test_a_username_shows_every_character(username: str) -> None:
    """Too short, too long, spaces, controls, invisible and unassigned characters are refused."""
    with pytest.raises(UsernameRefused):
        check_username(username)


@pytest.mark.parametrize(
    "password", ["", "short77", "x" * 257, "Password1", "PASSWORD1".translate(WIDE), "zzzzzzzzzzzz", "my-Nurse.One-pw"]
)
def test_easily_guessed_passwords_are_refused(password: str) -> None:
    """Short, long, common in any spelling, one character repeated, or with the username inside."""
    with pytest.raises(PasswordRefused):
        check_password(password, "nurse.one")


@pytest.mark.parametrize("password", ["tall-fern", "pass word with spaces", "пароль-из-слов", "'; DROP TABLE account;--"])
def test_other_passwords_are_taken_as_they_are(password: str) -> None:
    """Spaces, other scripts and SQL are nothing special."""
    check_password(password, "nurse.one")


def test_the_list_holds_only_what_the_length_lets_through() -> None:
    """Every listed password is folded and long enough to need listing."""
    assert [word for word in COMMON if len(word) < PASSWORD_CHARACTERS[0] or folded(word) != word] == []


@given(st.text())
def test_composed_and_decomposed_spellings_hash_alike(text: str) -> None:
    """Keyboards differ in how they send an accent; the password is the same."""
    assert password_bytes(text + "e\u0301") == password_bytes(text + "\u00e9")
