"""Which usernames and passwords are taken. Pure: text in, text or a refusal out."""

from __future__ import annotations

import unicodedata

from confide.identity.errors import PasswordRefused, UsernameRefused

USERNAME_CHARACTERS = (3, 64)
PASSWORD_CHARACTERS = (8, 256)
"""Eight is the floor beside a second factor (NIST SP 800-63B-4 section 3.1.1.2), which every account has; the upper bound
keeps hashing cheap for whoever sends long ones."""

_UNSEEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"}
"""Unicode categories of what a reader cannot see: controls, formats, unassigned, private, surrogates, separators."""

COMMON = frozenset(
    """
    00000000 000000000 11111111 111111111 1111111111 12121212 12312312 123123123 1234512345 12341234 12344321 12345678 123456789
    1234567890 12345678910 123456789a 123456abc 1234abcd 1234qwer 123qweasd 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qaz2wsx3edc 22222222 55555555
    66666666 77777777 87654321 88888888 987654321 9876543210 99999999 a1b2c3d4 a1234567 a12345678 aa123456 aaaaaaaa abc12345 abcd1234
    abcdefgh access14 admin123 admin1234 admin12345 administrator adminadmin asdf1234 asdfasdf asdfghjk asdfghjkl baseball basketball
    butterfly changeit changeme changeme1 charlie1 chocolate christmas clinic123 computer computer1 corvette default1 doctor123 dragon123
    elephant fa33w0rd facebook football football1 freedom1 garfield guest123 hello123 hospital hospital1 hospital123 iloveyou iloveyou1
    internet jennifer jordan23 letmein1 letmein123 letmeinnow liverpool lovelove master123 medicine mercedes michael1 michelle midnight
    monkey123 mustang1 nursenurse p@$$w0rd p@ssw0rd p@ssword pa$$w0rd pa$$word pa55word passw0rd passw0rd1 password password! password1
    password1! password12 password123 password1234 password2 passwort passwort1 patient1 patient123 pokemon1 princess princess1 q1w2e3r4
    q1w2e3r4t5 qazwsxedc qwer1234 qwerasdf qwert123 qwertyui qwertyuiop qwerty12 qwerty123 qwerty1234 qwerty12345 root1234 rootroot
    samantha secret12 secret123 starwars startrek steelers summer123 sunshine sunshine1 superman superman1 superuser swordfish target123
    temp1234 test1234 test12345 testtest trustno1 victoria welcome1 welcome12 welcome123 whatever winter123 xxxxxxxx zaq12wsx zaq1zaq1
    zxcvbnm1 zxcvbnm123 zxcvbnmn
    """.split()  # noqa: SIM905 - as words it can be read and kept in order
)
"""A short list, made by hand, of passwords that everyone guesses first, and of this trade's words. A real breach list will take
its place."""


def folded(username: str) -> str:
    """Return the form under which a username is looked up: two spellings that a reader takes for one are one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold())


def password_bytes(password: str) -> bytes:
    """Return what is hashed (NIST SP 800-63B-4 section 3.1.1.2: normalised with NFKC, then UTF-8)."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def check_username(username: str) -> str:
    """Return the folded username.

    Raises:
        UsernameRefused: too short, too long, or with characters that cannot be seen.
    """
    name = folded(username)
    least, most = USERNAME_CHARACTERS
    if not least <= len(name) <= most:
        raise UsernameRefused(f"Choose a username of {least} to {most} characters.")
    if any(unicodedata.category(character) in _UNSEEN for character in name):
        raise UsernameRefused("Choose a username without spaces and without characters that cannot be seen.")
    return name


def check_password(password: str, username: str) -> None:
    """Refuse a password that is easily guessed.

    Raises:
        PasswordRefused: too short, too long, well known, one character repeated, or holding the username.
    """
    text = unicodedata.normalize("NFKC", password)
    least, most = PASSWORD_CHARACTERS
    if not least <= len(text) <= most:
        raise PasswordRefused(f"Choose a password of {least} to {most} characters.")
    lowered = folded(password)
    if lowered in COMMON or len(set(lowered)) == 1:
        raise PasswordRefused("This password is among the most common ones: choose another.")
    if folded(username) in lowered:
        raise PasswordRefused("Choose a password that does not hold the username.")
