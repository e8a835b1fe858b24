"""What a model holds: it does not print, and only what is sealed leaves in a pickle."""

from __future__ import annotations

import copy
import pickle  # noqa: TID251 - what is tested is that it shows nothing

import pytest

from confide.sealed.cell import SHOWN, Cell, Envelope
from confide.sealed.errors import NotSealed

VALUE = "Ada Lovelace"


@pytest.mark.parametrize("cell", [Cell(VALUE), Cell(VALUE, b"\xe1sealed")])
def test_no_form_shows_the_value(cell: Cell) -> None:
    """Neither str, repr, format nor a container's repr."""
    for shown in (str(cell), repr(cell), f"{cell}", f"{cell!r:>20}", f"{cell:>40}", str([cell]), str({"name": cell})):
        assert VALUE not in shown
    assert SHOWN in f"{cell}"
    assert str(Envelope(b"\xe1bytes")) == f"{Envelope(b'x')!r}" == SHOWN


def test_a_pickle_holds_the_envelope_alone() -> None:
    """What was opened does not leave the process in the clear."""
    written = pickle.dumps(Cell(VALUE, b"\xe1sealed"))
    back = pickle.loads(written)  # noqa: S301 - our own bytes

    assert VALUE.encode() not in written
    assert (type(back), back) == (Envelope, b"\xe1sealed")


def test_what_is_not_stored_yet_is_not_pickled() -> None:
    """There is no sealed form of it."""
    with pytest.raises(NotSealed):
        pickle.dumps(Cell(VALUE))


def test_a_copy_has_a_value_of_its_own() -> None:
    """Changing a copied list does not change the row that it came from."""
    cell = Cell([1], b"\xe1sealed")
    copied = copy.deepcopy(cell)
    copied.value.append(2)

    assert (cell.value, copied.envelope) == ([1], cell.envelope)


def test_cells_are_equal_where_that_can_be_told() -> None:
    """By value, or by envelope; never by guessing."""
    assert Cell(VALUE) == Cell(VALUE) == Cell(VALUE, b"\xe1sealed")
    assert Cell(VALUE, b"\xe1sealed") != Cell(VALUE, b"\xe1sealed anew")
    assert Cell(VALUE, b"\xe1sealed") == Envelope(b"\xe1sealed")
    assert Cell(VALUE) != Envelope(b"\xe1sealed")
    assert Cell(True) != Cell(1)
    assert Cell(VALUE) != VALUE
