"""The attribute of a column that is being migrated: rows that are not sealed yet are read as they were, counted, and not for ever.

Whatever the backend writes is sealed, and takes the value in the clear away in the same statement.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from confide.adopt.errors import NotYours
from confide.adopt.identifiers import as_bytes
from confide.adopt.redact import PRINTING
from confide.adopt.scope import SCOPE, current
from confide.adopt.sqlalchemy.attribute import PersonalAttribute
from confide.adopt.sqlalchemy.deadline import check_time
from confide.adopt.sqlalchemy.described import describe
from confide.sealed.cell import SHOWN
from confide.values.ids import NO_SUBJECT, SubjectId

if TYPE_CHECKING:
    from confide.adopt.scope import Scope
    from confide.adopt.sqlalchemy.described import Bound

PLAIN_READS: Counter[str] = Counter()
"""How often this process read a value that was not sealed yet, by column."""


class MigratingAttribute(PersonalAttribute):
    """As any personal attribute, but for rows whose value is still in the clear."""

    __slots__ = ()
    inherit_cache = True

    def __get__(self, instance: object | None, owner: Any) -> Any:
        """Return the value; one in the clear takes someone who acts as well.

        Raises:
            MigrationOver: the migration should have been finished by now.
            NobodyActs, Denied, NotYours, KeysError, CryptoError, TimedOut
        """
        value = super().__get__(instance, owner)
        if value is not None or instance is None:
            return value
        return self._still_plain(instance)

    def _still_plain(self, instance: object) -> Any:
        described = describe(self.parent.mapper)
        if described is None or self.key in instance._sa_instance_state.committed_state:  # type: ignore[attr-defined]  # noqa: SLF001 - SQLAlchemy's own name
            return None
        bound = described.bound[self.key]
        plain = getattr(instance, bound.was)
        if plain is None:
            return None
        if SCOPE.get() is PRINTING:
            return SHOWN
        note_plain(current(), bound, getattr(instance, bound.person.key))
        return plain


def note_plain(scope: Scope, bound: Bound, owner: Any) -> None:
    """Count that a value in the clear is read, and let the audit trail know whose it is, where that is known before it is sealed.

    Raises:
        MigrationOver, NobodyActs, Denied, NotYours
    """
    subject = NO_SUBJECT if owner is None else SubjectId(as_bytes(owner))
    reader = scope.reader(bound.field)
    if scope.own is not None and scope.own != subject:
        message = "The value belongs to somebody else."
        raise NotYours(message)
    check_time(bound)
    PLAIN_READS[bound.field.name] += 1
    reader.note(subject)
