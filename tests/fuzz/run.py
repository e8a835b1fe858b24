"""One run against one server: inputs are thrown, answers checked, and after each family of inputs the house is looked over."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.fuzz import log
from tests.fuzz.checks import faults
from tests.fuzz.inputs import CREATED, FHIR, OK, Expected, Input, Surface, request
from tests.fuzz.tables import ACCOUNT, DOCUMENT, ENROLMENT, FILES, KEY, SHARED, STORED, TOKEN, VERSION, grown
from tests.journeys import charts

if TYPE_CHECKING:
    from random import Random  # noqa: TID251 - chance comes in as an argument, from a seed

    from tests.fuzz.inputs import Headers
    from tests.fuzz.marks import Marks
    from tests.fuzz.tables import Tables
    from tests.fuzz.wire import Answer, Wire
    from tests.ground import Ground

SHOWN = 400
"""Bytes of an input that a fault shows."""


@dataclass(frozen=True)
class Fault:
    """Something that must not be: in which family, at which input, and what."""

    family: str
    what: str
    sentence: str


class FoundError(AssertionError):
    """A fault, raised so that Hypothesis looks for the smallest input that shows it."""


@dataclass
class Tally:
    """The figures of a run."""

    sent: Counter[str] = field(default_factory=Counter)
    """Inputs by family."""
    statuses: Counter[int] = field(default_factory=Counter)
    sentences: set[str] = field(default_factory=set)
    """What the OperationOutcomes said."""
    returned: int = 0
    """Strings that came back as they were sent."""
    slowest: float = 0.0
    faults: list[Fault] = field(default_factory=list)


class Run:
    """What every family of inputs works with."""

    def __init__(self, place: Ground, wire: Wire, tables: Tables, marks: Marks, rng: Random) -> None:
        """Begin with one Patient that is there to the end."""
        self.place, self.wire, self.marks, self.rng, self.tally = place, wire, marks, rng, Tally()
        self.family = "beginning"
        self._tables = tables
        self._log = log.Log(place)
        self._written: Counter[str] = Counter()
        self._rows = tables.count()
        body = json.dumps(charts.patient("Family", "Given", "fuzz")).encode()
        made = self.send("a Patient", "POST", b"/fhir/Patient", Expected(frozenset({CREATED})), body=body)
        self.patient: str = json.loads(made.body)["id"]
        self._resting = made.body
        self.settle()

    # ------------------------------------------------------------------------------------------------ sending

    def send(
        self,
        what: str,
        method: str,
        target: bytes,
        expected: Expected,
        *,
        body: bytes | None = None,
        headers: Headers = (),
        kind: bytes | None = FHIR,
        token: str | None = "",
        surface: Surface = Surface.FHIR,
    ) -> Answer:
        """Send a request; its type is left out where `kind` is None, its token (by default the clinician's) where `token` is."""
        given = list(headers)
        if token is not None:
            given.append((b"authorization", f"Bearer {token or self.place.token}".encode()))
        if kind is not None and body is not None:
            given.append((b"content-type", kind))
        return self.throw(Input(what, request(method, target, tuple(given), body), method, expected, surface))

    def throw(self, one: Input) -> Answer:
        """Send an input and note what is wrong with the answer."""
        answer, found = self._try(one)
        self.tally.faults += [Fault(self.family, one.what, sentence) for sentence in found]
        return answer

    def demand(self, one: Input) -> Answer:
        """Send an input and raise what is wrong with the answer.

        Raises:
            FoundError
        """
        answer, found = self._try(one)
        self.insist(not found, f"{one.what}: {'; '.join(found)}; sent was {self._told(one)!r}")
        return answer

    def insist(self, good: bool, sentence: str) -> None:
        """Raise `FoundError` unless something is so."""
        if not good:
            raise FoundError(sentence)

    def note(self, what: str, sentence: str) -> None:
        """Note a fault that another kind of check has found."""
        self.tally.faults.append(Fault(self.family, what, sentence))

    def _told(self, one: Input) -> bytes:
        return one.raw.replace(self.place.token.encode(), b"...")[:SHOWN]

    def _try(self, one: Input) -> tuple[Answer, list[str]]:
        answer = self.wire.exchange(one.raw, one.method)
        self.tally.sent[self.family] += 1
        self.tally.statuses[answer.status] += 1
        self.tally.slowest = max(self.tally.slowest, answer.seconds)
        if answer.status < 400:
            self._written += _writes(answer, one)
        elif answer.body.startswith(b'{"resourceType":"OperationOutcome"'):
            self.tally.sentences |= {issue.get("diagnostics", "") for issue in json.loads(answer.body)["issue"]}
        return answer, faults(answer, one, self.marks)

    # ------------------------------------------------------------------------------------------------ looking over

    def settle(self, *besides: str) -> None:
        """Look the house over: it answers, it stored what it acknowledged and nothing else, its logs and its trail hold no mark.

        Rows of tables in `besides` are let pass.
        """
        self._check_rows(besides)
        for sentence in self._log.faults(self.marks):
            self.note("the log", sentence)
        if any(map(self.marks.are_in, self._tables.new_events())):
            self.note("the audit trail", "an event holds a part of an input")
        if self.family != "beginning":
            still = self.send("the Patient of the beginning", "GET", f"/fhir/Patient/{self.patient}".encode(), Expected(frozenset({OK})))
            if still.body != self._resting:
                self.note("the Patient of the beginning", "it is not what it was")

    def files_changed(self) -> bool:
        """Tell whether there are other files than at the last look."""
        return self._tables.count()[FILES] != self._rows[FILES]

    def begin_anew(self) -> None:
        """Take the rows that are there now for granted."""
        self._rows, self._written = self._tables.count(), Counter()

    def _check_rows(self, besides: tuple[str, ...]) -> None:
        rows = self._tables.count()
        found, written = grown(self._rows, rows), self._written
        # Some go with what was acknowledged, and cannot be told beforehand.
        for name in (*besides, *((FILES, STORED, TOKEN, KEY, SHARED) if written.total() else ())):
            found.pop(name, None)
        for name in {*found, *written}:
            if found.get(name, 0) != written[name]:
                self.note("the tables", f"{name} has changed by {found.get(name, 0)} rows in place of {written[name]}")
        self._rows, self._written = rows, Counter()


def _writes(answer: Answer, one: Input) -> Counter[str]:
    """Return the rows that an acknowledged request must have added."""
    if one.surface is Surface.PORTAL:
        return Counter({ACCOUNT: int(answer.status == CREATED)})
    if one.surface is Surface.PAGE:
        return Counter({ENROLMENT: int(b"<h1>Second factor</h1>" in answer.body)})
    if answer.body.startswith(b'{"resourceType":"Bundle","type":"transaction-response"'):
        made, changed = answer.body.count(b'"status":"201"'), answer.body.count(b'"status":"200"')
        return Counter({DOCUMENT: made, VERSION: made + changed})
    if one.method in {"POST", "PUT"} and answer.header("location"):
        return Counter({DOCUMENT: int(answer.status == CREATED), VERSION: 1})
    return Counter()
