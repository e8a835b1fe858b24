"""What can go wrong with a right."""

from __future__ import annotations

from typing import ClassVar

from confide.values.errors import ConfideError


class RightsError(ConfideError):
    """A request about personal data cannot be carried out."""

    code: ClassVar[str] = "rights.error"


class UnknownSubject(RightsError):
    """Nothing is known of this person here."""

    code: ClassVar[str] = "rights.unknown-subject"
