"""Look every locked package up among known vulnerabilities, in a way that cannot fail open.

pip-audit ends well on a vulnerable package when its source merely has no advisories to give. So a package that is known to
be vulnerable is looked up first: where no source finds it, the audit proves nothing, says so and fails.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KNOWN_VULNERABLE = ("jinja2", "2.4.1")
"""Has had advisories in every database since 2014 (CVE-2014-1402, CVE-2016-10745, CVE-2019-10906)."""
ALLOW_OFFLINE = "CONFIDE_AUDIT_ALLOW_OFFLINE"
OSV_URL = "CONFIDE_AUDIT_OSV_URL"
"""Environment variable: ask only this service, which speaks the OSV query protocol (a mirror inside a closed network)."""
LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")
TIMEOUT_SECONDS = 900

Packages = dict[str, str]
"""Name to version."""


class NoAnswer(Exception):
    """The source could not be asked, or had nothing to say about a package."""


@dataclass(frozen=True, slots=True)
class Source:
    """A database of advisories, as pip-audit names it."""

    name: str
    options: tuple[str, ...]


def sources() -> tuple[Source, ...]:
    """Return the databases to try, in order; the first that knows the known hole is used."""
    own = os.environ.get(OSV_URL)
    if own:
        return (Source(own, ("--vulnerability-service", "osv", "--osv-url", own)),)
    return Source("PyPI", ("--vulnerability-service", "pypi")), Source("OSV", ("--vulnerability-service", "osv"))


def locked(locks: list[Path]) -> list[Packages]:
    """Return what the locks hold, whatever the platform. A second version of a name goes into a second group, and so on."""
    versions: dict[str, set[str]] = {}
    for lock in locks:
        for line in lock.read_text(encoding="utf-8").splitlines():
            found = LOCKED.match(line)
            if found:
                versions.setdefault(found[1].lower(), set()).add(found[2])
    most = max((len(several) for several in versions.values()), default=0)
    ordered = {name: sorted(several) for name, several in versions.items()}
    return [{name: several[turn] for name, several in ordered.items() if turn < len(several)} for turn in range(most)]


def vulnerabilities(source: Source, packages: Packages) -> dict[str, list[str]]:
    """Return the identifiers of the advisories on each vulnerable package.

    Raises:
        NoAnswer: pip-audit failed, or left a package out.
    """
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text("".join(f"{name}=={version}\n" for name, version in packages.items()), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "pip_audit",
            "--strict",
            "--no-deps",
            "--disable-pip",
            "--progress-spinner",
            "off",
            "--format",
            "json",
        ]
        ran = subprocess.run(
            [*command, *source.options, "--requirement", str(wanted)],
            check=False,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
    try:
        answers = json.loads(ran.stdout)["dependencies"]
    except (ValueError, KeyError) as error:
        raise NoAnswer(last_line(ran.stderr)) from error
    # Whatever the exit code says: an answer counts only when it speaks of every package that was asked about.
    spoken_of = {answer["name"].lower() for answer in answers if "vulns" in answer}
    if spoken_of != set(packages):
        message = f"nothing was said about {', '.join(sorted(set(packages) - spoken_of))}"
        raise NoAnswer(message)
    return {answer["name"]: [hole["id"] for hole in answer["vulns"]] for answer in answers if answer["vulns"]}


def last_line(text: str) -> str:
    """Return the last line that says something."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no output")


def answering() -> Source | None:
    """Return the first source that finds the known hole, or None; say what was wrong with the others."""
    name, version = KNOWN_VULNERABLE
    for source in sources():
        try:
            if vulnerabilities(source, {name: version}):
                return source
            print(f"{source.name}: knows nothing against {name} {version}, which is known to be vulnerable.", file=sys.stderr)
        except NoAnswer as error:
            print(f"{source.name}: {error}", file=sys.stderr)
    return None


def audit(source: Source, groups: list[Packages]) -> int:
    """Look all packages up, print what was found, return the exit code."""
    try:
        found = [(name, hole) for packages in groups for name, holes in vulnerabilities(source, packages).items() for hole in holes]
    except NoAnswer as error:
        print(f"{source.name} answered about a known hole, then no longer: {error}. The audit proves nothing.", file=sys.stderr)
        return 1
    for name, hole in found:
        print(f"VULNERABLE  {name}  {hole}", file=sys.stderr)
    total = sum(len(packages) for packages in groups)
    print(f"{total} locked packages looked up in {source.name}: {len(found)} known vulnerabilities.")
    return 1 if found else 0


def main(arguments: list[str]) -> int:
    """Audit the locks given, by default all of them; return the exit code."""
    locks = [Path(argument) for argument in arguments] or sorted(ROOT.glob("requirements*.lock"))
    groups = locked(locks)
    if not groups:
        print("No locked package was found: the audit proves nothing.", file=sys.stderr)
        return 1
    source = answering()
    if source is not None:
        return audit(source, groups)
    print("No advisory source answers: the audit proves nothing.", file=sys.stderr)
    if os.environ.get(ALLOW_OFFLINE) == "1":
        print(f"NOT AUDITED: {ALLOW_OFFLINE}=1 lets this pass. Nothing is known about {sum(map(len, groups))} packages.", file=sys.stderr)
        return 0
    print(f"Run it where one can be reached, name one in {OSV_URL}, or set {ALLOW_OFFLINE}=1 to go on without.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
