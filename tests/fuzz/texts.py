"""Bodies that are no JSON, or JSON that a lenient reader takes: each a spoilt form of one valid Patient."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random  # noqa: TID251 - chance comes in as an argument, from a seed

    from tests.fuzz.marks import Marks

NOT_JSON = "not JSON in UTF-8"
TWICE = "more than once"
CONTROL = "control characters"
HALF = "surrogate"
DEEP = "nested deeper"
DEPTHS = (65, 100, 1_000, 20_000, 500_000)


@dataclass(frozen=True)
class Spoilt:
    """A body, what is wrong with it, and what the refusal must say; `place` is relative to the Patient."""

    what: str
    data: bytes
    issue: str
    place: str
    says: str

    @property
    def no_json(self) -> bool:
        """Whether the text around it is no JSON either."""
        return self.says == NOT_JSON


def valid(marks: Marks, **more: object) -> bytes:
    """Return a Patient with a mark in every text."""
    patient = {
        "resourceType": "Patient",
        "extension": [{"url": "urn:" + marks.new(), "valueDecimal": 1.5}],
        "identifier": [{"system": "urn:" + marks.new(), "value": marks.new()}],
        "name": [{"family": marks.new(), "given": [marks.new()]}],
        "birthDate": "1980-02-29",
        "multipleBirthInteger": 2,
    }
    return json.dumps(patient | more, separators=(",", ":")).encode()


def all_spoilt(marks: Marks, rng: Random, cuts: int) -> Iterator[Spoilt]:
    """Yield bodies of every kind; `cuts` of them are cut off somewhere."""
    yield from cut_off(valid(marks), rng, cuts)
    yield from broken(marks)
    yield from other_encodings(marks)
    yield from no_objects(marks)
    yield from bad_texts(marks)
    yield from doubled(marks)
    yield from numbers(marks)
    yield from nested(marks)


def cut_off(data: bytes, rng: Random, cuts: int) -> Iterator[Spoilt]:
    """Bodies that end too early."""
    for at in sorted(rng.sample(range(len(data)), min(cuts, len(data)))):
        yield Spoilt(f"cut off after {at} bytes", data[:at], "structure", "", NOT_JSON)


def broken(marks: Marks) -> Iterator[Spoilt]:
    """What is not the grammar of JSON."""
    data = valid(marks)
    behind = (b" x", b"}", b",", b"\x00", data, b"//" + marks.new().encode(), b"/*" + marks.new().encode() + b"*/")
    for text in behind:
        yield Spoilt(f"{text[:4]!r} behind the object", data + text, "structure", "", NOT_JSON)
    inside = (b'"active":', b"active:true", b"'active':true", b'"active"true', b'"active":True', b'"active":undefined', b'"active":true,')
    values = (b"NaN", b"Infinity", b"-Infinity", b"01", b"+1", b".5", b"1.", b"0x10", b"1_000", b"1e", b"--1", b"{", b"[", b'"')
    for text in (*inside, *(b'"multipleBirthInteger":' + value for value in values), b"\x00", b"/**/", b"#"):
        yield Spoilt(f"{text.decode()!r} in the object", b"{" + text + b"," + data[1:], "structure", "", NOT_JSON)
    for text in (b"\x00", b"\x01", b"\x1f", b"\n", b"\t", rb"\x41", rb"\u12", rb"\u{41}", rb"\'", rb"\0", rb"\uD8", rb"\q"):
        spoilt = data.replace(b'"family":"', b'"family":"' + text)
        yield Spoilt(f"{text!r} unescaped in a string", spoilt, "structure", "", NOT_JSON)


def other_encodings(marks: Marks) -> Iterator[Spoilt]:
    """What is not UTF-8."""
    data, text = valid(marks), valid(marks).decode()
    bad = {
        "a byte that begins nothing": b"\xff",
        "a byte that continues nothing": b"\x80",
        "an overlong slash": b"\xc0\xaf",
        "an overlong NUL": b"\xc0\x80",
        "a surrogate as UTF-8": b"\xed\xa0\x80",
        "a pair of surrogates as UTF-8": b"\xed\xa0\xbd\xed\xb8\x80",
        "a code point above the last": b"\xf4\x90\x80\x80",
        "half of a character": b"\xe2\x82",
        "Latin-1": "é".encode("latin-1"),
    }
    for what, one in bad.items():
        yield Spoilt(f"{what} in a string", data.replace(b'"family":"', b'"family":"' + one), "structure", "", NOT_JSON)
        yield Spoilt(f"{what} in a name", data.replace(b'"family"', b'"fam' + one + b'ily"'), "structure", "", NOT_JSON)
    yield Spoilt("a byte order mark", b"\xef\xbb\xbf" + data, "structure", "", NOT_JSON)
    for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"):
        yield Spoilt(name, text.encode(name), "structure", "", NOT_JSON)
    yield Spoilt("compressed", gzip.compress(data), "structure", "", NOT_JSON)
    yield Spoilt("XML", f'<Patient xmlns="http://hl7.org/fhir"><id value="{marks.new()}"/></Patient>'.encode(), "structure", "", NOT_JSON)


def no_objects(marks: Marks) -> Iterator[Spoilt]:
    """JSON of another kind, and objects of no type."""
    for data in (b"", b" \n", b"\x00"):
        yield Spoilt(f"{data!r} alone", data, "structure", "", NOT_JSON)
    for text in ("null", "true", "7", f'"{marks.new()}"', "[]", f'[{{"resourceType":"{marks.new()}"}}]'):
        yield Spoilt(f"{text[:5]} in place of an object", text.encode(), "structure", "", "must be a JSON object")
    yield Spoilt("no resourceType", f'{{"active":true,"{marks.new()}":1}}'.encode(), "required", "", "resourceType")
    for text in (f'"{marks.new()}"', "7", "null", '["Patient"]', f'{{"Patient":"{marks.new()}"}}', '"patient"', '"DomainResource"'):
        yield Spoilt("a resourceType that is none", f'{{"resourceType":{text}}}'.encode(), "", "", "resourceType")


def bad_texts(marks: Marks) -> Iterator[Spoilt]:
    """Strings that JSON can write and FHIR does not take."""
    data = valid(marks)
    for escape in (r"\u0000", r"\u0001", r"\u0008", r"\b", r"\f", r"\u000B", r"\u001f"):
        yield _in_family(data, escape, CONTROL)
    for escape in (r"\ud800", r"\uDFFF", r"\ude00\ud83d", r"\ud83dx", r"\ud83d\u0041"):
        yield _in_family(data, escape, HALF)


def _in_family(data: bytes, escape: str, says: str) -> Spoilt:
    spoilt = data.replace(b'"family":"', b'"family":"' + escape.encode())
    return Spoilt(f"{escape} in a string", spoilt, "value", ".name[0].family", says)


def doubled(marks: Marks) -> Iterator[Spoilt]:
    """Names that come twice, however they are written."""
    mark = marks.new()
    top = (
        f'"active":true,"active":"{mark}"',
        '"active":true,"active":true',
        r'"active":true,"\u0061ctive":false',
        f'"resourceType":"{mark}"',
        '"resourceType":"Patient"',
        f'"{mark}":1,"{mark}":1',
    )
    for text in top:
        yield Spoilt(f"{text[:20]} beside another", b"{" + text.encode() + b"," + valid(marks)[1:], "", "", "")
    for text in ('"family":"x",', rb'"f\u0061mily":"x",'.decode(), '"given":["x"],'):
        spoilt = valid(marks).replace(b'"name":[{', b'"name":[{' + text.encode())
        yield Spoilt(f"{text} twice in a name", spoilt, "structure", ".name[0]", TWICE)


def numbers(marks: Marks) -> Iterator[Spoilt]:
    """Numbers that are too large, too long or of another kind."""
    long = "7391846275" * 30
    for text in ("2147483648", "-2147483649", "1.5", "1e400", "1E+999999999", long, long * 400, f"1e{long}"):
        spoilt = valid(marks).replace(b'"multipleBirthInteger":2', b'"multipleBirthInteger":' + text.encode())
        yield Spoilt(f"the integer {text[:12]}", spoilt, "value", ".multipleBirth", "")
    for text in ("1e999999999", "1e-999999999", f"1e{long}", long, "0." + long, "-" + long * 400, "1" + "0" * 65):
        spoilt = valid(marks).replace(b"1.5", text.encode())
        yield Spoilt(f"the decimal {text[:12]}", spoilt, "value", ".extension[0].value", "")


def nested(marks: Marks) -> Iterator[Spoilt]:
    """What is deeper than anything that is meant."""
    url = f'"url":"urn:{marks.new()}"'
    shells = {
        "arrays": ("[", "]"),
        "objects": ('{"a":', "}"),
        "contained resources": ('{"resourceType":"Basic","contained":[', "]}"),
        "extensions": (f'{{{url},"extension":[', "]}"),
    }
    for what, (opening, closing) in shells.items():
        for depth in DEPTHS:
            inside = opening * depth + closing * depth
            for name in ("extension", "contained", marks.new()):
                spoilt = b'{"' + name.encode() + b'":[' + inside.encode() + b"]," + valid(marks)[1:]
                if len(spoilt) < LARGEST:
                    yield Spoilt(f"{depth} {what} in one another", spoilt, "structure", "", DEEP)
    yield Spoilt("brackets without end", b"[" * 1_000_000, "structure", "", "")
    yield Spoilt("objects without end", b'{"a":' * 300_000, "structure", "", "")


LARGEST = 2_000_000
"""A create takes two mebibytes."""
