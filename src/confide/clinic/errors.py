"""What can go wrong when the server is put together."""

from __future__ import annotations

from typing import ClassVar

from confide.values.errors import ConfideError


class ClinicError(ConfideError):
    """The server cannot be put together."""

    code: ClassVar[str] = "clinic.error"


class SettingsRefused(ClinicError):
    """A setting is unknown or has a wrong value."""

    code: ClassVar[str] = "clinic.settings"


class Undeclared(ClinicError):
    """A stored field is not declared in the data map."""

    code: ClassVar[str] = "clinic.undeclared"
