"""Salted tokens: each row has its own, and a search finds every row, whoever wrote it and whatever was deleted meanwhile."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from confide.sealed import salts
from confide.sealed.errors import TooManyTokens
from confide.sealed.memory import Memory
from confide.sealed.salts import answer_async, list_tokens, place
from confide.sealed.terms import BLOCK, blocks
from tests.sealed.shelf import FIELD, Process, Shelf, term

if TYPE_CHECKING:
    from random import Random  # noqa: TID251 - Hypothesis gives one

    from confide.sealed.salts import Placed

VALUES = ("p" + "sm", "p" + "smi", "wsmith")
CHURN = 3
"""Tokens a search lists for each row after every row was replaced five times over, at most."""


class Backend(RuleBasedStateMachine):
    """Three processes write, delete and search one index; rows of a process may be chosen before those of another are stored."""

    @initialize(random=st.randoms(use_true_random=False))
    def begin(self, random: Random) -> None:
        """Nothing is stored. What comes from the operating system is chosen by Hypothesis, so that it can repeat a failure."""
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("secrets.randbits", random.getrandbits)
        self.patch.setattr("secrets.token_bytes", random.randbytes)
        self.patch.setattr("secrets.SystemRandom", lambda: random)
        self.shelf = Shelf()
        self.processes = [Process(self.shelf) for _ in range(3)]
        self.waiting: list[tuple[list[int], Placed]] = []
        self.expected: dict[int, str] = {}
        self.following = 1

    @rule(at=st.integers(0, 2), value=st.sampled_from(VALUES), count=st.integers(1, 30))
    def add(self, at: int, value: str, count: int) -> None:
        """Rows, each in a transaction of its own."""
        for _ in range(count):
            self.processes[at].add(self.following, value)
            self.expected[self.following] = value
            self.following += 1

    @rule(at=st.integers(0, 2), value=st.sampled_from(VALUES), count=st.integers(1, 100))
    def choose(self, at: int, value: str, count: int) -> None:
        """Rows of one transaction that is not committed yet."""
        rows = list(range(self.following, self.following + count))
        self.following += count
        self.waiting.append((rows, self.processes[at].choose(*([term(value)] for _ in rows))))
        self.expected |= dict.fromkeys(rows, value)

    @rule(stored=st.booleans())
    def settle(self, stored: bool) -> None:
        """The oldest open transaction commits, or fails."""
        if self.waiting:
            rows, placed = self.waiting.pop(0)
            if stored:
                self.shelf.commit(rows, placed)
            else:
                self.expected = {row: value for row, value in self.expected.items() if row not in rows}

    @rule(part=st.integers(1, 3))
    def delete(self, part: int) -> None:
        """Every third row, or more."""
        for row in list(self.expected)[::part]:
            if not any(row in rows for rows, _ in self.waiting):
                self.shelf.remove(row)
                del self.expected[row]

    @rule()
    def empty(self) -> None:
        """The index is emptied behind the processes, as by a restore; what was open fails."""
        self.shelf.rows.clear()
        self.waiting.clear()
        self.expected.clear()

    @rule(at=st.integers(0, 2), value=st.sampled_from(VALUES))
    def search(self, at: int, value: str) -> None:
        """By a process that remembers something, which may be out of date."""
        assert self.processes[at].search(value) == self.wanted(value)

    @invariant()
    def everything_is_found(self) -> None:
        """By a process that remembers nothing: looking into the memory of the others would put it right."""
        for value in VALUES:
            assert Process(self.shelf).search(value) == self.wanted(value)

    def teardown(self) -> None:
        """Give the operating system its part back."""
        if hasattr(self, "patch"):
            self.patch.undo()

    def wanted(self, value: str) -> set[int]:
        """Return the rows that are stored under a value."""
        open_rows = {row for rows, _ in self.waiting for row in rows}
        return {row for row, stored in self.expected.items() if stored == value and row not in open_rows}


test_every_row_is_found_by_every_process = Backend.TestCase
test_every_row_is_found_by_every_process.settings = settings(deadline=None, stateful_step_count=30, max_examples=150)


@pytest.mark.parametrize("apart", [1, 7, 500])
def test_no_two_rows_of_a_process_share_a_token(apart: int) -> None:
    """Whether a row is stored before the next is chosen, or a whole import is chosen first."""
    shelf = Shelf()
    process = Process(shelf)
    for first in range(0, 1500, apart):
        rows = range(first, min(1500, first + apart))
        chosen = [process.choose([term("smith"), term(f"other{row % 40}")]) for row in rows]
        for row, placed in zip(rows, chosen, strict=True):
            shelf.commit([row], placed)

    assert [len(tokens) for tokens in (process.search("smith"), process.listed("other7"))] == [1500, pytest.approx(40, abs=8)]
    assert Counter(len(rows) for token, rows in shelf.rows.items() if any(row >= 0 for row in rows)) == {1: 3000}


def test_rows_chosen_at_once_share_no_token_either() -> None:
    """A bulk insert asks as often as a single one, and marks each growth once."""
    process = Process(Shelf())

    placed = process.choose(*([term("smith"), term("john")] for _ in range(1000)))

    assert len({token for tokens in placed.tokens for token in tokens}) == 2000
    assert len(placed.marks) == len(set(placed.marks)) < 100
    assert process.asked <= 3


def test_two_processes_at_the_same_moment_lose_nothing() -> None:
    """Each chooses without seeing the other's row, three hundred times; all are found, and most have a token of their own."""
    shelf = Shelf()
    one, other = Process(shelf), Process(shelf)
    for row in range(0, 600, 2):
        left, right = one.choose([term("smith")]), other.choose([term("smith")])
        shelf.commit([row], left)
        shelf.commit([row + 1], right)

    assert one.search("smith") == other.search("smith") == set(range(600))
    assert sum(shelf.shared) < 600 / 2
    assert max(shelf.shared) == 2


