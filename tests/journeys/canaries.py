"""Values that must never be found on disk, every form in which they might be, and the search through every byte."""

from __future__ import annotations

import base64
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LETTERS = "bcdfghjklmnpqrstvwxz"
"""No vowels, so that a canary is no word of anything; lower case, so that what is normalised for search still equals it."""
LENGTH, CORE = 24, 10
"""A stored part of a value betrays it as well: its first and last ten letters are searched for. By chance they occur once in 10¹³ bytes."""
OVERLAP = 256
"""Longer than any form, so that none hides between two blocks."""
BLOCK = 8 * 1024 * 1024


@dataclass
class Canaries:
    """The planted values by where they were planted."""

    planted: dict[str, str] = field(default_factory=dict, repr=False)

    def new(self, where: str) -> str:
        """Return a value that is nowhere else."""
        value = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        self.planted[where] = value
        return value

    def keep(self, where: str, value: str) -> str:
        """Remember a value that was made elsewhere, such as a bearer token."""
        self.planted[where] = value
        return value


@dataclass(frozen=True)
class Finding:
    """A value that was found: where it was planted, in which form, in which file and where."""

    planted: str
    form: str
    file: str
    offset: int


def forms(value: str) -> dict[str, bytes]:
    """Return what to search for: each end of the value in each encoding."""
    found: dict[str, bytes] = {}
    for end, part in (("first", value[:CORE]), ("last", value[-CORE:])):
        plain = part.encode()
        wide = {"UTF-8": plain, "UTF-16LE": part.encode("utf-16-le"), "UTF-16BE": part.encode("utf-16-be")}
        found.update({f"{name}, {end}": encoded for name, encoded in wide.items()})
        for name, encoded in wide.items():
            found[f"hex of {name}, {end}"] = encoded.hex().encode()
            found[f"HEX of {name}, {end}"] = encoded.hex().upper().encode()
            for shift in range(3):
                found[f"base64 of {name} shifted by {shift}, {end}"] = _base64(encoded, shift)
                found[f"base64url of {name} shifted by {shift}, {end}"] = _base64(encoded, shift).translate(bytes.maketrans(b"+/", b"-_"))
        found[f"upper case, {end}"] = plain.upper()
        found[f"percent-encoded, {end}"] = quote(part).encode()
    return found


def _base64(value: bytes, shift: int) -> bytes:
    """Return the letters that a value surely leaves in base64 behind `shift` other bytes, whatever follows it."""
    encoded = base64.b64encode(bytes(shift) + value)
    first = -(-shift * 4 // 3)  # the letter that shares bits with what is before it says nothing
    last = (shift + len(value)) * 8 // 6
    return encoded[first:last]


def scan(canaries: Mapping[str, str], *roots: Path) -> tuple[list[Finding], int, int]:
    """Search every byte of every file; return what was found, how many files and how many bytes were searched."""
    wanted = {form: (where, name) for where, value in canaries.items() for name, form in forms(value).items()}
    findings, files, size = [], 0, 0
    for root in roots:
        for path in files_of(root):
            files += 1
            for offset, block in blocks(path):
                size += len(block)
                for form, (where, name) in wanted.items():
                    at = block.find(form)
                    if at >= 0:
                        findings.append(Finding(where, name, str(path.relative_to(root)), offset + at))
    return findings, files, size


def files_of(root: Path) -> Iterator[Path]:
    """Yield every file, those as well that a database server made or renamed while others were being looked at."""
    seen: set[Path] = set()
    while new := {one for one in root.rglob("*") if one.is_file() and not one.is_symlink()} - seen:
        yield from sorted(new)
        seen |= new


def blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the content of a file in blocks that overlap; nothing where it is gone by now."""
    offset = 0
    with suppress(FileNotFoundError), path.open("rb") as file:
        while block := file.read(BLOCK):
            yield offset, block
            if len(block) < BLOCK:
                return
            offset += BLOCK - OVERLAP
            file.seek(offset)
