"""The numbers that the searches of columns have in the blind index: no two columns of a program may share one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confide.adopt.index import UNIQUE, number, numbers
from confide.adopt.refusals import Undeclared

if TYPE_CHECKING:
    from confide.sealed.columns import Field

_NUMBERS: dict[int, str] = {}


def numbers_of(of: Field) -> tuple[int, ...]:
    """Return every number of a column.

    Raises:
        Undeclared: another column has one of them by chance.
    """
    used = (*numbers(of), *((number(of, UNIQUE),) if of.declared.unique else ()))
    for one in used:
        if _NUMBERS.setdefault(one, of.name) != of.name:
            message = f"{of.name} and {_NUMBERS[one]} have the same number in the blind index by chance: rename one of the columns."
            raise Undeclared(message)
    return used