@pytest.mark.parametrize("rows", [1, 8, 9, 60, 830, 4000])
def test_a_value_has_about_as_many_tokens_as_rows(rows: int) -> None:
    """A search lists eight at least, and at most half as much again as there are rows."""
    process = Process(Shelf())
    for row in range(rows):
        process.add(row, "smith")

    assert rows <= len(process.listed("smith")) <= max(rows + BLOCK, rows * 1.5)


def test_what_is_deleted_makes_room() -> None:
    """A value whose rows are replaced over and over does not grow without end."""
    process = Process(Shelf())
    for row in range(400):
        process.add(row, "smith")
    for row in range(400, 2400):
        process.shelf.remove(row - 400)
        process.add(row, "smith")

    assert len(process.listed("smith")) <= 400 * CHURN


def test_a_row_that_is_written_anew_a_thousand_times_stays_where_it_is() -> None:
    """Eight tokens are enough for a value of one row."""
    process = Process(Shelf())
    for _ in range(1000):
        placed = process.choose([term("smith")])
        process.shelf.remove(1)
        process.shelf.commit([1], placed)

    assert len(process.listed("smith")) == BLOCK


def test_up_to_eight_rows_leave_no_mark() -> None:
    """A mark outlives the rows it was made for, so it never tells of few of them."""
    shelf = Shelf()
    process = Process(shelf)
    marks = [process.add(row, "rare").marks for row in range(9)]

    assert ([len(one) for one in marks[:8]], len(marks[8])) == ([0] * 8, 1)
    for row in range(9):
        shelf.remove(row)
    assert [row < 0 for rows in shelf.rows.values() for row in rows] == [True]


def test_a_row_has_a_token_for_every_entry_asked_for() -> None:
    """Those that hide how many there are look like any other, and are random."""
    process = Process(Shelf())
    twice = [process.choose([term("li"), None, None, term("li")]).tokens[0] for _ in range(2)]

    assert [len(tokens) for tokens in twice] == [3, 3]
    assert len({token for tokens in twice for token in tokens}) == 6
    assert all(0 <= token < 1 << 63 for tokens in twice for token in tokens)


def test_a_process_asks_once_for_what_it_knows() -> None:
    """In steady state a row costs one question, and few tokens in it."""
    process = Process(Shelf())
    for row in range(2000):
        process.add(row, "smith")
    process.asked = 0
    for row in range(2000, 2500):
        process.add(row, "smith")

    assert process.asked < 500 * 1.1


def test_a_search_for_too_much_is_refused() -> None:
    """The error names the limit and no value."""
    process = Process(Shelf())
    process.shelf.store(-1, (term("smith").mark(growth) for growth in range(1, 120)))

    with pytest.raises(TooManyTokens, match=f"more than {salts.MOST_TOKENS} index entries"):
        process.listed("smith")


def test_growth_is_by_one_block_and_later_by_an_eighth() -> None:
    """So a search never lists much more than there is."""
    counts = [blocks(growth) for growth in range(120)]

    assert counts[:18] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20]
    assert all(1 <= after - before <= max(1, before / 8) for before, after in pairwise(counts))


@given(st.text(max_size=20), st.text(max_size=20), st.integers(0, 70), st.integers(0, 70))
def test_tokens_and_marks_never_meet(one: str, other: str, block: int, page: int) -> None:
    """Of two values, two blocks, or a block and a page of marks."""
    found = {*term(one).block(block), *term(one).block(block + 1), *term(one).marks(page), *term(one).marks(page + 1)}
    others = {*term(other).block(block), *term(other).marks(page)} if one != other else set()

    assert len(found | others) == 32 + 2 * len(others) / 2


def test_a_process_remembers_no_value() -> None:
    """Numbers only: neither its memory nor the form of a term shows a name."""
    memory = Memory()
    process = Process(Shelf(), memory)
    for row in range(50):
        process.add(row, "smith")

    assert "smith" not in repr(memory._stocks)
    assert not isinstance(next(iter(memory._stocks)), str | bytes)
    assert repr(term("smith")) == "Term(…)"


def test_a_memory_forgets_the_oldest() -> None:
    """It stays as small as it was made; what it forgot is asked again."""
    process = Process(Shelf(), Memory(terms=4))
    for row in range(100):
        process.add(row, f"v{row % 10}")

    assert len(process.memory._stocks) == 4
    assert all(process.search(f"v{at}") == set(range(at, 100, 10)) for at in range(10))


async def test_asynchronous_backends_run_the_same_code() -> None:
    """`answer_async` awaits each question."""
    shelf = Shelf()
    memory = Memory()

    async def there(tokens: list[int]) -> set[int]:
        return shelf.there(tokens)

    for row in range(30):
        shelf.commit([row], await answer_async(place([[term("smith")]], memory), there))

    listed = await answer_async(list_tokens([term("smith")], memory), there)
    assert {row for token in listed for row in shelf.rows.get(token, ())} == set(range(30))
    assert FIELD.eight(b"x") == FIELD.eight(b"x")
