"""`confide demo`: an instance with synthetic patients, served over HTTPS on this machine. What is finished is not repeated."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import click

from confide.audit.append import granted
from confide.cli import terminal
from confide.cli.demonstration import accounts, patients, server
from confide.cli.demonstration.session import curl, header_file, sign_in
from confide.cli.errors import NotADemo, NotFinished
from confide.cli.init import make_instance
from confide.cli.instance import DEMO, call_now, run_in_house, settings_of
from confide.cli.load import import_files, import_with_progress, sources, summary
from confide.clinic.records.search import Wanted, candidates
from confide.clinic.settings import FILE
from confide.values.permit import Action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confide.clinic.app import House
    from confide.clinic.settings import Settings
    from confide.values.ids import DocumentKey

PREFERRED_PORT = 8443
SYNTHETIC = "synthetic"
MOST = 200


def demo_settings(folder: Path) -> Settings:
    """Return the settings of a demo.

    Raises:
        NotADemo: the folder holds none, or an instance that is no demo.
    """
    if not (folder / FILE).is_file():
        message = f"There is no demo in {folder}: make one with {terminal.shown('demo', '--folder', folder)}."
        raise NotADemo(message)
    settings = settings_of(folder)
    if not settings.demo:
        message = f"The instance in {folder} is no demo, and it was left as it is: name another folder with --folder."
        raise NotADemo(message)
    return settings


def free_port() -> int:
    """Return the preferred port, or a free one where something listens there."""
    for port in (PREFERRED_PORT, 0):
        try:
            with socket.create_server(("127.0.0.1", port)) as found:
                return int(found.getsockname()[1])
        except OSError:
            continue
    return PREFERRED_PORT


def make_patients(settings: Settings, folder: Path, count: int) -> None:
    """Generate and import what is missing."""
    people = patients.wanted(folder / SYNTHETIC, count)
    lacking = patients.missing(people)
    if lacking:
        (folder / SYNTHETIC).mkdir(exist_ok=True)
        with terminal.progress() as bar:
            task = bar.add_task("Inventing patients", total=len(lacking), beside="Synthea, on this machine")
            patients.generate(lacking, lambda: bar.advance(task))
        terminal.done(f"{len(lacking)} synthetic patients invented")
    waiting = [one.bundle for one in people if one.bundle.exists()]
    if waiting:
        import_bundles(settings, waiting)
        patients.forget_plaintext(people)
    else:
        terminal.kept(f"{count} synthetic patients are in the database")


def import_bundles(settings: Settings, bundles: Sequence[Path]) -> None:
    """Import bundles; the generator's are valid, so a refused one is a fault."""
    files = sources(bundles)
    outcomes = import_with_progress(lambda told: run_in_house(settings, lambda house: import_files(house, files, told)), files, quiet=False)
    counted = summary(outcomes)
    if counted["refused"]:
        message = f"{counted['refused']} synthetic bundles were refused for the reasons above: tell us, this should not happen."
        raise NotFinished(message)
    terminal.done(f"{counted['resources']:,} linked resources validated, sealed, indexed and stored; the bundles in the clear are deleted")


async def any_patient(house: House) -> DocumentKey:
    """Return the first Patient, for whom the demo's patient account is made."""
    call = call_now(house)
    rows = call.rows("Patient", Action.SEARCH)
    found = await candidates(house.database, rows, Wanted("Patient", None, None, ()), 0, 1)
    await call.commit([granted(rows.permit, resources=tuple(one.pseudonym for one in found))])
    if not found:
        message = f"The demo has no patient: run {terminal.shown('demo', '--folder', house.settings.folder, '--patients', '4')}."
        raise NotFinished(message)
    return found[0].key


def make_accounts(settings: Settings, folder: Path) -> None:
    """Make the demo accounts that are missing, and print them once."""
    if accounts.is_complete(folder):
        terminal.kept(f"accounts: see {folder / accounts.FILE}")
        return

    async def work(house: House) -> None:
        await accounts.make(house, folder, await any_patient(house))

    run_in_house(settings, work)
    terminal.done(f"an account for each role, refused outside a demo; kept in {folder / accounts.FILE} for its owner only:")
    columns = ("role", "username", "password", "secret for one-time codes")
    terminal.columns([columns, *((one.role, one.username, one.password, one.totp or "") for one in accounts.read(folder).values())])


def serve(settings: Settings, folder: Path) -> None:
    """Start the server in the background, unless it runs."""
    if server.running(folder) is not None:
        terminal.kept(f"server: {settings.public_url}/fhir")
        return
    server.start(folder, settings)
    terminal.done(f"server: {settings.public_url}/fhir, trusted through {folder / 'tls' / 'ca.pem'}")


def finish(folder: Path) -> None:
    """Say how to go on."""
    terminal.title("Next")
    terminal.command(terminal.shown("tour", "--folder", folder))
    terminal.command(terminal.shown("demo", "--folder", folder, "--sign-in", "clinician"))
    terminal.note("The server runs on. When you have seen enough:")
    terminal.command(terminal.shown("demo", "--folder", folder, "--stop"))


@click.command("demo")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=DEMO, show_default=True, help="The demo's folder.")
@click.option("--patients", "count", type=click.IntRange(1, MOST), default=4, show_default=True, help="How many patients to invent.")
@click.option("--stop", is_flag=True, help="Stop the demo's server, and do nothing else.")
@click.option(
    "--sign-in", "role", type=click.Choice([role.value for role in accounts.ROLES]), help="Sign in, for curl, and do nothing else."
)
def command(*, folder: Path, count: int, stop: bool, role: str | None) -> None:
    """Set up a demo with synthetic patients and serve it over HTTPS.

    It needs no phone, no browser and nobody's trust: accounts are made with their one-time codes, the certificate comes from an
    authority in the folder. A run that was stopped is finished by the next one.
    """
    if stop:
        stopped = (folder / FILE).exists() and server.stop(folder)
        terminal.done("The server has stopped.") if stopped else terminal.kept("No server was running.")
        return
    if role is not None:
        show_sign_in(folder, role)
        return
    terminal.title(f"Confide demo in {folder}")
    if (folder / FILE).exists():
        demo_settings(folder)
    settings, made = make_instance(folder, {"demo": True, "port": free_port(), "token_seconds": 3600})
    if not made:
        terminal.kept("instance: settings, keys, certificate, databases")
    make_patients(settings, folder, count)
    make_accounts(settings, folder)
    serve(settings, folder)
    finish(folder)


def show_sign_in(folder: Path, role: str) -> None:
    """Sign in with a demo account and leave the token where curl finds it."""
    settings = demo_settings(folder)
    sign_in(settings, folder, role)
    terminal.done(f"Signed in as {role}; the token is in {header_file(folder, role)} and never on a command line. Try:")
    terminal.command(curl(settings, folder, role, "Patient"))
