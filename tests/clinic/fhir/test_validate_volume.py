"""The number of values is bounded before anything reads them; texts may hold as many commas as they like."""

from __future__ import annotations

import json
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.clinic.fhir.definitions.bundle import MAX_ENTRIES, PART
from confide.clinic.fhir.definitions.volume import MAX_BUNDLE_VALUES, MAX_VALUES, more_than
from confide.clinic.fhir.errors import InvalidResource
from confide.clinic.fhir.validate import parse, parse_bundle

OUTSIDE = b'{"resourceType":"Bundle","type":"transaction",'
ENTRY = b'{"request":{"method":"DELETE","url":"Patient/x"}}'

JSON = st.recursive(
    st.none() | st.text(st.sampled_from('"\\[]{}:,a')) | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.sampled_from('"\\[]{}:,a')), inner, max_size=4),
)


def told(data: bytes) -> tuple[str, str]:
    with pytest.raises(InvalidResource) as caught:
        parse_bundle(data) if data.startswith(OUTSIDE) else parse(data)
    return caught.value.issues[0].code, caught.value.issues[0].location


def values(node: object) -> int:
    """Count the values of a tree, as commas and opening brackets do: an empty list counts as much as one of one member."""
    if isinstance(node, dict):
        return max(1, len(node)) + sum(values(one) for one in node.values())
    return max(1, len(node)) + sum(map(values, node)) if isinstance(node, list) else 0


@given(JSON, st.integers(0, 12))
def test_values_are_counted_outside_of_strings(tree: object, limit: int) -> None:
    """However the strings look."""
    assert more_than(json.dumps(tree).encode(), limit) == (values(tree) > limit)


def test_a_resource_of_too_many_values_is_refused_for_that() -> None:
    """One more than is taken."""
    names = ",".join(['"x"'] * (MAX_VALUES - 4))
    largest = f'{{"resourceType":"Patient","name":[{{"given":[{names}]}}]}}'

    assert parse(largest.encode()) is not None
    assert told(largest.replace('"x"]', '"x","x"]').encode()) == ("too-costly", "Resource")


def test_a_text_may_hold_any_number_of_commas() -> None:
    """They are counted outside of strings only."""
    assert parse(b'{"resourceType":"Basic","code":{"text":"' + b",[{" * MAX_VALUES + b'"}}') is not None


@pytest.mark.parametrize("small", [b"{}", b"[]", b"0", b'""', b'{"":0}'])
@pytest.mark.parametrize("name", [b"entry", b"link", b"other"])
def test_many_small_values_are_refused_in_bounded_memory(small: bytes, name: bytes) -> None:
    """Forty megabytes of them would take gigabytes to read."""
    data = OUTSIDE + b'"' + name + b'":[' + b",".join([small] * (20_000_000 // (len(small) + 1))) + b"]}"
    tracemalloc.start()
    code, _ = told(data)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert code in {"too-costly", "structure"}
    assert most < 10 * len(data)


def test_the_outside_of_a_bundle_is_bounded_as_a_resource_is() -> None:
    """An element beside the entries may not hold more than a whole resource."""
    data = OUTSIDE + b'"link":[' + b",".join([b"[]"] * MAX_VALUES) + b"]}"

    assert not more_than(data, MAX_BUNDLE_VALUES)
    assert told(data) == ("too-costly", "Bundle")


def test_entries_are_bounded() -> None:
    """A good one more than is taken is refused for its number."""
    most = OUTSIDE + b'"entry":[' + b",".join([ENTRY] * MAX_ENTRIES) + b"]}"

    assert len(parse_bundle(most)) == MAX_ENTRIES
    assert told(most[:-2] + b"," + ENTRY + b"]}") == ("too-costly", "Bundle.entry")


def test_a_bad_entry_behind_many_good_ones_is_found_at_its_place() -> None:
    """Parts of a bundle are looked at one after the other."""
    data = OUTSIDE + b'"entry":[' + b",".join([ENTRY] * (PART + 7)) + b',{"request":{"method":"PUSH","url":"x"}}]}'
    began = time.monotonic()

    assert told(data) == ("code-invalid", f"Bundle.entry[{PART + 7}].request.method")
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("text", ["{}", "[null]", "C:\\bin", "\\u0000", '{"id":"x"}', ",null,"])
def test_no_text_outside_of_the_resources_is_taken_for_something_else(text: str) -> None:
    """What makes the quick check doubt is looked at again, and is a good string."""
    bundle = {"resourceType": "Bundle", "type": "transaction", "identifier": {"value": text}, "entry": [json.loads(ENTRY)]}

    assert len(parse_bundle(json.dumps(bundle).encode())) == 1


def test_a_property_that_comes_twice_outside_of_the_resources_is_refused() -> None:
    """Though the outline keeps one of the two."""
    assert told(OUTSIDE + b'"type":"transaction","entry":[' + ENTRY + b"]}") == ("structure", "Bundle")
