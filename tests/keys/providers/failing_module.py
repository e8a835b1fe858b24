"""Build `failing_module.c`: a PKCS#11 library that fails when it is told to."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.softhsm import Token

SOURCE = Path(__file__).with_name("failing_module.c")


class NoCompilerError(RuntimeError):
    """There is nothing to build it with."""


@dataclass(frozen=True, slots=True)
class FailingModule:
    """The library, and the folder in which files make it fail."""

    library: Path
    folder: Path

    def fail(self, how: str) -> None:
        """Fail as `how` says (`removed`, `hangs`) from now on."""
        (self.folder / how).touch()

    def mend(self) -> None:
        """Work again."""
        for one in ("removed", "hangs"):
            (self.folder / one).unlink(missing_ok=True)

    def logins(self) -> int:
        """Return how often anybody tried to log in."""
        counted = self.folder / "logins"
        return counted.stat().st_size if counted.exists() else 0


def build(folder: Path, token: Token) -> FailingModule:
    """Compile the library into a folder; behind it stands a copy of the token's own, with a state of its own.

    Raises:
        NoCompilerError: there is no C compiler.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        message = "there is no C compiler: run make system-packages as root"
        raise NoCompilerError(message)
    made = FailingModule(folder / "failing.so", folder / "failures")
    made.folder.mkdir()
    copied = shutil.copy(token.module, folder / "real.so")
    subprocess.run([compiler, "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", made.library, SOURCE, "-ldl"], check=True)
    os.environ["FAILING_MODULE"], os.environ["FAILING_FOLDER"] = str(copied), str(made.folder)
    return made
