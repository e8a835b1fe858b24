"""`confide import`: transaction bundles from files and folders, straight into the databases.

Each file is one transaction together with its journal row and its audit events, so a kill between two files loses nothing and a
second run goes on where the first one stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from confide.audit.errors import EventTooLarge
from confide.cli import terminal
from confide.cli.errors import NotFinished, NothingToDo
from confide.cli.instance import call_now, folder_option, run_in_house, settings_of
from confide.clinic.fhir.errors import FhirError, InvalidResource
from confide.clinic.fhir.interactions.transaction import transaction
from confide.clinic.records import imported
from confide.sealed.errors import DocumentTooLarge
from confide.store.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from confide.clinic.app import House

SUFFIX = ".json"
SHOWN = 5
"""Findings of one bad file on the terminal; `--json` has all of them."""


class Finding(msgspec.Struct, frozen=True):
    """Why a file was refused, and where."""

    location: str
    message: str


class Outcome(msgspec.Struct, frozen=True):
    """What became of one file."""

    file: str
    state: str
    """`imported`, `known` (imported before) or `refused`."""
    resources: int = 0
    findings: tuple[Finding, ...] = ()


class _Stored(msgspec.Struct):
    """As much of a transaction response as is needed to count it."""

    entry: list[msgspec.Raw] = []


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is there to be imported."""

    path: Path
    size: int


def sources(paths: Sequence[Path]) -> list[Source]:
    """Return the files that the arguments name, those of folders by name; each file once.

    Raises:
        NothingToDo: a folder holds no bundle.
    """
    found: dict[Path, Source] = {}
    for path in paths:
        inside = sorted(one for one in path.rglob(f"*{SUFFIX}") if one.is_file()) if path.is_dir() else [path]
        if not inside:
            message = f"The folder {path} holds no {SUFFIX} file: name a folder of FHIR bundles."
            raise NothingToDo(message)
        found.update({one.resolve(): Source(one, one.stat().st_size) for one in inside})
    return list(found.values())


async def import_files(house: House, files: Sequence[Source], told: Callable[[Source, Outcome], None]) -> list[Outcome]:
    """Import each file; a bad one is told about and left out.

    Raises:
        StoreError, KeysError, CryptoError: nothing can be imported any more; what was imported stays.
    """
    outcomes = []
    for file in files:
        outcome = await import_file(house, file)
        outcomes.append(outcome)
        told(file, outcome)
    return outcomes


async def import_file(house: House, file: Source) -> Outcome:
    """Import one file, whole or not at all."""
    limit = house.parts.limits.bundle_bytes
    name = str(file.path)
    try:
        # A file may grow between being found and being read, so what counts is what was read.
        with file.path.open("rb") as opened:
            body = opened.read(limit + 1)
    except OSError as error:
        return _refused(name, Finding("", f"The file cannot be read ({error.strerror})."))
    if len(body) > limit:
        return _refused(
            name, Finding("", f"The file is larger than the {limit} bytes that a bundle may have: split it, or raise bundle_bytes.")
        )
    call = call_now(house)
    tenant = call.principal.tenant
    known = imported.digest(call.parts.keyring, tenant, body)
    if await imported.is_known(call.parts.database, tenant, known):
        return Outcome(name, "known")
    try:
        answer = await transaction(call, body, [imported.step(tenant, known, call.now)])
    except InvalidResource as error:
        return _refused(name, *(Finding(issue.location, issue.diagnostics) for issue in error.issues))
    except (FhirError, EventTooLarge, DocumentTooLarge) as error:
        return _refused(name, Finding(error.location if isinstance(error, FhirError) else "", str(error)))
    except Conflict:
        if await imported.is_known(call.parts.database, tenant, known):  # a second import at the same time was faster
            return Outcome(name, "known")
        return _refused(name, Finding("", "Someone else changed a record that this file changes: run the command again."))
    return Outcome(name, "imported", len(msgspec.json.decode(answer.body, type=_Stored).entry))


def _refused(name: str, *findings: Finding) -> Outcome:
    return Outcome(name, "refused", 0, findings)


def import_with_progress(
    house_run: Callable[[Callable[[Source, Outcome], None]], list[Outcome]], files: Sequence[Source], *, quiet: bool
) -> list[Outcome]:
    """Run an import under a progress bar that counts bytes; refused files are named as they come."""
    resources = 0
    with terminal.progress(counted=False, quiet=quiet) as bar:
        task = bar.add_task("Importing", total=sum(file.size for file in files), beside="")

        def told(file: Source, outcome: Outcome) -> None:
            nonlocal resources
            resources += outcome.resources
            bar.update(task, advance=file.size, beside=f"{resources:,} resources")
            if outcome.state == "refused" and not quiet:
                tell_refusal(outcome)

        return house_run(told)


def tell_refusal(outcome: Outcome) -> None:
    """Name a refused file and where it is wrong."""
    terminal.failed(f"{outcome.file}: not imported")
    for finding in outcome.findings[:SHOWN]:
        terminal.beside(f"{finding.location}: {finding.message}" if finding.location else finding.message)
    if len(outcome.findings) > SHOWN:
        terminal.beside(f"… and {len(outcome.findings) - SHOWN} more; --json lists all of them")


def summary(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Return how many files came to which state, and the resources that were imported."""
    counted = {state: sum(outcome.state == state for outcome in outcomes) for state in ("imported", "known", "refused")}
    return {**counted, "resources": sum(outcome.resources for outcome in outcomes)}


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value: what became of each file.")
def command(*, paths: tuple[Path, ...], folder: Path, as_json: bool) -> None:
    """Import FHIR transaction bundles from files and folders.

    Files that were imported before are skipped, so an import that was stopped goes on when it is run again. A file that is
    refused is named with the places in it, and the others go on.
    """
    settings = settings_of(folder)
    files = sources(paths)
    outcomes = import_with_progress(
        lambda told: run_in_house(settings, lambda house: import_files(house, files, told)), files, quiet=as_json
    )
    counted = summary(outcomes)
    if as_json:
        terminal.machine({"files": outcomes, **counted})
    elif counted["imported"] or counted["known"]:
        known = f" {counted['known']} were there already." if counted["known"] else ""
        terminal.done(
            f"{terminal.counted(counted['resources'], 'resource')} from {terminal.counted(counted['imported'], 'file')} imported.{known}"
        )
    if counted["refused"]:
        message = f"{counted['refused']} of {len(files)} files were not imported: put them right and run the same command again."
        raise NotFinished(message)
