"""How refusals of the vault look over HTTP: one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.access.errors import AccessError
from confide.adopt.errors import ErasurePending, NotYours, StillReferenced, StillWriting, TimedOut
from confide.keys.errors import ProviderRefused, ProviderUnavailable, ShreddingPending
from confide.rights.errors import UnknownSubject
from confide.sealed.errors import SearchRefused, TooLong, TooManyTokens, WrongKind
from confide.store.errors import StoreError

if TYPE_CHECKING:
    from confide.values.errors import ConfideError

RETRY_SECONDS = 5
STATUSES: tuple[tuple[type[ConfideError], int], ...] = (
    (AccessError, 403),
    (NotYours, 403),
    (UnknownSubject, 404),
    (StillReferenced, 409),
    (TooLong, 422),
    (WrongKind, 422),
    (SearchRefused, 422),
    (TooManyTokens, 422),
    (ProviderUnavailable, 503),
    (ProviderRefused, 503),
    (ShreddingPending, 503),
    (TimedOut, 503),
    (StillWriting, 503),
    (ErasurePending, 503),
    (StoreError, 503),
)
"""The first that fits; whatever is not here is a mistake in the program, 500."""


def status_of(error: ConfideError) -> int:
    """Return the status of an error."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def answer_of(error: ConfideError) -> tuple[int, dict[str, str], dict[str, str]]:
    """Return status, headers and JSON body. The sentence of an error holds no personal value, so it may be shown."""
    status = status_of(error)
    headers = {"retry-after": str(RETRY_SECONDS)} if status == 503 else {}  # noqa: PLR2004 - as in the table
    return status, headers, {"detail": str(error), "code": error.code}
