"""The outside of transactions and batches is checked like any resource, and their resources stay unread."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.clinic.fhir.errors import InvalidResource
from confide.clinic.fhir.validate import parse_bundle

REQUEST = {"method": "POST", "url": "Patient"}


def bundle(*entries: Any, **more: Any) -> bytes:
    return json.dumps({"resourceType": "Bundle", "type": "transaction", **({"entry": list(entries)} if entries else {}), **more}).encode()


def refused(data: bytes) -> list[tuple[str, str]]:
    with pytest.raises(InvalidResource) as caught:
        parse_bundle(data)
    return [(issue.code, issue.location) for issue in caught.value.issues]


def test_an_entry_has_its_request_and_its_resource_as_it_was_written() -> None:
    """Every part of a request by name; the bytes of the resource untouched."""
    raw = b'{ "resourceType":"Patient", "name":[ {} ], "name":1 }'
    head = {
        "method": "PUT",
        "url": "Patient/1",
        "ifMatch": 'W/"1"',
        "ifNoneExist": "a=b",
        "ifNoneMatch": "*",
        "ifModifiedSince": "2015-02-07T13:28:17Z",
    }
    data = bundle({"fullUrl": "urn:uuid:1", "resource": "?", "request": head}).replace(b'"?"', raw)

    (entry,) = parse_bundle(data)

    assert bytes(entry.resource or b"") == raw
    assert (entry.method, entry.url, entry.full_url) == ("PUT", "Patient/1", "urn:uuid:1")
    assert (entry.if_match, entry.if_none_exist, entry.if_none_match) == ('W/"1"', "a=b", "*")
    assert entry.if_modified_since == "2015-02-07T13:28:17Z"


def test_what_an_entry_does_not_have_is_none() -> None:
    """A deletion has no resource."""
    (entry,) = parse_bundle(bundle({"request": {"method": "DELETE", "url": "Patient/1"}}))

    assert (entry.resource, entry.full_url, entry.if_match) == (None, None, None)


def test_a_bundle_may_be_empty() -> None:
    """Nothing to do is not an error."""
    assert parse_bundle(bundle()) == []


@pytest.mark.parametrize(
    ("data", "issues"),
    [
        (b"", [("structure", "Bundle")]),
        (b"[]", [("structure", "Bundle")]),
        (b'{"resourceType":"Bundle"}', [("required", "Bundle.type")]),
        (b'{"type":"batch"}', [("required", "Bundle")]),
        (b'{"resourceType":"Patient"}', [("value", "Bundle")]),
        (bundle(type="collection"), [("value", "Bundle.type")]),
        (bundle(type="no"), [("code-invalid", "Bundle.type")]),
        (bundle(surname="x"), [("structure", "Bundle")]),
        (bundle(entry=[]), [("structure", "Bundle.entry")]),
        (bundle(entry={}), [("structure", "Bundle.entry")]),
        (bundle(entry=[7]), [("structure", "Bundle.entry[0]")]),
        (bundle(entry=[None]), [("structure", "Bundle.entry[0]")]),
        (bundle({}), [("structure", "Bundle.entry[0]")]),
        (bundle({"resource": {}}), [("required", "Bundle.entry[0].request")]),
        (bundle({"resource": {}, "request": REQUEST, "surname": 1}), [("structure", "Bundle.entry[0]")]),
        (bundle({"resource": {}, "request": {"method": "POST"}}), [("required", "Bundle.entry[0].request.url")]),
        (bundle({"resource": {}, "request": {**REQUEST, "method": "STEAL"}}), [("code-invalid", "Bundle.entry[0].request.method")]),
        (bundle({"resource": {}, "request": {**REQUEST, "url": "a b"}}), [("value", "Bundle.entry[0].request.url")]),
        (bundle({"resource": {}, "request": {**REQUEST, "ifMatch": 1}}), [("structure", "Bundle.entry[0].request.ifMatch")]),
        (bundle({"request": REQUEST}), [("required", "Bundle.entry[0].resource")]),
        (bundle({"resource": {}, "request": REQUEST, "response": {"status": "200"}}), [("invariant", "Bundle.entry[0].response")]),
        (bundle(*[{"fullUrl": "urn:uuid:1", "resource": {}, "request": REQUEST}] * 2), [("invariant", "Bundle.entry[1].fullUrl")]),
        (bundle({"fullUrl": "a/_history/1", "resource": {}, "request": REQUEST}), [("invariant", "Bundle.entry[0].fullUrl")]),
        (bundle({"fullUrl": "x\u0000", "resource": {}, "request": REQUEST}), [("value", "Bundle.entry[0].fullUrl")]),
        (b'{"resourceType":"Bundle","type":"batch","type":"batch"}', [("structure", "Bundle")]),
        (bundle({"resource": {}, "request": REQUEST}).replace(b'"url"', b'"url":"x","url"'), [("structure", "Bundle.entry[0].request")]),
        (bundle({"resource": {}, "request": REQUEST}).replace(b'"resource"', b'"resource":{},"resource"'), [("structure", "Bundle")]),
        (b'{"resourceType":"Bundle","type":"batch","meta":' + b'{"extension":[' * 100_000, [("structure", "Bundle")]),
        (b'{"resourceType":"Bundle","type":"batch","entry":' + b"[" * 100_000, [("structure", "Bundle")]),
        (b'{"resourceType":"Bundle","type":"batch","entry":[{"resource":' + b"[" * 100_000, [("structure", "Bundle")]),
    ],
)
def test_an_invalid_outside_is_refused(data: bytes, issues: list[tuple[str, str]]) -> None:
    """With code and place, whatever the resources inside are like."""
    assert refused(data) == issues


def test_the_caller_may_take_one_type_only() -> None:
    """A batch is not to be run as a transaction."""
    with pytest.raises(InvalidResource):
        parse_bundle(bundle(type="batch"), types=("transaction",))
    assert parse_bundle(bundle(), types=("transaction",)) == []


@given(st.lists(st.text(st.sampled_from('"\\u0022{}[]:,id'), max_size=12), min_size=1, max_size=4), st.booleans())
def test_texts_of_any_look_are_no_reason_to_refuse_or_to_miss(texts: list[str], twice: bool) -> None:
    """The count of quotation marks holds for whatever the resources inside contain."""
    entries = [{"resource": {"x": text, text: [text]}, "request": {"method": "POST", "url": "Patient"}} for text in texts]
    data = bundle(*entries)
    if twice:
        assert refused(data.replace(b'"method": "POST"', b'"method": "POST", "method": "POST"', 1))
    else:
        assert len(parse_bundle(data)) == len(texts)
