"""`confide export`: NDJSON for each type, encrypted to its recipient with age, or plain where that is asked for in so many words."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from confide.audit.append import granted
from confide.cli import terminal
from confide.cli.errors import AlreadyThere, NothingToDo
from confide.cli.instance import call_now, folder_option, run_in_house, settings_of
from confide.cli.sink import open_sink, recipient_of
from confide.clinic.fhir.definitions.structs import RESOURCE_TYPES
from confide.clinic.records import read as records
from confide.clinic.records.search import Wanted, candidates
from confide.values.ids import uuid_bytes
from confide.values.permit import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from confide.cli.sink import Encryption
    from confide.clinic.app import House
    from confide.clinic.settings import Settings
    from confide.values.ids import DocumentKey

BATCH = 500
"""Resources between two audit events: well below what one event can name, and a few MiB of memory."""


async def export(
    house: House, target: Path, encryption: Encryption | None, types: Sequence[str], patient: str | None, told: Callable[[str, int], None]
) -> dict[str, int]:
    """Write what the operator may export; return the number of resources for each type that has some.

    Raises:
        NothingToDo: there is no such patient.
    """
    about = await _patient(house, patient) if patient is not None else None
    counts = {}
    for kind in types:
        written = await _export_type(house, target, encryption, kind, about)
        if written:
            counts[kind] = written
        told(kind, written)
    return counts


async def _patient(house: House, patient: str) -> DocumentKey:
    call, value = call_now(house), uuid_bytes(patient)
    rows = call.rows("Patient", Action.EXPORT)
    found = await records.current(call.parts.database, rows, "Patient", value) if value else None
    if found is None:
        message = "There is no Patient with this id: look the id up with a search first."
        raise NothingToDo(message)
    return found.key


async def _export_type(house: House, target: Path, encryption: Encryption | None, kind: str, about: DocumentKey | None) -> int:
    written, after = 0, 0
    wanted = Wanted(kind, about, None, ())
    with open_sink(target / f"{kind}.ndjson", encryption) as sink:
        while True:
            call = call_now(house)
            rows = call.rows(kind, Action.EXPORT)
            found = await candidates(call.parts.database, rows, wanted, after, BATCH)
            if not found:
                return written
            reader = call.reader(rows.permit)
            opened = await reader.open(found)
            patients = await records.concerned(call.parts.database, found)
            # The event is durable before a byte of the batch leaves.
            await call.commit([granted(rows.permit, patients=patients, resources=tuple(one.pseudonym for one in found))])
            for one in opened:
                async with aclosing(reader.pieces(one)) as pieces:
                    async for piece in pieces:
                        sink.write(piece)
                sink.write(b"\n")
            written, after = written + len(found), found[-1].key


def prepare(target: Path) -> None:
    """Make the target folder; refuse one that holds something.

    Raises:
        AlreadyThere: it is not empty, or is a file.
    """
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        message = f"{target} is a file: name a folder."
        raise AlreadyThere(message) from None
    if any(not one.name.endswith(".part") for one in target.iterdir()):
        message = f"The folder {target} is not empty: name a new one, so that nothing is overwritten."
        raise AlreadyThere(message)


@click.command("export")
@click.option("--to", "target", required=True, type=click.Path(path_type=Path), help="A new or empty folder for the files.")
@click.option("--recipient", help="Encrypt to this age public key (age1…); whoever holds its identity can open the files.")
@click.option("--plaintext", is_flag=True, help="Write in the clear. Whoever reads the folder reads the charts.")
@click.option("--type", "types", multiple=True, help="Only this FHIR type; may be given several times.")
@click.option("--patient", help="Only the compartment of the Patient with this id.")
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value: resources for each type.")
def command(
    *, target: Path, recipient: str | None, plaintext: bool, types: tuple[str, ...], patient: str | None, folder: Path, as_json: bool
) -> None:
    """Export resources as NDJSON, one file for each FHIR type.

    Every batch is an event in the audit trail.
    """
    if recipient is not None and plaintext:
        message = "--recipient and --plaintext exclude each other: the files are encrypted, or they are in the clear."
        raise click.UsageError(message)
    if recipient is None and not plaintext:
        message = "Say who may open the files: --recipient age1… (or --plaintext, if nobody else can read the folder)."
        raise click.UsageError(message)
    unknown = [kind for kind in types if kind not in RESOURCE_TYPES]
    if unknown:
        message = f"There is no FHIR R4 type {unknown[0]}."
        raise click.UsageError(message)
    encryption = recipient_of(recipient) if recipient is not None else None
    settings = settings_of(folder)
    prepare(target)
    chosen = types or tuple(sorted(RESOURCE_TYPES))
    counts = _run(settings, target, encryption, chosen, patient, quiet=as_json)
    if as_json:
        terminal.machine({"folder": str(target), "encrypted": encryption is not None, "resources": counts})
    else:
        how = "encrypted" if encryption is not None else "IN THE CLEAR"
        terminal.done(
            f"{terminal.counted(sum(counts.values()), 'resource')} of {terminal.counted(len(counts), 'type')} written to {target}, {how}."
        )
        if not counts:
            terminal.note("There was nothing to export.")


def _run(
    settings: Settings, target: Path, encryption: Encryption | None, types: Sequence[str], patient: str | None, *, quiet: bool
) -> dict[str, int]:
    total = 0
    with terminal.progress(quiet=quiet) as bar:
        task = bar.add_task("Exporting types", total=len(types), beside="")

        def told(kind: str, written: int) -> None:
            nonlocal total
            total += written
            bar.update(task, advance=1, beside=f"{kind}, {total:,} resources")

        return run_in_house(settings, lambda house: export(house, target, encryption, types, patient, told))
