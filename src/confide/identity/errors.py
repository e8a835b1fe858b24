"""What can go wrong with accounts and sign-in; no message tells which of several reasons it was."""

from __future__ import annotations

from typing import ClassVar

from confide.values.errors import ConfideError


class IdentityError(ConfideError):
    """An account or a sign-in was refused."""

    code: ClassVar[str] = "identity.error"


class SignInRefused(IdentityError):
    """Unknown user, wrong password, wrong, missing or used code: one sentence for all of them."""

    code: ClassVar[str] = "identity.sign-in-refused"

    def __init__(self) -> None:
        """Say the one sentence."""
        super().__init__("The username, the password or the code is not right, or the code was used already: try again with a new code.")


class EnrolmentRefused(IdentityError):
    """The ticket is unknown, used or too old, or the code does not belong to it."""

    code: ClassVar[str] = "identity.enrolment-refused"

    def __init__(self) -> None:
        """Say the one sentence."""
        super().__init__("The code is not right, or the ticket is used or too old: try the next code, or start again.")


class BootstrapRefused(IdentityError):
    """The link is unknown, used or too old, or there is an administrator already."""

    code: ClassVar[str] = "identity.bootstrap-refused"

    def __init__(self) -> None:
        """Say the one sentence."""
        super().__init__("This link is used, too old or not whole: if there is no administrator yet, run confide bootstrap for a new one.")


class TooManyAttempts(IdentityError):
    """Too many attempts in a short time; the same for accounts that exist and those that do not."""

    code: ClassVar[str] = "identity.too-many-attempts"

    def __init__(self, seconds: int) -> None:
        """Take the whole seconds to wait."""
        super().__init__(f"Too many attempts: wait {seconds} seconds.")
        self.seconds = seconds


class UsernameRefused(IdentityError):
    """The username is too short, too long, or holds spaces or characters that cannot be seen."""

    code: ClassVar[str] = "identity.username-refused"


class UsernameTaken(IdentityError):
    """Another account has this username."""

    code: ClassVar[str] = "identity.username-taken"


class PasswordRefused(IdentityError):
    """The password is too short, too long, well known, or holds the username."""

    code: ClassVar[str] = "identity.password-refused"


class AccountRefused(IdentityError):
    """The role is not given out, or the patient does not go with it."""

    code: ClassVar[str] = "identity.account-refused"


class NotAllowed(IdentityError):
    """Only an administrator, or the operator at the command line, makes accounts."""

    code: ClassVar[str] = "identity.not-allowed"
