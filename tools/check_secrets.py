"""Refuse anything in the checkout that looks like a secret and is not in `.secrets.baseline`.

`--accept` writes the baseline anew, after a person has looked at each new entry. A single harmless line may say so itself:
`# pragma: allowlist secret`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ".secrets.baseline"
GENERATED = r"(^|/)(requirements[^/]*\.lock|\.secrets\.baseline|tests/vectors/.*|.*\.lock)$|/fhir/.*\.json$"
"""Hashes, published vectors and compiled definitions are all entropy and no secret."""


def files(folder: Path) -> list[str]:
    """Return what git has or would add: not what is generated."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], check=True, capture_output=True, text=True, cwd=folder
    )
    return sorted(name for name in listed.stdout.split("\0") if name and (folder / name).is_file())


def scan(folder: Path, program: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run one of detect-secrets' programs over the checkout, without asking any network whether a secret is valid."""
    code = f"import sys; from detect_secrets.{program} import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *options, "--no-verify", "--exclude-files", GENERATED]
    return subprocess.run([*command, *files(folder)], check=False, capture_output=True, text=True, cwd=folder)


def accept(folder: Path) -> int:
    """Write the baseline anew; return the exit code."""
    ran = scan(folder, "main", "scan")
    if ran.returncode == 0:
        (folder / BASELINE).write_text(ran.stdout, encoding="utf-8")
    print(ran.stderr, file=sys.stderr, end="")
    return ran.returncode


def check(folder: Path) -> int:
    """Print what is new and return the exit code."""
    ran = scan(folder, "pre_commit_hook", "--baseline", BASELINE)
    if ran.returncode:
        print(ran.stdout + ran.stderr, file=sys.stderr, end="")
        print("No secret? Mark its line with `# pragma: allowlist secret`, or run tools/check_secrets.py --accept.", file=sys.stderr)
    return ran.returncode


def main(arguments: list[str]) -> int:
    """Check the checkout, or another folder; return the exit code."""
    folder = Path(next((argument for argument in arguments if not argument.startswith("--")), ROOT))
    return accept(folder) if "--accept" in arguments else check(folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
