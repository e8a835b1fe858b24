"""What can be wrong with a request to the portal, and the one table from errors to HTTP status."""

from __future__ import annotations

from typing import ClassVar

from confide.identity import errors as identity
from confide.store.errors import Conflict, Unavailable
from confide.values.errors import ConfideError


class PortalError(ConfideError):
    """A request that the portal does not take."""

    code: ClassVar[str] = "portal.error"


class Malformed(PortalError):
    """The body is not what the address takes."""

    code: ClassVar[str] = "portal.malformed"


class TooLarge(PortalError):
    """The body is larger than the portal takes."""

    code: ClassVar[str] = "portal.too-large"


class UnsupportedMediaType(PortalError):
    """The body is declared as something else than the address takes."""

    code: ClassVar[str] = "portal.unsupported-media-type"


class MethodNotAllowed(PortalError):
    """The address does not take the method."""

    code: ClassVar[str] = "portal.method-not-allowed"


class NotSignedIn(PortalError):
    """There is no valid bearer token."""

    code: ClassVar[str] = "portal.not-signed-in"


class Unexpected(PortalError):
    """Something went wrong on our side."""

    code: ClassVar[str] = "portal.unexpected"


STATUS: tuple[tuple[type[ConfideError], int], ...] = (
    (Malformed, 400),
    (identity.SignInRefused, 401),
    (identity.EnrolmentRefused, 401),
    (NotSignedIn, 401),
    (identity.NotAllowed, 403),
    (identity.BootstrapRefused, 404),
    (MethodNotAllowed, 405),
    (identity.UsernameTaken, 409),
    (Conflict, 409),
    (TooLarge, 413),
    (UnsupportedMediaType, 415),
    (identity.UsernameRefused, 422),
    (identity.PasswordRefused, 422),
    (identity.AccountRefused, 422),
    (identity.TooManyAttempts, 429),
    (Unavailable, 503),
)


def status_of(error: ConfideError) -> int:
    """Return the HTTP status of an error."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)
