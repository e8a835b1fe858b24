"""Requests over HTTP against a running server: CPU time of the server and of the database server, apart; rates and waiting times."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from math import gcd
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from benchmarks import charts
from benchmarks.load import Batch
from benchmarks.measure import family_cpu, process_cpu

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.load import Load, Report

REQUESTS = 640
"""In a round: 40 on each connection."""
ROUNDS = 5
PATIENTS, OBSERVATIONS = 400, 40
"""Stored before anything is measured: ten observations of each of four kinds for a patient, ten patients of a name."""
BUNDLE_PATIENTS = 20
FIRST = 1_000
"""Number of the first chart that a measurement makes."""
PAGE = 10
PATIENT_BYTES, OBSERVATION_BYTES = 1_500, 800
"""No answer that holds one is smaller."""

Rows = list[tuple[str, str, str]]


@dataclass
class Figure:
    """What one kind of request costs, a number for each round."""

    name: str
    server: list[float] = field(default_factory=list)
    """CPU-ms of the server's process for each request."""
    database: list[float] = field(default_factory=list)
    """CPU-ms of the database server's processes; 0 where the database is inside the server."""
    rate: list[float] = field(default_factory=list)
    """Answers a second, with two cores for server, database and load generator."""
    waiting: list[float] = field(default_factory=list)
    """Median time to an answer in ms, with 16 connections that never pause."""
    slowest: list[float] = field(default_factory=list)
    """The 99th percentile of it."""

    def mid(self, what: str) -> float:
        """Return the median of one of the lists."""
        return float(median(getattr(self, what)))

    @property
    def total(self) -> float:
        """CPU-ms of both, the median of the rounds."""
        return median([sum(pair) for pair in zip(self.server, self.database, strict=True)])

    def add(self, server: float, database: float, count: int, report: Report) -> None:
        """Take a round: CPU seconds, and how much was done with them."""
        self.server.append(server * 1000 / count)
        self.database.append(database * 1000 / count)
        self.rate.append(count / report.seconds)
        self.waiting.append(report.median)
        self.slowest.append(report.slowest_hundredth)


@dataclass
class Site:
    """A running server, and what is stored in it."""

    load: Load
    prefix: str
    """What stands before the type in an address."""
    server: int
    database: int | None
    """Process ids; None where the database is inside the server."""
    patients: list[str] = field(default_factory=list)
    observations: list[str] = field(default_factory=list)
    made: int = FIRST

    def send(self, figure: Figure, batch: Batch, count: int = 0) -> Report:
        """Send a batch and add what it cost for each of `count` (by default: for each request)."""
        before = self._cpu()
        report = self.load.send(batch)
        after = self._cpu()
        figure.add(after[0] - before[0], after[1] - before[1], count or len(batch.requests), report)
        return report

    def _cpu(self) -> tuple[float, float]:
        return process_cpu(self.server), family_cpu(self.database) if self.database else 0.0

    def next(self, count: int) -> range:
        """Return numbers of charts that were not made yet."""
        self.made += count
        return range(self.made - count, self.made)

    def get(self, address: str) -> tuple[str, str, str]:
        """Return a GET."""
        return "GET", f"{self.prefix}/{address}", ""

    def post(self, resource: dict[str, Any]) -> tuple[str, str, str]:
        """Return a create."""
        return "POST", f"{self.prefix}/{resource['resourceType']}", json.dumps(resource, separators=(",", ":"))

    def remember(self, report: Report) -> None:
        """Note the identifiers of what was stored."""
        for location in report.locations:
            kind, identifier = location.removesuffix("/_history/1").split("/")[-2:]
            {"Patient": self.patients, "Observation": self.observations}.get(kind, []).append(identifier)


def create_patient(site: Site, count: int) -> Rows:
    """New Patients."""
    return [site.post(charts.patient(number)) for number in site.next(count)]


def create_observation(site: Site, count: int) -> Rows:
    """New Observations of stored patients."""
    return [site.post(charts.observation(_chosen(site.patients, number), number)) for number in site.next(count)]


def update_observation(site: Site, count: int) -> Rows:
    """A new version of stored Observations, each once."""
    found = []
    for number in site.next(count):
        identifier = _chosen(site.observations, number)
        resource = {**charts.observation(_chosen(site.patients, number), number), "id": identifier}
        found.append(("PUT", f"{site.prefix}/Observation/{identifier}", json.dumps(resource, separators=(",", ":"))))
    return found


def read_patient(site: Site, count: int) -> Rows:
    """Patients by id."""
    return [site.get(f"Patient/{_chosen(site.patients, at)}") for at in range(count)]


