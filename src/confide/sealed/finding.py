"""How personal columns are found without being opened: which entries of the blind index a value has, and which a search looks for.

Two ways, chosen by what a column holds. An *identifier* (an e-mail address, an account number) nearly always has one row, so equal values
may share one keyed hash, and a database can keep it unique. Anything else (a name, a birth date, a city) is common to many rows: there
every row has a token of its own (`sealed.salts`), so that a stolen index does not show how common a value is.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from confide.datamap.terms import Category
from confide.sealed import days, phonetic, strings
from confide.sealed.blind import normalise
from confide.sealed.errors import NotSealed, SearchRefused

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, SupportsIndex

VERSION = 1
"""Of the forms below; another meaning is another version, and with it another key."""
IDENTIFIERS = frozenset({Category.CONTACT, Category.IDENTIFIER, Category.FINANCIAL, Category.CREDENTIAL, Category.PSEUDONYM})


class Find(Enum):
    """A way to search a column."""

    EXACT = "exact"
    """The whole value. Names: without case, marks and punctuation. Identifiers: without case."""
    PREFIX = "prefix"
    """The first two characters or more of a text."""
    PHONETIC = "phonetic"
    """What sounds alike in English."""
    RANGE = "range"
    """Days between two."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What a search looks for."""

    entries: list[bytes]
    """A row that is meant has one of them."""
    check: Callable[[Any], bool] | None = None
    """Tells of an opened value whether it was meant, where the entries find too much."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Sought:
        """Return itself: nothing in it changes."""
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Refuse to be pickled.

        Raises:
            NotSealed: what is searched for would stand in the pickle in the clear.
        """
        message = "A search of a sealed field cannot be pickled or cached: what is searched for would stand there. Cache list(…) of it."
        raise NotSealed(message)


NOTHING = Sought([])


def is_salted(category: Category, find: Find) -> bool:
    """Tell whether every row has a token of its own."""
    return find is not Find.EXACT or category not in IDENTIFIERS


def stored(category: Category, find: Find, value: Any) -> list[bytes | None]:
    """Return the entries of a value; None stands for one that it lacks and that others have."""
    if find is Find.EXACT:
        return [exact_form(category, value)]
    if find is Find.RANGE:
        return list(days.with_decades(days.index(_day(value))))
    text = normalise(_text(value))
    if find is Find.PREFIX:
        return strings.stored(text)
    return [phonetic.entry(text) if text else None]


def matching(category: Category, value: Any) -> Sought:
    """Return what finds a whole value."""
    entry = exact_form(category, value)
    return Sought([entry]) if entry is not None else NOTHING


def starting_with(text: str) -> Sought:
    """Return what finds the beginning of a text.

    Raises:
        SearchRefused: fewer than two characters are left of it.
    """
    wanted = normalise(text)
    if len(wanted) < strings.SHORTEST:
        message = f"A search by the beginning takes {strings.SHORTEST} letters or more: fewer would find nearly everyone."
        raise SearchRefused(message)
    exact = len(wanted) in strings.LENGTHS
    return Sought([strings.beginning(wanted)], None if exact else lambda value: normalise(value).startswith(wanted))


def sounding_like(text: str) -> Sought:
    """Return what finds texts that sound alike."""
    wanted = normalise(text)
    return Sought([phonetic.entry(wanted)]) if wanted else NOTHING


def between(low: date, high: date) -> list[Sought]:
    """Return what finds days or moments from `low` to `high`, both included; of moments the days at both ends are opened and checked."""
    if isinstance(low, datetime) != isinstance(high, datetime):
        message = "Give two dates, or two moments."
        raise SearchRefused(message)
    if not isinstance(low, datetime) or not isinstance(high, datetime):
        return [_cover(low.toordinal(), high.toordinal()), _unresolved(low, high)]
    if (low.tzinfo is None) != (high.tzinfo is None):
        message = "Give both moments with a time zone, or both without."
        raise SearchRefused(message)
    first, last = _utc(low).toordinal(), _utc(high).toordinal()
    ends = sorted({first, last}) if first <= last else []
    edges = Sought([entry for end in ends for entry in _cover(end, end).entries], lambda value: low <= value <= high) if ends else NOTHING
    return [edges, _cover(first + 1, last - 1), _unresolved(low, high)]


def _unresolved(low: date, high: date) -> Sought:
    """Return what finds dates that lie too far away to be resolved, where the search reaches there."""
    if low.year >= days.FIRST_YEAR and high.year <= days.LAST_YEAR:
        return NOTHING
    return Sought([days.OPEN], lambda value: low <= value <= high)


def _cover(first: int, last: int) -> Sought:
    if first > last:
        return NOTHING
    interval = days.Interval(days.midnight(date.fromordinal(first)), days.midnight(date.fromordinal(last)) + days.DAY)
    inside = [entry for entry in days.in_decades(days.cover(interval)) if entry != days.OPEN and not entry.endswith(b"~")]
    return Sought(inside)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo is not None else moment


def _day(value: Any) -> days.Interval:
    """Return the day of a date or of a moment; a moment without a zone is taken as it is."""
    if not isinstance(value, date):
        message = "Only dates and moments are searched by range."
        raise SearchRefused(message)
    start = days.midnight(_utc(value) if isinstance(value, datetime) else value)
    return days.Interval(start, start + days.DAY)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        message = "Only texts are searched by their beginning or sound."
        raise SearchRefused(message)
    return value


def exact_form(category: Category, value: Any) -> bytes | None:
    """Return the entry of a whole value, or None where nothing of it counts."""
    if not isinstance(value, str):
        return b"=" + type(value).__name__.encode() + b"\x00" + _canonical(value)
    text = " ".join(unicodedata.normalize("NFKC", value).casefold().split()) if category in IDENTIFIERS else normalise(value)
    return b"=" + text.encode() if text else None


def _canonical(value: Any) -> bytes:
    if isinstance(value, datetime):
        return _utc(value).isoformat().encode()
    if isinstance(value, Enum):
        return value.name.encode()
    return str(value.normalize() if hasattr(value, "normalize") else value).encode()
