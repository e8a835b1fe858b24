"""A model that prints itself does not print what is personal: `repr`, `str` and `format` of the backend's own see it sealed."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn

from confide.adopt.errors import NobodyActs
from confide.adopt.scope import SCOPE, Scope

if TYPE_CHECKING:
    from collections.abc import Callable


def _nothing(*_given: object) -> NoReturn:
    message = "Nothing is opened to be printed."
    raise NobodyActs(message)


PRINTING = Scope("", _nothing)  # nobody acts in it, ever
"""The scope in which a model prints itself: nothing opens in it."""
_MARK = "__confide_redacted__"


def redact(model: type) -> None:
    """Let the model's own text forms run where nothing opens."""
    for name in ("__repr__", "__str__", "__format__"):
        original = getattr(model, name)
        if original is not getattr(object, name) and not hasattr(original, _MARK):
            setattr(model, name, _redacted(original))


def _redacted(original: Callable[..., str]) -> Callable[..., str]:
    @wraps(original)
    def shown(self: Any, *given: Any) -> str:
        before = SCOPE.set(PRINTING)
        try:
            return original(self, *given)
        finally:
            SCOPE.reset(before)

    setattr(shown, _MARK, True)
    return shown
