"""What adopting changes in an example, as `diff` shows it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LINES = 40
"""Lines that adopting Confide may add or take away."""


def sources(example: Path) -> list[Path]:
    """What a person wrote of the backend of before."""
    return [path for path in sorted((example / "before").rglob("*.py")) if path.parent.name != "migrations"]


def difference(example: Path) -> list[str]:
    """The unified diff of both variants, without times."""
    shown: list[str] = []
    for before in sources(example):
        name = before.relative_to(example / "before")
        old, new = ((example / variant / name).read_text(encoding="utf-8").splitlines() for variant in ("before", "after"))
        shown += difflib.unified_diff(old, new, f"before/{name}", f"after/{name}", lineterm="", n=1)
    return shown


def changes(example: Path) -> int:
    """How many lines were added or taken away."""
    return sum(line[:3] not in {"+++", "---"} and line[0] in "+-" for line in difference(example))
