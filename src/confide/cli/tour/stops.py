"""The stops of the tour. Each says what it shows, shows it, checks it, and prints how to repeat it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from confide.cli import audit, terminal
from confide.cli.demonstration import accounts
from confide.cli.demonstration.session import client, post
from confide.cli.instance import run_in_house
from confide.cli.tour import tamper
from confide.cli.tour.walk import claim, sql_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from confide.cli.tour.walk import Walk

LINE, LINES = 16, 4
CONDITIONS = 3
LONG_ENOUGH = 5
"""Bytes; anything shorter occurs in ciphertext by chance."""
EVENTS = 500


def signing_in(walk: Walk) -> None:
    """Password and one-time code, over TLS from the instance's own authority."""
    account = accounts.read(walk.folder)["clinician"]
    with client(walk.settings) as http:
        refused = post(http, account, None)
    claim(refused.status_code == httpx.codes.UNAUTHORIZED, "the password alone does not sign the clinician in (401)")
    claim(bool(walk.token("clinician")), "password and one-time code do; the certificate was checked against tls/ca.pem")
    terminal.command(terminal.shown("demo", "--folder", walk.folder, "--sign-in", "clinician"))


def reading(walk: Walk) -> None:
    """A clinician reads a chart."""
    seen = walk.chart()
    patient: dict[str, Any] = msgspec.json.decode(seen.body)
    terminal.note(
        f"  {' '.join(patient['name'][0]['given'])} {patient['name'][0]['family']}, {patient['gender']}, born {patient['birthDate']}"
    )
    address = f"Condition?patient={seen.id}&_count=50"
    found = [entry["resource"] for entry in walk.get("clinician", address).json().get("entry", [])]
    named = [(one.get("onsetDateTime", "")[:10], one["code"]["coding"][0].get("display", "a condition")) for one in found]
    # Synthea codes employment and overdue reviews as conditions as well; a reader knows disorders.
    for onset, display in sorted(named, key=lambda one: not one[1].endswith("(disorder)"))[:CONDITIONS]:
        terminal.note(f"  {onset}  {display}")
    claim(bool(found), "the clinician reads the chart")
    terminal.command(walk.curl("clinician", f"Patient/{seen.id}"))
    terminal.command(walk.curl("clinician", address))


def raw_bytes(walk: Walk) -> None:
    """The same row, as whoever steals the database sees it."""
    seen = walk.chart()
    with walk.database() as database:
        _, _, sealed, _ = database.execute(tamper.ROW, (bytes.fromhex(seen.id.replace("-", "")),)).fetchone()
    shown = sealed[: LINE * LINES]
    for at in range(0, len(shown), LINE):
        part = shown[at : at + LINE]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)  # noqa: PLR2004 - printable ASCII
        terminal.note(f"  {at:04x}  {part.hex(' ')}  {text}")
    terminal.note("  e1 envelope · 02 suite · 01 compressed · 8 bytes that name the person's key · ciphertext")
    names = [name.encode() for name in seen.names if len(name.encode()) >= LONG_ENOUGH]
    content = b"".join(path.read_bytes() for path in sorted(walk.folder.glob("*.db*")))
    claim(
        b"Patient" in content, f"a search of the databases finds what is in the clear, like the word Patient ({len(content) / 1e6:.1f} MB)"
    )
    claim(bool(names) and not any(name in content for name in names), f"and none of {len(names)} names and identifiers of this person")
    terminal.command(sql_command(walk.folder / walk.data_file().name, tamper.SHOWN.replace("?", f"x'{seen.id.replace('-', '')}'")))
    terminal.command(f"grep -c {shlex.quote(seen.names[0])} {shlex.quote(str(walk.folder))}/*.db*")


def own_chart(walk: Walk) -> None:
    """The compartment is part of the SQL of every query: a patient sees one chart, and the others do not exist."""
    total = len(walk.get("clinician", "Patient?_count=50").json().get("entry", []))
    found = walk.get("patient", "Patient?_count=50").json()
    own = {entry["resource"]["id"] for entry in found.get("entry", [])}
    claim(len(own) == 1, f"the patient's search finds 1 Patient, where the clinician's finds {total}")
    others = walk.get("clinician", "Patient?_count=50").json()
    other = next((entry["resource"]["id"] for entry in others["entry"] if entry["resource"]["id"] not in own), None)
    if other is not None:
        answer = walk.get("patient", f"Patient/{other}")
        claim(answer.status_code == httpx.codes.NOT_FOUND, "another chart is not forbidden to them, it is not there (404)")
        terminal.command(walk.curl("patient", f"Patient/{other}"))


def administrator(walk: Walk) -> None:
    """Who administers accounts sees no chart."""
    seen = walk.chart()
    for role in ("administrator", "auditor"):
        answer = walk.get(role, f"Patient/{seen.id}")
        denied = answer.status_code == httpx.codes.FORBIDDEN and not any(name in answer.text for name in seen.names)
        claim(denied, f"the {role} is refused the chart (403)")
    terminal.command(walk.curl("administrator", f"Patient/{seen.id}"))


def moved(walk: Walk) -> None:
    """Someone with access to the database puts another ciphertext of the same person, under the same key, into the row."""
    seen = walk.chart()
    with tamper.moved_ciphertext(walk, seen.id):
        answer = walk.get("clinician", f"Patient/{seen.id}")
    terminal.note(f"  {answer.json()['issue'][0]['diagnostics']}")
    claim(
        answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR, "the moved ciphertext does not open, and nothing of it is answered (500)"
    )
    again = walk.get("clinician", f"Patient/{seen.id}")
    claim(again.content == seen.body, "put right, the chart is read again, byte for byte")
    terminal.command(terminal.shown("tour", "--folder", walk.folder, "--only", "moved"))


def audited(walk: Walk) -> None:
    """There is no answer that holds a record without its audit event: the read of the second stop is in the trail."""
    seen = walk.chart()
    events = run_in_house(walk.settings, lambda house: audit.show(house, EVENTS))
    found = [(sequence, msgspec.json.decode(body), body) for sequence, body in events]
    mine = [(sequence, event, body) for sequence, event, body in found if event.get("request") == seen.request]
    for sequence, event, _ in mine:
        terminal.columns([audit.HEADINGS, audit.line(sequence, event)])
    claim(
        len(mine) == 1 and mine[0][1]["role"] == "clinician" and mine[0][1]["action"] == "read" and len(mine[0][1]["patients"]) == 1,
        f"the trail tells who read whose chart, under the request id {seen.request}",
    )
    body: bytes = mine[0][2]
    claim(not any(name.encode() in body for name in (*seen.names, seen.id)), "in pseudonyms: no name and no identifier is in it")
    terminal.command(terminal.shown("audit", "show", "-n", "20", "--folder", walk.folder))


STOPS: tuple[tuple[str, str, Callable[[Walk], None]], ...] = (
    ("sign-in", "Sign in as clinician", signing_in),
    ("read", "Read a chart", reading),
    ("raw", "The same row in the database", raw_bytes),
    ("patient", "A patient looks around", own_chart),
    ("administrator", "An administrator is curious", administrator),
    ("moved", "A ciphertext is moved to another row", moved),
    ("audit", "What the audit trail says", audited),
)