def read_observation(site: Site, count: int) -> Rows:
    """Observations by id."""
    return [site.get(f"Observation/{_chosen(site.observations, at)}") for at in range(count)]


def search_patient(site: Site, count: int) -> Rows:
    """A page of Patients of one family name."""
    return [site.get("Patient?" + urlencode({"family": charts.family(at), "_count": PAGE})) for at in range(count)]


def search_observation(site: Site, count: int) -> Rows:
    """A page of Observations of one kind of a patient."""
    found = []
    for at in range(count):
        code = f"http://loinc.org|{charts.CODES[at % len(charts.CODES)][0]}"
        found.append(site.get("Observation?" + urlencode({"patient": _chosen(site.patients, at), "code": code, "_count": PAGE})))
    return found


def mixed(site: Site, count: int) -> Rows:
    """A ward's day, in turn: of 20 requests 10 reads, 6 searches, 4 creates."""
    part = count // 20
    made = [
        *(read_patient(site, 4 * part), read_observation(site, 6 * part)),
        *(search_patient(site, 2 * part), search_observation(site, 4 * part)),
        *(create_patient(site, part), create_observation(site, 3 * part)),
    ]
    everything = [row for rows in made for row in rows]
    stride = next(number for number in range(17, 1000) if gcd(number, len(everything)) == 1)
    return [everything[at * stride % len(everything)] for at in range(len(everything))]


def _chosen(stored: Sequence[str], number: int) -> str:
    """Walk through what is stored in an order that is not that of storage."""
    return stored[number * 7919 % len(stored)]


@dataclass(frozen=True)
class Kind:
    """One kind of request, and what its answers must be."""

    name: str
    make: Callable[[Site, int], Rows]
    statuses: tuple[int, ...]
    at_least: int


KINDS = (
    Kind("create Patient", create_patient, (201,), PATIENT_BYTES),
    Kind("create Observation", create_observation, (201,), OBSERVATION_BYTES),
    Kind("update Observation", update_observation, (200,), OBSERVATION_BYTES),
    Kind("read Patient", read_patient, (200,), PATIENT_BYTES),
    Kind("read Observation", read_observation, (200,), OBSERVATION_BYTES),
    Kind("search 10 Patients by name", search_patient, (200,), PAGE * PATIENT_BYTES),
    Kind("search 10 Observations by patient, code", search_observation, (200,), PAGE * OBSERVATION_BYTES),
    Kind("mixed", mixed, (200, 201), OBSERVATION_BYTES),
)
SLICE_KINDS = tuple(kind for kind in KINDS if kind.make is not update_observation)
"""What the slices can do."""
COLD_KINDS = tuple(kind for kind in KINDS if kind.make in (read_patient, search_patient, mixed))
"""What is worth a look when keys have to be opened anew."""


def measure(site: Site, kinds: Sequence[Kind]) -> list[Figure]:
    """Return the figures of each kind; the kinds take turns, and a first round warms up and is not counted."""
    figures = [Figure(kind.name) for kind in kinds]
    for turn in range(ROUNDS + 1):
        for kind, figure in zip(kinds, figures, strict=True):
            rows = kind.make(site, REQUESTS if turn else REQUESTS // 8)
            site.send(figure if turn else Figure(""), Batch(rows, kind.statuses, kind.at_least))
    return figures


def stored_patients() -> list[dict[str, Any]]:
    """Return the Patients that `fill` stores."""
    return [charts.patient(number) for number in range(PATIENTS)]


def stored_observations(patients: Sequence[str]) -> list[dict[str, Any]]:
    """Return the Observations that `fill` stores, of stored patients."""
    return [charts.observation(one, number * OBSERVATIONS + at) for number, one in enumerate(patients) for at in range(OBSERVATIONS)]


def fill(site: Site) -> Figure:
    """Store the charts that everything else is measured on, as transactions; return what a resource of theirs costs."""
    figure = Figure("resource of a transaction: Patient with 40 Observations")
    for first in range(0, PATIENTS, BUNDLE_PATIENTS):
        content = json.dumps(charts.bundle(first, BUNDLE_PATIENTS, OBSERVATIONS), separators=(",", ":"))
        count = BUNDLE_PATIENTS * (OBSERVATIONS + 1)
        site.remember(site.send(figure, Batch([("POST", site.prefix, content)], (200,)), count))
    return figure


def import_bundles(site: Site, bundles: Sequence[str], times: int) -> Figure:
    """Store each bundle several times (a server gives new identifiers each time); return what a resource costs."""
    figure = Figure("resource of a transaction: Synthea's whole lives")
    for content in [*bundles] * times:
        count = content.count('"fullUrl"')
        site.send(figure, Batch([("POST", site.prefix, content)], (200,)), count)
    return figure
