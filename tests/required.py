"""What a test does without something that it needs: it is skipped on a person's machine, and fails in CI, which must have everything."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """Skip with a reason; in CI, fail with it."""
    if os.environ.get("CI"):
        pytest.fail(f"CI must not go without: {reason}", pytrace=False)
    pytest.skip(reason)
