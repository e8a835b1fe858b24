"""`make show-vault`: providers that go away, rotations that are killed, erasures against restored backups, losses.

Ends with status 1 if anything acknowledged is lost, anything erased comes back, or a failure is not told in a sentence.
"""

from __future__ import annotations

import argparse
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random  # noqa: TID251 - a seed repeats a run; no secret comes of it
from typing import TYPE_CHECKING

from tests.ground import ROOT
from tests.vault import outage, rotation

if TYPE_CHECKING:
    from collections.abc import Sequence

SUITES = {
    "providers": ["tests/keys/providers"],
    "erasure, kills and restores": ["tests/rights", "tests/cli/test_backup.py", "tests/cli/test_kit.py"],
    "rotation and ledger": ["tests/keys/test_rotation.py", "tests/clinic/records/test_reseal.py"],
    "any flipped bit, any moved value": ["tests/crypto/test_envelope.py", "tests/keys/test_hierarchy.py"],
}
"""Facts that pytest shows; each is run, and its own closing line is shown."""


def suite(name: str, paths: Sequence[str]) -> tuple[bool, str]:
    """Run one suite; return whether it passed, and its line."""
    ran = subprocess.run([sys.executable, "-m", "pytest", "-q", "-n", "2", *paths], check=False, capture_output=True, text=True, cwd=ROOT)
    said = ran.stdout.strip().splitlines()
    if ran.returncode:
        print("\n".join(said[-20:]))
    return ran.returncode == 0, f"{name}: {said[-1].strip('= ') if said else 'nothing was run'}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Show it; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.show.vault", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=None, help="repeat a run")
    seed = parser.parse_args(arguments).seed
    seed = secrets.randbits(32) if seed is None else seed
    lines, good = [f"seed {seed}"], True
    with tempfile.TemporaryDirectory(prefix="confide-vault-") as scratch:
        for part in ("outage", "rotation"):
            (Path(scratch) / part).mkdir()
        print("a provider goes away, twice …", flush=True)
        away = outage.run(Path(scratch) / "outage")
        print("every rotation is killed under load …", flush=True)
        turned = rotation.run(Path(scratch) / "rotation", Random(seed))  # noqa: S311 - no secret comes of it
    for one in (away, turned):
        lines.append(one.line())
        for fault in one.faults[:10]:
            print(f"  fault: {fault}")
        good = good and not one.faults
    for name, paths in SUITES.items():
        print(f"{name} …", flush=True)
        passed, line = suite(name, paths)
        lines.append(line)
        good = good and passed
    print("\n".join(lines))
    print("the vault holds" if good else "FAILED: see above")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
