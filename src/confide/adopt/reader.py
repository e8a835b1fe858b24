"""What opens the values of one column, for one who acts and one action; it remembers whose it opened."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from confide.adopt.errors import NobodyActs, NotYours
from confide.crypto.envelope import FLAG_PADDED, HEADER_BYTES
from confide.keys.errors import KeyMissing
from confide.sealed.columns import places

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from threading import Event, Lock

    from confide.crypto.envelope import DataKey
    from confide.sealed.columns import Field
    from confide.values.ids import SubjectId
    from confide.values.permit import Permit
    from confide.values.place import Place

    Opener = Callable[[Place, bytes], bytes]
    Where = Callable[[Any], tuple[SubjectId, bytes]]
    Otherwise = Callable[[Any, Any, bytes], Any]

ENDED = (
    "The scope has ended in which this was to be opened, and its events are stored: what goes on after a request or a block takes a scope "
    "of its own, `with vault.acting(…)`."
)
_NOT_YOURS = "The value belongs to somebody else."
_REF, _FLAGS = slice(4, HEADER_BYTES), 2
"""Where the key reference and the flags stand in an envelope."""


class Reader:
    """One column."""

    __slots__ = ("_aside", "_ended", "_lock", "_opener", "_own", "_place", "of", "permit", "seen")

    def __init__(self, of: Field, permit: Permit, opener: Opener, own: SubjectId | None, lock: Lock, ended: Event) -> None:
        """Take the column, the permit and what opens values under it; the only person who may be opened, if there is one; lock and end."""
        self.of = of
        self.permit = permit
        self.seen: set[SubjectId] = set()
        """Whose values were opened and are not in the audit trail yet."""
        self._place = places(permit.principal.tenant, of)
        self._aside: set[SubjectId] = set()
        """The same, but for them nothing more may be opened without a look at the scope's end."""
        self._opener, self._own, self._lock, self._ended = opener, own, lock, ended

    def open(self, subject: SubjectId, row: bytes, envelope: bytes) -> Any:
        """Return the value of an envelope whose key is loaded; it is in the audit trail before the scope ends.

        Raises:
            NotYours, KeysError, CryptoError
        """
        if self._own is not None and self._own != subject:
            raise NotYours(_NOT_YOURS)
        plaintext = self._opener(self._place(subject, row), envelope)  # type: ignore[arg-type]  # `Here` has what a Place has
        self.note(subject)
        return self.of.value(envelope, plaintext)

    def note(self, subject: SubjectId) -> None:
        """Let the audit trail know whose value was read.

        Raises:
            NobodyActs: the scope has ended.
        """
        if subject not in self.seen:
            with self._lock:  # else `take` in another thread could miss it
                if self._ended.is_set():
                    raise NobodyActs(ENDED)
                self.seen.add(subject)

    def again(self, subject: SubjectId, row: bytes, envelope: bytes, key: DataKey) -> bytes:
        """Return a value sealed again under another key of its person; it is shown to nobody, and the caller owes the trail one event.

        Raises:
            NotYours, KeysError, CryptoError
        """
        if self._own is not None and self._own != subject:
            raise NotYours(_NOT_YOURS)
        place = self._place(subject, row)
        plaintext = self._opener(place, envelope)  # type: ignore[arg-type]  # `Here` has what a Place has
        return key.seal_cells([(place.context(), plaintext, envelope[_FLAGS])])[0]

    def opening(self, where: Where, loaded: Mapping[bytes, float], otherwise: Otherwise) -> Callable[[Any, Any, bytes], Any]:
        """Return what opens the values of the column in loaded rows: `open`, made as short as it can be.

        Args:
            where: tells of a row's values whose it is and what names it.
            loaded: until when keys are at hand.
            otherwise: opens a value whose key is not, or of a row that is not loaded whole; it is given what it was called with.
        """
        place, opener, own, decode = self._place, self._opener, self._own, self.of.decode

        def opened(row: Any, values: Any, envelope: bytes) -> Any:
            try:
                subject, name = where(values)
                if loaded.get(envelope[_REF], 0.0) < monotonic():
                    return otherwise(row, values, envelope)
                plaintext = opener(place(subject, name), envelope)  # type: ignore[arg-type]  # `Here` has what a Place has
            except (KeyError, KeyMissing):
                return otherwise(row, values, envelope)
            if own is not None and own != subject:
                raise NotYours(_NOT_YOURS)
            if subject not in self.seen:
                self.note(subject)
            return decode(plaintext.rstrip(b"\x00")[:-1] if envelope[_FLAGS] & FLAG_PADDED else plaintext)

        return opened

    def take(self) -> set[SubjectId]:
        """Return whose values were opened, and begin anew; the lock is held."""
        taken = self.owed
        self.seen, self._aside = set(), set()
        return taken

    def set_aside(self) -> None:
        """Keep for the audit trail whose values were opened, and let nothing more be opened; the lock is held."""
        self.seen, self._aside = set(), self.owed

    def put_back(self, subject: SubjectId) -> None:
        """Keep for the audit trail what could not be stored; the lock is held."""
        self._aside.add(subject)

    @property
    def owed(self) -> set[SubjectId]:
        """Whose values were opened and are not in the audit trail yet."""
        return self.seen | self._aside
