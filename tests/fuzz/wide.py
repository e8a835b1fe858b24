"""Bodies of very many very small values: each value takes many times its text in memory, and its time."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from tests.fuzz.inputs import BAD, OK, UNPROCESSABLE, Expected, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fuzz.run import Run

    Wide = tuple[str, bytes, Callable[[], bytes]]

BUNDLE = b'{"resourceType":"Bundle","type":"transaction",'
PATIENT = b'{"resourceType":"Patient",'
POST = b'{"request":{"method":"POST","url":"Patient"},"resource":'
DELETE = b'{"request":{"method":"DELETE","url":"Patient/x"}}'
SMALL = (b"[]", b"{}", b"0", b'""', b'"a"', b"null", b"true", b'{"":0}')
BELOW = 4_000_000
"""Values just below the most that a bundle may hold."""


def wide(run: Run, size: int) -> None:
    """Send lists of small values, as large as each interaction takes; `size` of each kind of place, by chance."""
    resources, bundles = list(_resources(run)), list(_bundles(run))
    for what, address, body in (*run.rng.sample(resources, min(size, len(resources))), *run.rng.sample(bundles, min(size, len(bundles)))):
        run.send(what, "POST", address, refused(BAD), body=body())
    good(run)


def good(run: Run) -> None:
    """Send what is good FHIR, and costs a careless server minutes."""
    commas, ligatures = "," * 1_000_000, "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 300_000
    for what, text in (("a million commas", commas), ("ligatures that become five million letters", ligatures)):
        run.send(what, "POST", b"/fhir", Expected(frozenset({OK})), body=_in_a_bundle({"text": text, "family": text}))
    names = [f"{run.marks.new()} {at}" for at in range(30_000)]
    expected = refused(UNPROCESSABLE, issue="too-costly")
    run.send("thirty thousand names", "POST", b"/fhir", expected, body=_in_a_bundle({"given": names}))


def _resources(run: Run) -> Iterator[Wide]:
    for what, body in _in(PATIENT, b"}", run.place.settings.resource_bytes):
        yield f"a resource: {what}", b"/fhir/Patient", body


def _bundles(run: Run) -> Iterator[Wide]:
    most = run.place.settings.bundle_bytes
    for what, body in _in(BUNDLE + b'"entry":[' + POST + PATIENT, b"}}]}", most):
        yield f"in a bundle: {what}", b"/fhir", body
    for small in SMALL:
        for name in (b"entry", b"link", run.marks.new().encode()):
            before, fewer = BUNDLE + b'"' + name + b'":[', min(most, BELOW // 2 * (len(small) + 1))
            yield f"a bundle of many {small.decode()}", b"/fhir", partial(_filled, before, small, b"]}", most)
            yield f"a bundle of nearly too many {small.decode()}", b"/fhir", partial(_filled, before, small, b"]}", fewer)
    yield "many entries, the last of them empty", b"/fhir", partial(_filled, BUNDLE + b'"entry":[', DELETE, b",{}]}", most)


def _in_a_bundle(name: object) -> bytes:
    return BUNDLE + b'"entry":[' + POST + PATIENT + b'"name":[' + json.dumps(name, ensure_ascii=False).encode() + b"]}}]}"


def _in(before: bytes, after: bytes, size: int) -> Iterator[tuple[str, Callable[[], bytes]]]:
    for small in SMALL:
        for name, closing in ((b'"name":[', b"]"), (b'"name":[{"given":[', b"]}]"), (b'"extension":[', b"]")):
            if (small, closing) != (b'"a"', b"]}]"):  # those are good names
                yield f"{name.decode()} of many {small.decode()}", partial(_filled, before + name, small, closing + after, size)
    yield "many members", partial(_filled, before, b'"a":0', after, size)


def _filled(before: bytes, unit: bytes, after: bytes, size: int) -> bytes:
    count = (size - len(before) - len(after)) // (len(unit) + 1)
    return before + b",".join([unit] * count) + after
