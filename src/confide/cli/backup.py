"""`confide backup`: data and keys at one moment each, apart from each other, encrypted, and proven by restoring them.

The data are saved first and the keys after them, so every key that the data name is in the keys' backup, unless it was shredded in between.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click
import pyrage
import zstandard

from confide.cli import terminal
from confide.cli.databases import sources
from confide.cli.errors import BackupFailed
from confide.cli.instance import folder_option, run_in_house, settings_of, told
from confide.cli.sink import AGE, Encryption, open_sink, recipient_of
from confide.clinic.app import clock
from confide.store import migrate, snapshot
from confide.store.snapshot import Header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from confide.cli.databases import Source


SUFFIX = ".confide"
DAY = 86_400


def save(source: Source, folder: Path, encryption: Encryption, now: int, report: Callable[[int], None]) -> tuple[Path, dict[str, int]]:
    """Write one backup; return where it is, and how many rows of each table it holds."""
    stamp = datetime.fromtimestamp(now / 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    path = folder / f"{source.which.value}-{stamp}{SUFFIX}"
    revision = migrate.revisions(source.which)[-1]
    header = Header(snapshot.FORMAT, source.which.value, revision, now)
    with open_sink(path, encryption) as sink, zstandard.ZstdCompressor(write_checksum=True).stream_writer(sink, closefd=False) as packed:
        counts = asyncio.run(snapshot.save(source.url, source.metadata, header, packed, without=source.without, report=report))
    return path.with_name(path.name + AGE), counts


@contextmanager
def opened(path: Path, identities: list[pyrage.x25519.Identity]) -> Iterator[IO[bytes]]:
    """Yield the snapshot inside an encrypted backup, as a stream; it is decrypted into a file without a name, for this process only.

    Raises:
        BackupFailed: it is not encrypted to one of the identities, or not whole.
    """
    with tempfile.TemporaryFile() as plain:
        try:
            with path.open("rb") as sealed:
                pyrage.decrypt_io(sealed, plain, identities)
        except (pyrage.DecryptError, OSError):
            message = f"{path} does not open with this identity, or is not whole: look for the right identity, or for another backup."
            raise BackupFailed(message) from None
        plain.seek(0)
        with zstandard.ZstdDecompressor().stream_reader(plain) as unpacked:
            yield unpacked


def verify(source: Source, path: Path, identity: pyrage.x25519.Identity, counts: dict[str, int]) -> None:
    """Restore a backup into a database of its own and compare.

    Raises:
        BackupFailed: the restored rows are not those that were saved.
    """
    with tempfile.TemporaryDirectory(prefix="confide-verify-") as folder:
        url = f"sqlite:///{Path(folder) / 'restored.db'}"
        migrate.upgrade(url, source.which)
        with opened(path, [identity]) as stream:
            _, parts = snapshot.read(stream)
            restored = snapshot.load(url, source.metadata, parts, lambda _count: None)
    if restored != {name: number for name, number in counts.items() if number}:
        message = f"The backup {path} was restored for a test and does not hold what was saved: take another one."
        raise BackupFailed(message)


@click.command("backup")
@click.option("--data-to", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the backup of the data.")
@click.option("--keys-to", required=True, type=click.Path(file_okay=False, path_type=Path), help="Another folder, for that of the keys.")
@click.option("--recipient", "recipients", required=True, multiple=True, help="An age public key (age1…) that opens it; may be repeated.")
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
def command(*, data_to: Path, keys_to: Path, recipients: tuple[str, ...], folder: Path, as_json: bool) -> None:
    """Back the data and the keys up, apart, encrypted, while the server goes on; each is restored for a test before it counts.

    Keep backups of keys no longer than an epoch and its grace time: older ones open nothing, since their epoch's key is destroyed.
    Neither holds a key of the provider, the search index, sessions or the shred ledger.
    """
    settings = settings_of(folder)
    if data_to.resolve() == keys_to.resolve():
        message = "Name two folders: whoever holds the backups of data and keys together needs one secret less."
        raise click.UsageError(message)
    witness = pyrage.x25519.Identity.generate()  # opens the backup for the test alone, and is forgotten with this process
    chosen = tuple(recipient for text in recipients for recipient in recipient_of(text).recipients)
    encryption = Encryption((*chosen, witness.to_public()))
    made = []
    for source, target in zip(sources(settings), (data_to, keys_to), strict=True):
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        with terminal.progress(quiet=as_json) as bar:
            task = bar.add_task(f"Saving {source.which.value}", total=None, beside="")
            path, counts = save(source, target, encryption, clock(), partial(bar.advance, task))
        verify(source, path, witness, counts)
        made.append({"which": source.which.value, "path": str(path), "rows": sum(counts.values()), "bytes": path.stat().st_size})
        if not as_json:
            terminal.done(f"{path}: {sum(counts.values()):,} rows, restored for a test")
    run_in_house(settings, lambda house: told(house, "backup"))
    if as_json:
        terminal.machine(made)
    else:
        horizon = settings.policy.epoch + settings.policy.grace
        terminal.note(f"Keep backups of keys for {horizon // DAY} days at most, those of data for {settings.backup_days} (backup_days).")
