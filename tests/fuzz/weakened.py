"""The command line with one fault put in: `python -m tests.fuzz.weakened serve …`. It is a control, never a product.

WEAKNESS names the fault; each is one that the checks of this folder must find.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from confide.cli.main import main
from confide.clinic.fhir import outcome
from confide.clinic.fhir.errors import InvalidResource, Issue
from confide.clinic.fhir.interactions import create
from confide.clinic.fhir.validate import parse

if TYPE_CHECKING:
    from collections.abc import Callable

MODULE = "tests.fuzz.weakened"
WEAKNESS = "CONTROL_WEAKNESS"
SHOWN = 200


class Weakness(StrEnum):
    """What the server does that it must not do."""

    ECHO = "echo"
    """A refusal repeats what was sent."""
    FAIL = "fail"
    """What is invalid ends in 500."""
    STORE = "store"
    """What is invalid leaves a row."""
    BARE = "bare"
    """A refusal is no OperationOutcome."""
    PLACE = "place"
    """A refusal does not say where."""
    LOG = "log"
    """What is invalid stands in the log."""
    TRAIL = "trail"
    """What is invalid stands in the audit trail."""
    CHANGE = "change"
    """Strings are normalised."""


def weaken(weakness: Weakness) -> None:
    """Put the fault in."""
    if weakness is Weakness.BARE:
        vars(outcome)["outcome"] = lambda _issues: b"bad request"
    elif weakness is Weakness.STORE:
        vars(create)["create"] = _storing(create.create)
    elif weakness is Weakness.CHANGE:
        vars(create)["parse"] = _changing
    else:
        vars(create)["parse"] = _spoiling(weakness)


def _spoiling(weakness: Weakness) -> Callable[..., Any]:
    def spoilt(data: bytes, *, type_name: str | None = None) -> Any:
        try:
            return parse(data, type_name=type_name)
        except InvalidResource as error:
            raise _spoilt(weakness, error, data[:SHOWN].decode("utf-8", "replace")) from None

    return spoilt


def _spoilt(weakness: Weakness, error: InvalidResource, text: str) -> Exception:
    if weakness is Weakness.FAIL:
        return RuntimeError()
    if weakness is Weakness.LOG:
        sys.stderr.write(text + "\n")
    if weakness is Weakness.TRAIL:
        vars(error)["code"] = text
    place, said = ("" if weakness is Weakness.PLACE else None), (text if weakness is Weakness.ECHO else "")
    error.issues = tuple(
        Issue(one.severity, one.code, one.location if place is None else place, one.diagnostics + said) for one in error.issues
    )
    return error


def _changing(data: bytes, *, type_name: str | None = None) -> Any:
    resource = parse(data, type_name=type_name)
    changed = unicodedata.normalize("NFC", msgspec.json.encode(resource).decode())
    return parse(changed.encode(), type_name=type_name)


def _storing(strong: Callable[..., Any]) -> Callable[..., Any]:
    async def weak(call: Any, resource_type: str, body: bytes) -> Any:
        try:
            return await strong(call, resource_type, body)
        except InvalidResource:
            await strong(call, "Basic", b'{"resourceType":"Basic","code":{"text":"kept"}}')
            raise

    return weak


if __name__ == "__main__":
    weaken(Weakness(os.environ[WEAKNESS]))
    main()
