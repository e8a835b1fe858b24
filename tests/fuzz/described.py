"""Requests that Schemathesis makes of the description: good ones, and ones that break it in each of its parts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import requests
import schemathesis
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from tests.fuzz.explore import explore
from tests.fuzz.inputs import ANY, OK, Expected, Input, Surface, request
from tests.fuzz.openapi import describe

if TYPE_CHECKING:
    from tests.fuzz.run import Run

TYPES = ("Patient", "Observation", "Organization")
_OF_REQUESTS = {"host", "connection", "user-agent", "accept-encoding", "content-length", "x-schemathesis-testcaseid"}


def described(run: Run, examples: int) -> None:
    """Send so many good and so many bad requests to each operation."""
    statement = run.send("the capabilities", "GET", b"/fhir/metadata", Expected(frozenset({OK})))
    schema = schemathesis.openapi.from_dict(describe(json.loads(statement.body), TYPES))
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        for mode in GenerationMode:
            explore(run, _send, examples, case=result.ok().as_strategy(generation_mode=mode))


def _send(run: Run, case: Any) -> None:
    try:
        raw = _raw(run, case)
    except (requests.exceptions.RequestException, UnicodeError, ValueError):
        return  # what their library will not send; heads.py sends the like
    address = raw.split(b" ", 2)[1]
    surface = Surface.FHIR if address.startswith(b"/fhir") else Surface.PLAIN
    run.demand(Input(f"{case.method} {case.path}", raw, case.method, Expected(ANY), surface))


def _raw(run: Run, case: Any) -> bytes:
    """Return the request as it would go over the wire."""
    prepared = requests.Request(**case.as_transport_kwargs(base_url="https://localhost")).prepare()
    named: dict[str, Any] = dict(prepared.headers)
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in named.items() if name.lower() not in _OF_REQUESTS]
    headers.append((b"authorization", f"Bearer {run.place.token}".encode()))
    content: Any = prepared.body
    return request(
        case.method, prepared.path_url.encode("latin-1"), tuple(headers), content.encode() if isinstance(content, str) else content
    )
