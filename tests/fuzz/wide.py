"""Bodies of very many very small values: each value takes many times its text in memory, and its time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.fuzz.inputs import BAD, OK, Expected, refused

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
    commas = b'"' + b"," * 1_000_000 + b'"'
    run.send("a million commas in a string", "POST", b"/fhir", Expected(frozenset({OK})), body=_commas(commas))


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


def _commas(text: bytes) -> bytes:
    return BUNDLE + b'"entry":[' + POST + PATIENT + b'"name":[{"text":' + text + b"}]}}]}"


def _in(before: bytes, after: bytes, size: int) -> Iterator[tuple[str, Callable[[], bytes]]]:
    for small in SMALL:
        for name, closing in ((b'"name":[', b"]"), (b'"name":[{"given":[', b"]}]"), (b'"extension":[', b"]")):
            if (small, closing) != (b'"a"', b"]}]"):  # those are good names
                yield f"{name.decode()} of many {small.decode()}", partial(_filled, before + name, small, closing + after, size)
    yield "many members", partial(_filled, before, b'"a":0', after, size)


def _filled(before: bytes, unit: bytes, after: bytes, size: int) -> bytes:
    count = (size - len(before) - len(after)) // (len(unit) + 1)
    return before + b",".join([unit] * count) + after
