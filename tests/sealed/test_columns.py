"""Values of columns: at home in one row, column, subject, class and tenant, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.crypto.envelope import DataKey, read_header
from confide.crypto.errors import CryptoError, DoesNotOpen
from confide.datamap.terms import Category, Erase
from confide.sealed.columns import Field, Personal, cells, places
from confide.sealed.errors import DeclarationRefused, TooLong
from confide.sealed.finding import Find
from confide.sealed.kinds import DATE, TEXT
from confide.values.ids import NO_SUBJECT, KeyRef, SubjectId, TenantId
from confide.values.place import Place, length_prefixed
from confide.values.purpose import PurposeClass

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = DataKey(KeyRef(b"one-key1"), b"\x01" * 32)
NAME = Field("customer", "name", Personal(Category.NAME), TEXT, 40)
ANN, BEN = SubjectId(b"a" * 16), SubjectId(b"b" * 16)
ROW = b"r" * 16


class Home(NamedTuple):
    """Where a value is at home."""

    tenant: TenantId
    subject: SubjectId
    row: bytes


HOME = Home(TenantId(1), ANN, ROW)


def put(home: Home, *values: tuple[Field, Any]) -> list[bytes]:
    """Seal values of one row."""
    return KEY.seal_cells(cells(home.tenant, home.subject, home.row, values))


def get(home: Home, of: Field, envelope: bytes) -> Any:
    """Open a value, whoever has the key."""
    place = places(home.tenant, of)(home.subject, home.row)
    return of.value(envelope, KEY.open(place.context(), envelope))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_value_opens_at_home(value: str) -> None:
    """Whatever its length."""
    assert get(HOME, NAME, put(HOME, (NAME, value))[0]) == value


ELSEWHERE: dict[str, tuple[Home, Field]] = {
    "row": (Home(TenantId(1), ANN, b"q" * 16), NAME),
    "subject": (Home(TenantId(1), BEN, ROW), NAME),
    "tenant": (Home(TenantId(2), ANN, ROW), NAME),
    "column": (HOME, replace(NAME, column="city")),
    "table": (HOME, replace(NAME, table="account")),
    "purpose class": (HOME, replace(NAME, declared=Personal(Category.NAME, purpose=PurposeClass.CONSENT))),
}


def wide(of: Field) -> Field:
    """Return a column as it is where the law keeps what stands in it; one of another class stays as it is."""
    kept = of.declared.purpose is PurposeClass.CONTRACT
    return replace(of, declared=Personal(Category.NAME, purpose=PurposeClass.STATUTORY, erase=Erase.KEEP)) if kept else of


@pytest.mark.parametrize("kept", [False, True], ids=["the person's key", "the tenant's key"])
@pytest.mark.parametrize(("home", "of"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_moved_value_does_not_open(home: Home, of: Field, kept: bool) -> None:
    """Nor does one that is read as if it were from there, whoever's key it is under."""
    name, of = (wide(NAME), wide(of)) if kept else (NAME, of)
    envelope = put(HOME, (name, "Ada"))[0]

    with pytest.raises(DoesNotOpen):
        get(home, of, envelope)
    with pytest.raises(DoesNotOpen):
        get(HOME, name, put(home, (of, "Ada"))[0])


def test_whose_a_kept_value_is_cannot_be_told_in_two_ways() -> None:
    """A person and a row never make the same place as another person with another row."""
    place = places(TenantId(1), wide(NAME))

    assert place(NO_SUBJECT, ANN + ROW).context() != place(ANN, ROW).context()
    assert place(NO_SUBJECT, bytes(7) + b"\x10" + ANN + ROW).context() != place(ANN, ROW).context()


@given(st.data())
def test_any_flipped_bit_is_noticed(data: st.DataObject) -> None:
    """Header, flags, key reference, nonce, ciphertext, tag."""
    envelope = bytearray(put(HOME, (NAME, "Ada"))[0])
    bit = data.draw(st.integers(0, len(envelope) * 8 - 1))
    envelope[bit // 8] ^= 1 << bit % 8

    with pytest.raises(CryptoError):
        get(HOME, NAME, bytes(envelope))


def test_the_context_is_that_of_a_place() -> None:
    """The parts that are made once each add up to what `values.place` says."""
    for of in (NAME, wide(NAME)):
        subject = NO_SUBJECT if of.tenant_wide else ANN
        for row in (ROW, ROW + b"a foreign key", b""):
            named = length_prefixed(ANN) + row if of.tenant_wide else row
            place = Place(TenantId(1), subject, of.declared.purpose, b"customer", b"name", named)
            made = places(TenantId(1), of)(ANN, row)

            assert made.context() == place.context() == cells(TenantId(1), ANN, row, [(of, "Ada")])[0][0]
            assert (made.tenant, made.subject, made.purpose_class) == (1, subject, of.declared.purpose)


def test_names_of_one_length_class_have_one_length() -> None:
    """The stored length does not tell Ann from Alexander."""
    lengths = {len(put(HOME, (NAME, value))[0]) for value in ("", "Ann", "Alexander", "x" * 15)}

    assert len(lengths) == 1


def test_a_text_that_its_column_does_not_allow_is_refused() -> None:
    """The database cannot see the length any more."""
    with pytest.raises(TooLong, match=r"customer\.name"):
        NAME.plaintext("x" * 41)


def test_a_renamed_column_opens_under_its_former_name() -> None:
    """`known_as` says what the values are bound to."""
    renamed = Field("client", "full_name", Personal(Category.NAME, known_as="customer.name"), TEXT)

    assert get(HOME, renamed, put(HOME, (NAME, "Ada"))[0]) == "Ada"


@pytest.mark.parametrize(
    "declare",
    [lambda: Personal(Category.NAME, erase=Erase.KEEP), lambda: Personal(Category.NAME, unique=True)],
    ids=["kept under a key that dies", "unique without a keyed hash"],
)
def test_a_declaration_that_cannot_be_kept_is_refused(declare: Callable[[], Any]) -> None:
    """At once, not when it is too late."""
    with pytest.raises(DeclarationRefused):
        declare()


def test_what_is_padded_says_so() -> None:
    """A date has one length anyway."""
    born = Field("customer", "born", Personal(Category.BIRTH, find=frozenset({Find.RANGE})), DATE)
    name, date_ = put(HOME, (NAME, "Ada"), (born, DATE.decode(b"0730000")))

    assert [read_header(one).flags for one in (name, date_)] == [2, 0]
