"""The ward of the identity tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.identity.ward import Ward, open_ward

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def ward(store_url: str, tmp_path: Path) -> AsyncIterator[Ward]:
    """Identity on an empty database of each kind."""
    async with open_ward(store_url, tmp_path) as opened:
        yield opened
