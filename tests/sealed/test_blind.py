"""The normaliser: what it throws away, what it keeps, and that it is at peace with itself."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from confide.sealed.blind import VERSION, normalise

TEXTS = st.text(max_size=60)
MARKS = st.characters(categories=["Mn", "Me"])
PUNCTUATION = st.characters(categories=["Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"])
LETTERS = st.text(st.characters(categories=["Lu", "Ll"]), min_size=1, max_size=30)


@given(TEXTS)
@example("ﬁﬂ")
@example("İstanbul")
@example("ẞß")
@example("ͅ")  # a mark whose lower case is a letter
@example("ΐ")
@example("\U0001d518\U0001d52b\U0001d526")  # mathematical letters
@example("\u00a8\u02c6\u00af")  # they decompose into a space and a mark
def test_normalising_again_changes_nothing(text: str) -> None:
    """What is stored and what is searched go through it once each, and meet."""
    assert normalise(normalise(text)) == normalise(text)


@given(TEXTS)
def test_what_is_equal_for_unicode_is_equal(text: str) -> None:
    """In each of the four normal forms the same text is found."""
    forms = {normalise(unicodedata.normalize(form, text)) for form in ("NFC", "NFD", "NFKC", "NFKD")}

    assert forms == {normalise(text)}


@given(TEXTS)
def test_case_does_not_matter(text: str) -> None:
    """As Unicode's full case folding has it: ß and SS are alike."""
    assert normalise(text.casefold()) == normalise(text)


@given(st.text(st.characters(codec="ascii"), max_size=60))
def test_upper_and_lower_case_are_alike(text: str) -> None:
    """Of letters that have one upper and one lower case."""
    assert normalise(text.upper()) == normalise(text.lower()) == normalise(text)


@given(LETTERS, st.lists(MARKS, max_size=4), st.data())
def test_marks_do_not_matter(text: str, marks: list[str], data: st.DataObject) -> None:
    """An accent more or less, wherever it stands, finds the same."""
    marked = text
    for mark in marks:
        # Some marks fold into letters of their own (U+0345), and some are parts of letters that compose differently.
        if unicodedata.category(mark.casefold()[0])[0] == "M" and all(
            unicodedata.category(one)[0] == "M" for one in unicodedata.normalize("NFKD", mark)
        ):
            at = data.draw(st.integers(1, len(marked)))
            marked = marked[:at] + mark + marked[at:]

    assert normalise(marked) == normalise(text)


@given(LETTERS, PUNCTUATION, st.data())
def test_punctuation_does_not_matter(text: str, sign: str, data: st.DataObject) -> None:
    """O'Brien and OBrien are one; a hyphen joins."""
    at = data.draw(st.integers(0, len(text)))
    kept = [one for one in unicodedata.normalize("NFKD", sign) if unicodedata.category(one)[0] != "P"]

    if not kept:
        assert normalise(text[:at] + sign + text[at:]) == normalise(text)


@given(st.lists(LETTERS, max_size=4), st.lists(st.text(" \t\n\u00a0\u2003\u3000", min_size=1, max_size=3), min_size=5, max_size=5))
def test_spaces_are_single_and_inside(words: list[str], spaces: list[str]) -> None:
    """However many there were, and of whichever kind."""
    spaced = spaces[0] + "".join(word + space for word, space in zip(words, spaces[1:], strict=False))

    assert normalise(spaced) == " ".join(filter(None, map(normalise, words)))


@given(TEXTS)
def test_only_letters_digits_signs_and_spaces_are_left(text: str) -> None:
    """No mark, no punctuation, no control character; whatever is left is in lower case and decomposed."""
    found = normalise(text)

    assert {unicodedata.category(one)[0] for one in found} <= {"L", "N", "S", "Z"}
    assert "  " not in found
    assert found == found.strip()
    assert unicodedata.is_normalized("NFKD", found)


@given(TEXTS, TEXTS)
def test_words_are_normalised_by_themselves(one: str, other: str) -> None:
    """What stands in one word changes nothing in the next."""
    assert normalise(f"{one} {other}") == " ".join(filter(None, (normalise(one), normalise(other))))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("O'Brien-Łukasiewicz", "obrienłukasiewicz"),
        ("  Müller   von der\tHeide ", "muller von der heide"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("ﬁne", "fine"),
        ("Ångström", "angstrom"),
        ("Ⅷ", "viii"),
        ("\uff11\uff12\uff13", "123"),
        ("김철수", unicodedata.normalize("NFKD", "김철수")),
        ("عائشة", "عايشة"),
        ("ς", "\u03c3"),
        ("a\u200db", "ab"),
        ("\u202eevil", "evil"),
        ("", ""),
        ("'-.", ""),
    ],
)
def test_what_a_text_becomes(text: str, found: str) -> None:
    """Written out: a change of this picture is a new version, and a new key for every index."""
    assert normalise(text) == found
    assert VERSION == 1


@given(st.text(st.characters(codec="ascii"), max_size=200))
def test_plain_texts_take_no_other_way_than_all_others(text: str) -> None:
    """A mark at the end, which does not count, keeps a text from being ASCII, and nothing else of it changes."""
    assert normalise(text + "\u0301") == normalise(text)
