"""The page of error codes, out of the classes themselves."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING

import confide
from confide.adopt import answers
from confide.clinic.fhir import outcome
from confide.clinic.portal import errors as portal
from confide.values.errors import ConfideError

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """\
# Errors

Every error has a stable code. Written by `make reference` from the classes; a test compares them, and codes never change their meaning.

Over HTTP, FHIR addresses answer with an OperationOutcome, whose issue codes are FHIR's own; the portal's answer holds the code. In the
audit trail the code stands in `explanation` of whatever was refused. On the command line an error ends in status 1, and
wrong usage in status 2. A message is one sentence that says what to do and holds no personal value.

| code | over HTTP | what happened |
|---|---|---|
"""
INTERNAL = 500
NOT_OVER_HTTP = ("confide.cli.", "confide.clinic.errors")
THE_PORTALS = ("confide.clinic.portal", "confide.identity")


def errors() -> list[type[ConfideError]]:
    """Return every class of error there is, by code."""
    for module in pkgutil.walk_packages(confide.__path__, "confide."):
        if module.name.rpartition(".")[2] in {"errors", "refusals"}:
            importlib.import_module(module.name)
    return sorted({ConfideError, *_below(ConfideError)}, key=lambda kind: kind.code)


def _below(kind: type[ConfideError]) -> Iterator[type[ConfideError]]:
    for found in kind.__subclasses__():
        if found.__module__.startswith("confide."):
            yield found
            yield from _below(found)


def status(kind: type[ConfideError]) -> str:
    """Return the HTTP status that an error ends in, or nothing if no request meets it."""
    if kind.__module__.startswith(NOT_OVER_HTTP):
        return ""
    error = kind.__new__(kind)  # both tables look at the class alone, and some classes want arguments
    found = portal.status_of(error) if kind.__module__.startswith(THE_PORTALS) else outcome.status_of(error)[0]
    # What the server never meets is answered by a backend that adopted the toolkit.
    return str(answers.status_of(error) if found == INTERNAL else found)


def page() -> str:
    """Return docs/reference/errors.md."""
    rows = (f"| `{kind.code}` | {status(kind)} | {sentence(kind)} |\n" for kind in errors())
    return HEAD + "".join(rows)


def sentence(kind: type[ConfideError]) -> str:
    """Return the first paragraph of a class's own docstring, on one line."""
    return " ".join((inspect.cleandoc(kind.__doc__ or "")).partition("\n\n")[0].split()).replace("|", "\\|")
