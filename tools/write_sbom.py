"""Write the bill of materials of what an operator installs: CycloneDX JSON, the same bytes for the same lock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "build" / "sbom.json"
SPECIFICATION = "1.6"
"""Of CycloneDX; the newest that common scanners read."""


def write(lock: Path, target: Path, *, validate: bool = True) -> None:
    """Turn a lock into a bill of materials, and hold it against the specification's schema (which takes five seconds).

    Raises:
        subprocess.CalledProcessError: the lock cannot be read; the reason stands on standard error.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    options = [
        "--pyproject",
        str(ROOT / "pyproject.toml"),
        "--mc-type",
        "application",
        "--sv",
        SPECIFICATION,
        "--output-reproducible",
        "--validate" if validate else "--no-validate",
    ]
    # A lock is a list, not a graph; the tool warns of that each time.
    quiet = ["-W", "ignore::UserWarning"]
    subprocess.run([sys.executable, *quiet, "-m", "cyclonedx_py", "requirements", *options, "--output-file", target, lock], check=True)


def main() -> int:
    """Write build/sbom.json; return the exit code."""
    write(ROOT / "requirements.lock", TARGET)
    print(TARGET.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
