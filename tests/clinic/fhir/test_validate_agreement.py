"""The fast way and the walker refuse the same bodies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from confide.clinic.fhir import validate
from confide.clinic.fhir.definitions.nesting import MAX_DEPTH, deeper_than
from confide.clinic.fhir.definitions.walk import examine
from tests.clinic.fhir.generated import TYPES, resource, spoil

if TYPE_CHECKING:
    from random import Random  # noqa: TID251 - the type only; Hypothesis makes the value


def agree(data: bytes) -> None:
    """What the fast way refuses has issues; what it accepts without a doubt has none."""
    fast = None if deeper_than(data, MAX_DEPTH) else validate._decode(data, None)
    issues = examine(data)
    if fast is None:
        assert issues, data
    elif not validate._doubtful(data, fast):
        assert not issues, (issues, data)


@given(st.randoms(use_true_random=True), st.sampled_from(TYPES))
def test_both_ways_agree_on_resources_of_every_type(random: Random, type_name: str) -> None:
    """Generated resources, whose invariants are left to chance."""
    agree(json.dumps(resource(random, type_name)).encode())


@given(st.randoms(use_true_random=True), st.sampled_from(TYPES), st.integers(1, 3))
def test_both_ways_agree_on_spoiled_resources(random: Random, type_name: str, times: int) -> None:
    """Elements taken away, put elsewhere, doubled, wrapped, or replaced by something of another kind."""
    node = resource(random, type_name)
    text = ""
    for _ in range(times):
        text = spoil(random, node)

    agree(text.encode("utf-8", "surrogatepass"))


@given(st.randoms(use_true_random=True), st.sampled_from(TYPES), st.data())
def test_both_ways_agree_on_broken_text(random: Random, type_name: str, data: st.DataObject) -> None:
    """A byte or two changed anywhere: what is not JSON is refused by both, and nothing else is."""
    text = bytearray(json.dumps(resource(random, type_name)).encode())
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 1))] = data.draw(
            st.sampled_from(
                [
                    b'"',
                    b"\\",
                    b"{",
                    b"}",
                    b"[",
                    b"]",
                    b",",
                    b":",
                    b"0",
                    b"-",
                    b"e9",
                    b"\x00",
                    b"\xff",
                    b"\\u0022",
                    b"null",
                    b" ",
                    b"",
                    b"\xed\xa0\x80",
                    b"1e999",
                ]
            )
        )

    agree(bytes(text))
