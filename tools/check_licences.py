"""Refuse a locked package whose licence would bind whoever uses Confide (GPL, AGPL, SSPL …): what is not allowed is refused."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

if TYPE_CHECKING:
    from importlib.metadata import PackageMetadata

ALLOWED = frozenset({
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "HPND", "ISC", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0",
    "Python-2.0", "Unlicense", "Zlib",
})  # fmt: skip
"""SPDX identifiers. MPL-2.0 binds changes to its own files only."""
SPELLINGS = {
    "apache 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd license": "BSD-3-Clause",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
}
"""What older packages write, and what it means."""
READ_BY_A_PERSON = {"pyrage": "MIT"}
"""Packages that state a licence in their files only: read there, and written down here."""
LOCKED = re.compile(r"^[A-Za-z0-9][^#\\]*==[^#\\]*")


def locked(lock: Path) -> list[str]:
    """Return the names that a lock installs on this platform."""
    lines = (LOCKED.match(line) for line in lock.read_text(encoding="utf-8").splitlines())
    wanted = [Requirement(line[0]) for line in lines if line]
    return [requirement.name for requirement in wanted if requirement.marker is None or requirement.marker.evaluate()]


def licence(name: str) -> str:
    """Return the licence of an installed package; empty when it states none, or is not installed."""
    if name in READ_BY_A_PERSON:
        return READ_BY_A_PERSON[name]
    try:
        return stated(metadata.metadata(name))
    except metadata.PackageNotFoundError:
        return ""


def stated(package: PackageMetadata) -> str:
    """Return the licence that a package's metadata states, as an SPDX expression where it can be had; empty when it states none."""
    expression = "".join(package.get_all("License-Expression") or [])
    short = "".join(package.get_all("License") or [])
    classifiers = [line.rpartition(" :: ")[2] for line in package.get_all("Classifier") or [] if line.startswith("License ::")]
    # A field of several lines is the licence's text, not its name.
    name = expression or ("" if "\n" in short else short) or " AND ".join(SPELLINGS.get(c.lower(), c) for c in classifiers)
    return SPELLINGS.get(name.lower(), name)


def is_allowed(expression: str) -> bool:
    """Tell whether one alternative of an SPDX expression holds allowed licences only."""
    flat = expression.replace("(", " ").replace(")", " ")
    return any(part.strip() and all(name.strip() in ALLOWED for name in part.split(" AND ")) for part in flat.split(" OR "))


def refused(lock: Path) -> dict[str, str]:
    """Return the licence of each locked package that may not be depended on."""
    licences = {name: licence(name) for name in locked(lock)}
    return {name: expression for name, expression in licences.items() if not is_allowed(expression)}


def main(arguments: list[str]) -> int:
    """Check the locks given; return the exit code."""
    bad = {name: expression for lock in arguments for name, expression in refused(Path(lock)).items()}
    for name, expression in bad.items():
        print(f"{name}: {expression or 'no stated licence'} is not among the allowed licences.", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
