"""JSON that a lenient reader takes and this one refuses; and nothing that a body holds can hang or exhaust it."""

from __future__ import annotations

import json
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.clinic.fhir.definitions.nesting import deeper_than, depth
from confide.clinic.fhir.errors import InvalidResource, Issue
from confide.clinic.fhir.validate import encode, parse, quotes

JSON = st.recursive(
    st.none() | st.booleans() | st.text(st.sampled_from('"\\[]{}:,u0022 a')) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.sampled_from('"\\[]{}:,a')), inner, max_size=3),
)


def refused(data: bytes) -> list[Issue]:
    with pytest.raises(InvalidResource) as caught:
        parse(data)
    return list(caught.value.issues)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"{",
        b'{"resourceType":"Patient"',
        b'{"resourceType":"Patient"} x',
        b'{"resourceType":"Patient",}',
        b'{"resourceType":"Patient","active":NaN}',
        b'{"resourceType":"Patient","multipleBirthInteger":Infinity}',
        b'{"resourceType":"Patient","multipleBirthInteger":01}',
        b'{"resourceType":"Patient","multipleBirthInteger":+1}',
        b"{'resourceType':'Patient'}",
        b'{"resourceType":"Patient","id":"\xff"}',
        b'{"resourceType":"Patient","id":"\xc0\x80"}',
        b'{"resourceType":"Patient","id":"\xed\xa0\x80"}',
        b'{"resourceType":"Patient","id":"a\tb"}',
        b'\xef\xbb\xbf{"resourceType":"Patient"}',
        '{"resourceType":"Patient"}'.encode("utf-16"),
        b'{"resourceType":"Patient"/* x */}',
        b'{"resourceType":"Patient","text":{"status":"generated","div":"' + b"<" * 100,
        b'{"resourceType":"Patient","contained":[' + b"\xff" + b"]}",
        b"\x00",
    ],
)
def test_what_is_not_json_in_utf8_is_refused(data: bytes) -> None:
    """One issue that says so, at the resource."""
    issues = refused(data)

    assert [(i.code, i.diagnostics) for i in issues] == [("structure", "The body is not JSON in UTF-8.")]


@pytest.mark.parametrize("data", [b"[]", b"null", b'"Patient"', b"7", b"true"])
def test_a_resource_is_an_object(data: bytes) -> None:
    """Other JSON values are no resources."""
    assert [i.diagnostics for i in refused(data)] == ["A resource must be a JSON object."]


@pytest.mark.parametrize(
    ("data", "location"),
    [
        (b'{"resourceType":"Patient","gender":"male","gender":"male"}', "Patient"),
        (b'{"resourceType":"Patient","resourceType":"Patient"}', "Patient"),
        (b'{"resourceType":"Patient","gender":"male","\\u0067ender":"female"}', "Patient"),
        (b'{"resourceType":"Patient", "gender" : "male" , "gender"\n:"female"}', "Patient"),
        (b'{"resourceType":"Patient","maritalStatus":{"text":"\\u003ax","text":"\\u005cu0022"}}', "Patient.maritalStatus"),
        (b'{"resourceType":"Patient","active":true,"active":true}', "Patient"),
        (b'{"resourceType":"Patient","name":[{"given":["a",null],"given":["b"]}]}', "Patient.name[0]"),
        (b'{"resourceType":"Patient","active":true,"active":true,"name":[{"text":"\\u005cu0022\\u005cu0022"}]}', "Patient"),
    ],
)
def test_a_property_must_not_appear_twice(data: bytes, location: str) -> None:
    """However the name is written, and whatever the texts around it look like: readers disagree on which of the two counts."""
    assert ("structure", location, "A property appears more than once.") in [(i.code, i.location, i.diagnostics) for i in refused(data)]


def test_a_property_that_comes_twice_in_a_contained_resource_is_found() -> None:
    """The inside is held to the same."""
    data = (
        b'{"resourceType":"Patient","managingOrganization":{"reference":"#o"},'
        b'"contained":[{"resourceType":"Organization","id":"o","name":"x","name":"y"}]}'
    )

    assert [i.location for i in refused(data)] == ["Patient.contained[0]"]


