"""Faults of declarations are found, each with a sentence that says where and what."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

import confide.clinic.app  # noqa: F401 - declares every table
from confide.datamap.check import check_columns
from confide.datamap.terms import INFO, Category, Declaration, Erase, Identifiability, Protection, declared
from confide.store.schema import DATA, KEYS

LONGEST_TEXT, LONGEST_BYTES = 64, 64
COLUMNS = [column for metadata in (DATA, KEYS) for table in metadata.sorted_tables for column in table.columns]
DECLARATIONS = st.builds(
    Declaration,
    st.sampled_from(Category),
    st.sampled_from(Identifiability),
    st.sampled_from(Protection),
    st.sampled_from(Erase),
    st.sampled_from(["", "a reason"]),
)


def faults(info: dict[str, Any]) -> list[str]:
    return check_columns([("table", "column", info)])


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ({}, "table.column is not declared"),
        ({INFO: "sealed"}, "table.column is not declared"),
        ({"other": declared(Category.NAME, Protection.SEALED)[INFO]}, "table.column is not declared"),
        (declared(Category.NONE, Protection.PLAIN), "table.column is stored plain and does not say why"),
        (declared(Category.NAME, Protection.PLAIN), "table.column is stored plain and does not say why"),
        (declared(Category.NAME, Protection.PLAIN, reason="because"), "table.column is personal and stored plain"),
        (declared(Category.HEALTH, Protection.PLAIN, reason="because"), "table.column is personal and stored plain"),
        (declared(Category.PSEUDONYM, Protection.PLAIN, reason="because"), "table.column is personal and stored plain"),
    ],
)
def test_a_fault_is_a_sentence(info: dict[str, Any], said: str) -> None:
    """It names the table and the column, and what is wrong with it."""
    assert faults(info) == [said]


@given(DECLARATIONS)
def test_what_is_plain_is_not_personal_and_says_why(one: Declaration) -> None:
    """Whatever the declaration: plain passes only with a reason, and for what is no personal value or tells of use alone."""
    allowed = one.protection is not Protection.PLAIN or (bool(one.reason) and one.category in {Category.NONE, Category.ACTIVITY})

    assert (faults({INFO: one}) == []) is allowed


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.booleans())))
def test_every_fault_is_told_in_order(columns: list[tuple[str, str, bool]]) -> None:
    """One bad column hides no other."""
    sound = declared(Category.HEALTH, Protection.SEALED)
    found = check_columns((table, column, sound if good else {}) for table, column, good in columns)

    assert found == [f"{table}.{column} is not declared" for table, column, good in columns if not good]


@pytest.mark.parametrize("category", Category)
def test_a_shared_declaration_is_sensitive_unless_it_is_of_nobody(category: Category) -> None:
    """Only what is no personal value, or a pseudonym, identifies nobody."""
    found = declared(category, Protection.SEALED)[INFO]

    assert (found.identifiability is Identifiability.NONE) is (category in {Category.NONE, Category.PSEUDONYM})
    assert found.identifiability in {Identifiability.NONE, Identifiability.SENSITIVE}


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_every_column_of_ours_is_declared(column: sa.Column[Any]) -> None:
    """Each by itself, so that the report names it."""
    assert check_columns([(column.table.name, column.name, column.info)]) == []


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_a_plain_column_has_no_room_for_free_text(column: sa.Column[Any]) -> None:
    """Numbers, and short texts or bytes of a stated length: nobody can put a note in it by mistake."""
    if column.info[INFO].protection is not Protection.PLAIN:
        return
    match column.type:
        case sa.Integer():
            pass
        case sa.String(length=int(length)):
            assert length <= LONGEST_TEXT
        case sa.LargeBinary(length=int(length)):
            assert length <= LONGEST_BYTES
        case other:
            pytest.fail(f"{column} is plain and of the type {other!r}")


def test_categories_are_terms_of_the_vocabulary() -> None:
    """Each has the prefix of the W3C Data Privacy Vocabulary or of its personal-data extension, and stands once."""
    terms = [one.value for one in Category]

    assert all(term.partition(":")[0] in {"dpv", "pd"} and term.partition(":")[2].isalpha() for term in terms)
    assert len(set(terms)) == len(terms)
