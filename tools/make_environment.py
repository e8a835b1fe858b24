"""Make a virtual environment out of one hash-locked file, with nothing but Python's own library.

Run by the Makefile with the machine's Python: `python3 tools/make_environment.py .venv requirements-dev.lock`.
uv installs (seconds); where its wheel cannot run, or does not reach the index that pip reaches, pip installs the same
lock (minutes). Both refuse a file whose SHA-256 is not in the lock. A second run with nothing changed takes a glance.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:
    sys.exit(f"Confide needs Python 3.11 or newer; this is {sys.version.split()[0]}. Name another with `make PYTHON=…`.")

ROOT = Path(__file__).resolve().parent.parent
UV_LOCK = ROOT / "requirements-uv.lock"
UV_ENVIRONMENT = ROOT / ".cache" / "uv"
STAMP = ".made-from"


class CannotMake(Exception):
    """The environment cannot be made; the message says what to do."""


def fingerprint(lock: Path) -> str:
    """Return what an environment depends on: the locks, the project's own declaration and the interpreter."""
    seen = hashlib.sha256(f"{sys.version}\0{sys.base_prefix}\0{ROOT}\0".encode())
    for path in (lock, UV_LOCK, Path(__file__)):
        seen.update(hashlib.sha256(path.read_bytes()).digest())
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    seen.update(repr((declared["build-system"], declared["project"])).encode())
    return seen.hexdigest()


def is_made(environment: Path, wanted: str) -> bool:
    """Tell whether the environment was completely made from the same inputs."""
    stamp = environment / STAMP
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted and (environment / "bin" / "python").exists()


def run(*command: str | Path, quiet: bool = False) -> bool:
    """Run a command and tell whether it succeeded; `quiet` hides what it says when a second way is left."""
    hidden = subprocess.DEVNULL if quiet else None
    return subprocess.run([str(part) for part in command], check=False, stdout=hidden, stderr=hidden, env=surroundings()).returncode == 0


def surroundings() -> dict[str, str]:
    """Return the process environment with pip's index, where one is set, told to uv as well."""
    known = dict(os.environ)
    mirror = known.get("PIP_INDEX_URL")
    if mirror:
        known.setdefault("UV_DEFAULT_INDEX", mirror)
    known.pop("VIRTUAL_ENV", None)
    known["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    return known


def make_empty(environment: Path, *, with_pip: bool) -> None:
    """Make an empty environment in the place of whatever stood there.

    Raises:
        CannotMake: the interpreter came without `venv` or `ensurepip` (Debian packs them apart).
    """
    if environment.exists():
        shutil.rmtree(environment)
    try:
        venv.create(environment, with_pip=with_pip, symlinks=True)
    except (subprocess.CalledProcessError, ImportError, OSError) as error:
        shutil.rmtree(environment, ignore_errors=True)
        message = "This Python cannot make a virtual environment: run `make system-packages` (Debian: apt-get install python3-venv)."
        raise CannotMake(message) from error


def installers() -> tuple[Path, Path | None]:
    """Return the Python that has pip, and uv where its wheel runs here.

    Raises:
        CannotMake: as `make_empty`.
    """
    python, uv = UV_ENVIRONMENT / "bin" / "python", UV_ENVIRONMENT / "bin" / "uv"
    wanted = fingerprint(UV_LOCK)
    if not is_made(UV_ENVIRONMENT, wanted):
        make_empty(UV_ENVIRONMENT, with_pip=True)
        run(python, "-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary=:all:", "-r", UV_LOCK)
        (UV_ENVIRONMENT / STAMP).write_text(wanted, encoding="utf-8")
    return python, uv if uv.exists() and run(uv, "--version", quiet=True) else None


def install(environment: Path, lock: Path) -> None:
    """Install the lock, then this checkout itself, editable and without fetching anything more.

    Raises:
        CannotMake: neither uv nor pip could install.
    """
    pip, uv = installers()
    python = environment / "bin" / "python"
    if uv is not None:
        loudness = () if sys.stdout.isatty() else ("--quiet",)  # a person waits better with a progress bar
        sync = (uv, "pip", "sync", *loudness, "--system-certs", "--no-config", "--require-hashes", "--python", python, lock)
        if run(*sync):
            itself = (uv, "pip", "install", "--quiet", "--no-config", "--offline", "--no-deps", "--no-build-isolation")
            if run(*itself, "--python", python, "--editable", ROOT):
                return
        print("uv did not succeed: pip installs the same lock, which takes a few minutes.", flush=True)
    by_pip = (pip, "-m", "pip", "--python", python, "install", "--quiet")
    if run(*by_pip, "--require-hashes", "--no-deps", "-r", lock) and run(
        *by_pip, "--no-deps", "--no-build-isolation", "--no-index", "--editable", ROOT
    ):
        return
    message = f"The packages of {lock.name} could not be installed: the lines above say why. Is a Python package index within reach?"
    raise CannotMake(message)


def make(environment: Path, lock: Path) -> None:
    """Make the environment unless it is already what the lock asks for.

    Raises:
        CannotMake: as `make_empty` and `install`.
    """
    wanted = fingerprint(lock)
    if is_made(environment, wanted):
        return
    print(f"Making {environment} from {lock.name} (hash-locked) …", flush=True)
    make_empty(environment, with_pip=False)
    install(environment, lock)
    (environment / STAMP).write_text(wanted, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Make the environment named first from the lock named second; return the exit code."""
    environment, lock = arguments
    try:
        make(ROOT / environment, ROOT / lock)
    except CannotMake as error:
        print(f"{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
