"""The root of every error that Confide raises on purpose."""

from __future__ import annotations

from typing import ClassVar


class ConfideError(Exception):
    """What happened and what to do, in one sentence that never holds a personal value."""

    code: ClassVar[str] = "confide.error"
