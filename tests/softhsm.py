"""A real PKCS#11 token for tests: SoftHSM 2 from Debian's `softhsm2`, with its tokens in a folder of the run."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so")
CONFIGURATION = """directories.tokendir = {tokens}
objectstore.backend = file
log.level = ERROR
slots.removable = false
"""
VARIABLE = "SOFTHSM2_CONF"
LABEL, PIN, OFFICER_PIN = "confide tests", "1234567", "7654321"


class NoSoftHsm(Exception):
    """There is no usable SoftHSM; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token, and the library that speaks to it."""

    module: Path
    tokens: Path
    label: str
    pin: str = field(repr=False)

    def take_away(self) -> None:
        """Let the token go, as a device that is unplugged; what it holds stays."""
        self.tokens.rename(self._aside)

    def bring_back(self) -> None:
        """Plug it in again."""
        if self._aside.exists():
            shutil.rmtree(self.tokens, ignore_errors=True)
            self._aside.rename(self.tokens)

    @property
    def _aside(self) -> Path:
        return self.tokens.with_name("aside")


def make_token(folder: Path) -> Token:
    """Initialise a token in a folder, and point SoftHSM in this process to it.

    Raises:
        NoSoftHsm: it is not installed, or does not work.
    """
    module = next((Path(one) for one in MODULES if Path(one).is_file()), None)
    program = shutil.which("softhsm2-util")
    if module is None or program is None:
        message = "SoftHSM is not installed: run make system-packages as root, or install Debian's softhsm2"
        raise NoSoftHsm(message)
    tokens = folder / "tokens"
    tokens.mkdir(parents=True)
    configuration = folder / "softhsm2.conf"
    configuration.write_text(CONFIGURATION.format(tokens=tokens), encoding="utf-8")
    os.environ[VARIABLE] = str(configuration)
    command = [program, "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", OFFICER_PIN]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    if ended.returncode:
        message = f"SoftHSM makes no token: {ended.stderr[-500:]}"
        raise NoSoftHsm(message)
    return Token(module, tokens, LABEL, PIN)
