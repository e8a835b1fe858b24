"""`make bench-first`: the first figures, and whether they stay below the floor. See docs/performance.md."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import crypto, report, web
from benchmarks.load import Batch, Load, target_of
from benchmarks.report import Table
from confide.cli.demonstration import patients as synthea
from tests import ground, postgres

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.web import Figure

LIVES, TIMES = 2, 2
"""Synthea patients, and how often each is stored."""
CACHE = Path(__file__).resolve().parents[1] / ".cache" / "benchmarks"
FEW_KEYS = {"CONFIDE_KEY_CACHE_SIZE": "100"}
"""Of four hundred people: whoever is read was forgotten since."""
CLIENT = {"user-agent": "confide-benchmark", "accept": "application/fhir+json", "accept-encoding": "gzip, deflate"}


def main() -> int:
    """Measure, print, and return 0 if every ordinary request stays below the floor."""
    began = time.monotonic()
    CACHE.mkdir(parents=True, exist_ok=True)
    lives = synthea.wanted(CACHE, LIVES)
    synthea.generate(synthea.missing(lives), lambda: None)
    bundles = [one.bundle.read_text(encoding="utf-8") for one in lives]
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        folder = Path(scratch)
        pairs = crypto.figures()
        _say("crypto measured")
        slices = [_slice(folder, "bare"), _slice(folder, "guarded")]
        tables, imports = _sqlite(folder, bundles)
        more, others = _postgresql(folder, bundles)
    report.crypto(pairs)
    report.imports(imports | others)
    report.slices(*slices)
    for table in tables + more:
        report.requests(table, slices)
    report.conditions(time.monotonic() - began)
    return 0 if report.verdict(tables + more) else 1


def _say(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


def _slice(folder: Path, module: str) -> dict[str, Figure]:
    """The figures of a slice, filled with single creates."""
    port, bearer = ground.free_port(), secrets.token_urlsafe(32)
    command = [sys.executable, "-m", f"benchmarks.{module}", str(port), str(folder / f"{module}.db")]
    process = subprocess.Popen(command, env={**os.environ, "BEARER": bearer})
    try:
        _wait(port)
        with Load(target_of(f"http://127.0.0.1:{port}", {**CLIENT, "authorization": f"Bearer {bearer}"}, None)) as load:
            site = web.Site(load, "", process.pid, None)
            site.remember(load.send(Batch([site.post(one) for one in web.stored_patients()], (201,))))
            site.remember(load.send(Batch([site.post(one) for one in web.stored_observations(site.patients)], (201,))))
            return {figure.name: figure for figure in web.measure(site, web.SLICE_KINDS)}
    finally:
        process.kill()
        process.wait()
        _say(f"{module} slice measured")


def _wait(port: int) -> None:
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    message = "the slice did not start"
    raise RuntimeError(message)


def _sqlite(folder: Path, bundles: list[str]) -> tuple[list[Table], dict[str, list[Figure]]]:
    place = ground.make(folder / "sqlite")
    return _all(place, "SQLite", bundles, None)


def _postgresql(folder: Path, bundles: list[str]) -> tuple[list[Table], dict[str, list[Figure]]]:
    """A server of our own with fsync on, so that its processes can be counted."""
    with postgres.cluster("shared_buffers=256MB") as cluster:
        urls = [asyncio.run(postgres.create_database(cluster.url, name)) for name in ("data", "keys")]
        place = ground.make(folder / "postgresql", dict(zip(("data_database", "keys_database"), urls, strict=True)))
        pid = int((cluster.data / "postmaster.pid").read_text(encoding="ascii").split()[0])
        return _all(place, "PostgreSQL", bundles, pid)


def _all(place: ground.Ground, engine: str, bundles: list[str], database: int | None) -> tuple[list[Table], dict[str, list[Figure]]]:
    """Fill and measure over HTTP; then the same over HTTPS on what is there, and with hardly any key in memory."""
    with _site(place, database, tls=False) as site:
        imports = [web.fill(site), web.import_bundles(site, bundles, TIMES)]
        stored = site.patients[: web.PATIENTS], site.observations[: web.PATIENTS * web.OBSERVATIONS]
        site.patients, site.observations = stored
        tables = [Table(engine, "HTTP", web.measure(site, web.KINDS))]
    _say(f"{engine}, HTTP measured")
    with _site(place, database, tls=True) as site:
        site.patients, site.observations, site.made = *stored, 1_000_000
        tables.append(Table(engine, "HTTPS", web.measure(site, web.KINDS)))
    _say(f"{engine}, HTTPS measured")
    with _site(place, database, tls=False, added=FEW_KEYS) as site:
        site.patients, site.observations, site.made = *stored, 2_000_000
        tables.append(Table(engine, "HTTP, keys not in memory", web.measure(site, web.COLD_KINDS)))
    _say(f"{engine}, keys not in memory measured")
    return tables, {engine: imports}


@contextmanager
def _site(place: ground.Ground, database: int | None, *, tls: bool, added: Mapping[str, str] | None = None) -> Iterator[web.Site]:
    chosen = replace(place, settings=place.settings.model_copy(update={"tls": tls}))
    server = ground.start(chosen, added={"CONFIDE_TLS": str(tls).lower(), **(added or {})})
    try:
        with Load(target_of(chosen.settings.public_url, {**CLIENT, **chosen.headers}, chosen.settings.ca_certificate)) as load:
            yield web.Site(load, "/fhir", server.process.pid, database)
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
