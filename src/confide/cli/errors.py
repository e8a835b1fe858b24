"""What a command may end in: one sentence that says what to do."""

from __future__ import annotations

from typing import ClassVar

from confide.values.errors import ConfideError


class CliError(ConfideError):
    """A command could not do what it was asked; the process ends with status 1."""

    code: ClassVar[str] = "cli.error"


class NoInstance(CliError):
    """The folder holds no instance."""

    code: ClassVar[str] = "cli.no-instance"


class AlreadyThere(CliError):
    """What is to be made exists; it is left as it is."""

    code: ClassVar[str] = "cli.already-there"


class PartLost(CliError):
    """A database of the instance is gone while other parts are there; a new one would open nothing of them."""

    code: ClassVar[str] = "cli.part-lost"


class NotADemo(CliError):
    """The folder holds an instance that is no demo."""

    code: ClassVar[str] = "cli.not-a-demo"


class CannotListen(CliError):
    """The address is taken, or not this machine's."""

    code: ClassVar[str] = "cli.cannot-listen"


class NotFinished(CliError):
    """A part of the work failed; what succeeded is kept."""

    code: ClassVar[str] = "cli.not-finished"


class NothingToDo(CliError):
    """The arguments name nothing to work on."""

    code: ClassVar[str] = "cli.nothing-to-do"


class GeneratorFailed(CliError):
    """The generator of synthetic patients is missing, or failed."""

    code: ClassVar[str] = "cli.generator-failed"


class ServerFailed(CliError):
    """The server did not start, or does not answer."""

    code: ClassVar[str] = "cli.server-failed"


class ClaimFailed(CliError):
    """The tour saw something other than what it claims."""

    code: ClassVar[str] = "cli.claim-failed"


class BackupFailed(CliError):
    """A backup was not made, or cannot be restored."""

    code: ClassVar[str] = "cli.backup-failed"


def sentence(error: Exception) -> str:
    """Return what happened and what to do. Only the text of our own errors is known to hold no personal value."""
    if isinstance(error, ConfideError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'A file'}: {error.strerror}. Put that right and run the command again."
    return f"Something unexpected happened ({type(error).__name__}): run the command again with CONFIDE_DEBUG=1 to see where, and tell us."
