"""A real server, over TLS, for clients that we did not write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import ground

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ground import Ground


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A signed-in instance whose server runs as a process of its own, with a certificate of the instance's own authority."""
    made = ground.make(tmp_path_factory.mktemp("served") / "instance")
    server = ground.start(made)
    yield made
    server.stop()
