"""`make show-canary`: plant values on every path, then search every byte on disk for them.

Searched are the databases, their write-ahead logs, the key database, the logs, temporary files and an encrypted export, while the
server runs and after it has stopped, in UTF-8, UTF-16, hex and base64. Ends with status 1 if a value is found.
`--break` plants one in the clear, in each of several forms, and the run must then end so.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyrage
from click.testing import CliRunner

from confide.cli.main import confide
from confide.values.principal import Role
from tests import ground, postgres
from tests.journeys import charts, paths
from tests.journeys.canaries import Canaries, Finding, forms, scan

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN = 20


@dataclass(frozen=True)
class Result:
    """What one run did and found."""

    store: str
    requests: int
    planted: int
    files: int
    size: int
    findings: list[Finding]

    def line(self) -> str:
        """Return the figures as a line."""
        return (
            f"{self.store}: {self.planted} values planted, {self.requests} requests and commands, {self.files} files, "
            f"{self.size / 1e6:.1f} MB searched in {len(forms('x' * 24))} forms each, {len(self.findings)} found"
        )


def run(scratch: Path, store: str, cluster: postgres.Cluster | None, *, broken: bool) -> Result:
    """Exercise every path and search."""
    seen, temporary, source = scratch / "seen", scratch / "seen" / "tmp", scratch / "source"
    for folder in (seen, temporary, source):
        folder.mkdir()
    canaries = Canaries()
    place = ground.make(seen / "instance", {"data_database": cluster.url} if cluster else {})
    account = ground.account(place.settings, Role.CLINICIAN, username=canaries.new("username"), password=canaries.new("password"))
    canaries.keep("bearer token", account.token)
    canaries.keep("secret of the second factor", account.totp)
    roots = [seen] + ([cluster.data] if cluster else [])
    server = ground.start(place, added={"TMPDIR": str(temporary)})
    try:
        with paths.client(place, account.token) as http:
            walk = paths.Walk(http, canaries)
            patient = paths.walk_records(walk)
            paths.walk_refusals(walk)
            paths.walk_sign_in(walk)
            findings, files, size = scan(canaries.planted, *roots)
    finally:
        server.stop()
    commands = run_commands(place, canaries, patient, source, seen / "export")
    if broken:
        plant_in_the_clear(place.folder, canaries)
    after = scan(canaries.planted, *roots)
    return Result(store, walk.sent + commands, len(canaries.planted), files + after[1], size + after[2], findings + after[0])


def run_commands(place: ground.Ground, canaries: Canaries, patient: str, source: Path, target: Path) -> int:
    """Import, export and look at the trail; return the number of commands."""
    new = canaries.new
    good = charts.patient(new("imported family"), new("imported given"), new("imported identifier"))
    (source / "good.json").write_text(json.dumps(charts.transaction(good)), encoding="utf-8")
    bad = good | {"gender": new("refused code in a file")}
    (source / "bad.json").write_text(json.dumps(charts.transaction(bad)), encoding="utf-8")
    (source / "broken.json").write_text('{"resourceType": "' + new("broken file"), encoding="utf-8")
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    asked = (
        (1, ["import", str(source)]),
        (0, ["export", "--to", str(target), "--recipient", recipient]),
        (0, ["export", "--to", str(target / "one"), "--recipient", recipient, "--patient", patient]),
        (0, ["audit", "show", "-n", "1000", "--json"]),
        (0, ["check"]),
    )
    log = place.folder / "commands.log"
    for status, arguments in asked:
        result = CliRunner().invoke(confide, [*arguments, "--folder", str(place.folder)])
        with log.open("a", encoding="utf-8") as file:  # what a command prints is kept by whoever runs it in a job
            file.write(f"{result.output}\n{result.exception!r}\n")
        if result.exit_code != status:
            message = (
                f"confide {arguments[0]} ended with {result.exit_code} in place of {status}: {result.output[-500:]} {result.exception!r}"
            )
            raise paths.UnexpectedAnswerError(message)
    return len(asked)


def plant_in_the_clear(folder: Path, canaries: Canaries) -> None:
    """Write one value into a file of its own for each form."""
    value = canaries.new("what --break planted")
    for at, form in enumerate(forms(value).values()):
        (folder / f"planted-{at}.bin").write_bytes(b"\x00\x01" + form + b"\x02")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run on SQLite and on PostgreSQL, print the figures last, return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.show.canary", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--store", choices=["sqlite", "postgresql", "both"], default="both", help="the data database (default both)")
    parser.add_argument("--break", dest="broken", action="store_true", help="plant a value in the clear: the run must fail")
    given = parser.parse_args(arguments)
    print("Values are planted on every path, then looked for in every byte on disk; about a minute for each database.", flush=True)
    results = []
    for store in ("sqlite", "postgresql"):
        if given.store not in {store, "both"}:
            continue
        print(f"{store}: planting, exercising, searching …", flush=True)
        # With every statement logged, PostgreSQL's own log would betray a value that is bound in the clear.
        context = postgres.cluster("log_statement=all") if store == "postgresql" else nullcontext()
        with tempfile.TemporaryDirectory(prefix="confide-canary-") as scratch, context as cluster:
            results.append(run(Path(scratch), store, cluster, broken=given.broken))
    for finding in [one for result in results for one in result.findings][:SHOWN]:
        print(f"  found: {finding.planted} as {finding.form} in {finding.file} at {finding.offset}")
    for result in results:
        print(result.line())
    found = sum(len(result.findings) for result in results)
    print("FAILED: plaintext is on disk, see above" if found else "no planted value is on disk, in any form")
    return 1 if found else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # whoever is told to stop leaves no folder behind
    sys.exit(main())
