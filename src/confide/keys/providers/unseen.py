"""What shows nobody its content."""

from __future__ import annotations


class Unseen:
    """The base of what holds keys or credentials: its text form is its name alone, and it is neither pickled nor copied."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return a form without the content."""
        return f"{type(self).__name__}(…)"

    def __reduce__(self) -> tuple[object, ...]:
        """Refuse to be pickled or copied: a key must not leave the process."""
        message = f"{type(self).__name__} cannot be pickled: it holds secrets"
        raise TypeError(message)
