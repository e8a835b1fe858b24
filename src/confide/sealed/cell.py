"""What a model holds in place of a personal value: the envelope as it was stored, or a cell with the value that the program set.

Neither prints, and a pickle holds the envelope alone.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from confide.sealed.errors import NotSealed

if TYPE_CHECKING:
    from typing import SupportsIndex

SHOWN = "<sealed>"


class Envelope(bytes):
    """The stored bytes of a sealed value. A type of its own, so that bytes out of the program are never taken for it."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return a form without the content: an envelope is no secret, but no log needs it."""
        return SHOWN

    __str__ = __repr__


class Cell:
    """A value that the program set, in the clear and in memory only; its envelope as well, once the row was stored."""

    __slots__ = ("envelope", "value")

    def __init__(self, value: Any, envelope: bytes | None = None) -> None:
        """Take the value, and its envelope where it has one."""
        self.value = value
        self.envelope = envelope

    def __repr__(self) -> str:
        """Return a form without the value."""
        return SHOWN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        """Return the same form, whatever is asked for."""
        return SHOWN

    def __eq__(self, other: object) -> bool:
        """Return whether both are stored as the same bytes; where one is not stored yet, whether they hold the same value."""
        if isinstance(other, Cell):
            if self.envelope is not None and other.envelope is not None:
                return bytes(self.envelope) == bytes(other.envelope)
            return bool(type(self.value) is type(other.value) and self.value == other.value)
        return self.envelope is not None and isinstance(other, Envelope) and bytes(self.envelope) == bytes(other)

    __hash__ = object.__hash__

    def __deepcopy__(self, memo: dict[int, Any]) -> Cell:
        """Return a cell of its own for a copied row."""
        return Cell(deepcopy(self.value, memo), self.envelope)

    def __copy__(self) -> Cell:
        """Return a cell of its own."""
        return Cell(self.value, self.envelope)

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        """Return the envelope for a pickle, and nothing else.

        Raises:
            NotSealed: the value was not stored yet; a pickle would hold it in the clear.
        """
        if self.envelope is None:
            message = "A personal value that was not stored yet cannot be pickled: store the row first."
            raise NotSealed(message)
        return Envelope, (bytes(self.envelope),)
