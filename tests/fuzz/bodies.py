"""Every spoilt body at every interaction that takes one, and nesting that is just right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz import texts
from tests.fuzz.inputs import BAD, CREATED, Expected, refused

if TYPE_CHECKING:
    from tests.fuzz.run import Run
    from tests.fuzz.texts import Spoilt

CUTS = 150
"""Bodies that are cut off somewhere."""
INSIDE = "Bundle.entry[0].resource"


def bodies(run: Run, size: int) -> None:
    """Send spoilt bodies, `size` of them by chance, as a create, an update, a transaction, and inside of one."""
    spoilt = list(texts.all_spoilt(run.marks, run.rng, CUTS))
    for one in run.rng.sample(spoilt, min(size, len(spoilt))):
        at = "Patient" + one.place
        run.send(f"create: {one.what}", "POST", b"/fhir/Patient", refused(BAD, issue=one.issue, where=at, says=one.says), body=one.data)
        address = f"/fhir/Patient/{run.patient}".encode()
        run.send(f"update: {one.what}", "PUT", address, refused(BAD, issue=one.issue, where=at, says=one.says), body=one.data)
        _inside(run, one)
        run.send(f"bundle: {one.what}", "POST", b"/fhir", refused(BAD), body=one.data)
    just_right(run)


def _inside(run: Run, one: Spoilt) -> None:
    """Send a body as the resource of a transaction; what breaks the text of the bundle is told of the bundle."""
    head = b'{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Patient"},"resource":'
    expected = refused(BAD, issue=one.issue, where=INSIDE + one.place, says=one.says)
    if one.no_json or one.says in {texts.DEEP, texts.HALF, ""}:
        expected = refused(BAD)
    run.send(f"transaction: {one.what}", "POST", b"/fhir", expected, body=head + one.data + b"}]}")


def just_right(run: Run) -> None:
    """Send extensions that are nested as deep as is taken."""
    levels = 30
    inside = f'{{"url":"urn:x","valueString":"{run.marks.new()}"}}'
    for _ in range(levels):
        inside = f'{{"url":"urn:x","extension":[{inside}]}}'
    body = b'{"extension":[' + inside.encode() + b"]," + texts.valid(run.marks)[1:].replace(b'"extension"', b'"modifierExtension"', 1)
    run.send(f"{levels} extensions in one another", "POST", b"/fhir/Patient", Expected(frozenset({CREATED})), body=body)
