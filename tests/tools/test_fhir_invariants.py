"""The grammar of the compiler of FHIR's invariants."""

from __future__ import annotations

import pytest

from tools.fhir_invariants import Unsupported, compile_invariant


@pytest.mark.parametrize(
    ("expression", "tree"),
    [
        ("a.exists()", ["has", "a"]),
        ("a.empty()", ["not", ["has", "a"]]),
        ("a.exists().not()", ["not", ["has", "a"]]),
        ("Type.a.b.exists()", ["has", "a.b"]),
        ("a.exists() or b.exists() and c.exists()", ["or", ["has", "a"], ["and", ["has", "b"], ["has", "c"]]]),
        ("a.exists() implies b.exists()", ["or", ["not", ["has", "a"]], ["has", "b"]]),
        ("a.exists() = b.exists()", ["not", ["xor", ["has", "a"], ["has", "b"]]]),
        ("a.exists() != b.exists()", ["xor", ["has", "a"], ["has", "b"]]),
        ("a in ('x' | 'y')", ["in", "a", ["x", "y"]]),
        ("a != 'x'", ["out", "a", ["x"]]),
        ("a = true", ["in", "a", [True]]),
        ("system = %ucum", ["in", "system", ["http://unitsofmeasure.org"]]),
        ("(a.count() + b.count()) > 0", ["count", ["a", "b"], ">", 0]),
        ("a.count() <= 1", ["count", ["a"], "<=", 1]),
        ("low <= high", ["order", "low", "high"]),
        ("high >= low", ["order", "low", "high"]),
        ("a >= 0", ["sign", "a"]),
    ],
)
def test_what_the_grammar_says_becomes_a_tree(expression: str, tree: list[object]) -> None:
    """Precedence as in FHIRPath: and before or, implies last."""
    assert compile_invariant(expression, "Type") == tree


@pytest.mark.parametrize(
    "expression", ["htmlChecks()", "a.where(b = 1).exists()", "a.b.select(c).isDistinct()", "a.exists() and", "a", "a > 1", "", "a = b"]
)
def test_what_the_grammar_cannot_say_is_not_guessed(expression: str) -> None:
    """It is reported by the compiler, and left to a rule written by hand or to nobody."""
    with pytest.raises(Unsupported):
        compile_invariant(expression, "Type")
