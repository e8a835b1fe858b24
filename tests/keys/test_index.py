"""What the clock says of two generations of the search index's key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from confide.keys.index import Turn, due, turn, writing
from confide.keys.tenant import IndexKey

SETTLED = 600_000_000
OLD = IndexKey(1, 0, b"old")
NEW = IndexKey(2, 5_000_000_000, b"new")


def test_one_generation_is_written_and_searched() -> None:
    """Without a change there is nothing to do."""
    assert turn([OLD], SETTLED, 10**15) is Turn.NONE
    assert writing([OLD], SETTLED, 10**15) is OLD


@given(st.integers(0, 4 * SETTLED))
def test_a_new_generation_is_learned_then_written_then_due(age: int) -> None:
    """Each for as long as a process may not have looked."""
    now = NEW.made + age
    expected = (Turn.LEARNED, Turn.WRITTEN, Turn.DUE)[min(2, age // SETTLED)]

    assert turn([OLD, NEW], SETTLED, now) is expected
    assert writing([OLD, NEW], SETTLED, now) is (OLD if expected is Turn.LEARNED else NEW)
    assert (now >= due([OLD, NEW], SETTLED)) == (expected is Turn.DUE)


@given(late=st.integers(0, SETTLED // 2), ahead=st.integers(-SETTLED // 4, SETTLED // 4))
def test_whoever_writes_under_a_generation_is_found_by_everyone(late: int, ahead: int) -> None:
    """A process learns of it within half that time, and clocks differ by less than the other half."""
    ages = range(0, 3 * SETTLED, SETTLED // 60)
    written = next(age for age in ages if writing([OLD, NEW], SETTLED, NEW.made + age + ahead) is NEW)

    assert written >= late


def test_a_key_does_not_print_itself() -> None:
    """Nor does whatever holds it."""
    assert "old" not in repr(OLD)
