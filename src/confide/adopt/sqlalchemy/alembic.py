"""For a backend's `env.py`: how Alembic writes down the type of a sealed column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from confide.adopt.sqlalchemy.stored import Sealed

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext


def render_item(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    """Return the text of a sealed type, and its import; `context.configure(render_item=render_item, …)`."""
    if kind == "type" and isinstance(item, Sealed):
        context.imports.add("from confide.adopt.sqlalchemy.stored import Sealed")
        return "Sealed()"
    return False