@given(JSON)
def test_quotation_marks_are_counted_alike_however_they_are_escaped(value: object) -> None:
    """The count that gives a repeated property away does not depend on the writer."""
    plain = json.dumps(value).encode()
    inside = plain.replace(b"\\\\", b"\\u005c").replace(b'\\"', b"\\u0022")

    assert quotes(plain) == quotes(inside) == plain.count(b'"')


def test_an_escaped_backslash_before_u0022_is_no_quotation_mark() -> None:
    """Two characters and four digits, not one character in disguise; the third backslash of three makes one."""
    assert quotes(rb'"\\u0022"') == 2
    assert quotes(rb'"\\\u0022"') == 3
    assert quotes(rb'"\\\\u0022"') == 2


@pytest.mark.parametrize("low", ["\\ud800", "\\udc00", "x\\ud83dy", "\\ude00\\ud83d"])
def test_half_of_a_surrogate_pair_is_refused(low: str) -> None:
    """It is no character and could not be written again."""
    assert [i.location for i in refused(f'{{"resourceType":"Patient","name":[{{"family":"{low}"}}]}}'.encode())] == [
        "Patient.name[0].family"
    ]


def test_a_whole_surrogate_pair_is_one_character() -> None:
    """JSON's way to write what lies beyond the first plane."""
    assert encode(parse(b'{"resourceType":"Patient","name":[{"family":"\\ud83d\\ude00"}]}')).count("😀".encode()) == 1


def nested(levels: int) -> bytes:
    return (
        b'{"resourceType":"Patient","extension":['
        + b'{"url":"u","extension":[' * levels
        + b'{"url":"u","valueCode":"x"}'
        + b"]}" * levels
        + b"]}"
    )


def test_sixty_four_levels_are_the_limit() -> None:
    """Two levels for the resource and its list, two for each extension, one for the last."""
    assert len(encode(parse(nested(30)))) == len(nested(30))
    assert [(i.code, i.diagnostics) for i in refused(nested(31))] == [("structure", "The JSON is nested deeper than 64 levels.")]


@pytest.mark.parametrize(
    "unit",
    [b'{"a":', b"[", b'{"resourceType":"Patient","contained":[', b'{"resourceType":"Bundle","type":"collection","entry":[{"resource":'],
)
def test_a_million_levels_do_no_harm(unit: bytes) -> None:
    """No recursion, no crash, hardly any time: closed or not."""
    data = unit * (1_000_000 // len(unit))
    start = time.process_time()

    for body in (data, b'{"resourceType":"Patient","extension":' + data):
        assert refused(body)
    assert time.process_time() - start < 5


def test_brackets_in_strings_do_not_hide_nesting() -> None:
    """Closing brackets inside of strings are text."""
    body = nested(40).replace(b'"url":"u"', b'"url":"]}]}"')

    assert deeper_than(body, 64)
    assert depth(body) == 83
    assert not deeper_than(b'["' + b"[" * 500 + b'\\"' + b"{" * 500 + b'"]', 64)


@given(JSON)
def test_nesting_is_measured_exactly(value: object) -> None:
    """Against the depth of the value itself."""

    def levels(node: object) -> int:
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else None
        return 0 if inner is None else 1 + max(map(levels, inner), default=0)

    data = json.dumps(value).encode()

    assert depth(data) == levels(value)
    for limit in range(6):
        assert deeper_than(data, limit) == (levels(value) > limit)


def test_a_body_of_many_empty_strings_needs_little_memory() -> None:
    """The measures that come before the reading do not blow a body up."""
    data = b'{"resourceType":"Patient","name":[{"given":[' + b'"",' * 1_000_000 + b'""]}],' + b'"x":[' * 70
    tracemalloc.start()

    assert refused(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * len(data)
