"""Write the pages of the reference that come out of the code: settings, command line, errors.

python -m tools.write_reference
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from confide.clinic import settings
from tools import reference_cli, reference_errors

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings.render,
    "cli.md": reference_cli.page,
    "errors.md": reference_errors.page,
}


def main() -> int:
    """Write every page; return the exit code."""
    for name, render in PAGES.items():
        (FOLDER / name).write_text(render(), encoding="utf-8")
        print((FOLDER / name).relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
