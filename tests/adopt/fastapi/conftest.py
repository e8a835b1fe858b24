"""The town of the models, for applications."""

from __future__ import annotations

from tests.adopt.conftest import database, engine, session, town

__all__ = ["database", "engine", "session", "town"]
