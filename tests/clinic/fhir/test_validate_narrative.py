"""Narratives: what FHIR allows passes, anything active or hidden does not."""

from __future__ import annotations

import json

import pytest

from confide.clinic.fhir.errors import InvalidResource
from confide.clinic.fhir.rules.xhtml import ATTRIBUTES, ELEMENTS, flaw
from confide.clinic.fhir.validate import parse

XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'


def div(inner: str) -> str:
    return f"<div {XHTML}>{inner}</div>"


@pytest.mark.parametrize(
    "inner",
    [
        "x",
        "a &lt; b &amp;&#160;c",
        "<p>a<br/>b</p>",
        '<table class="grid"><thead><tr><th colspan="2">a</th></tr></thead><tbody><tr><td>b</td></tr></tbody></table>',
        '<a href="https://example.org/a?b=c:d">x</a>',
        '<a href="Patient/1">x</a>',
        '<a href=" https://example.org ">x</a>',
        '<a href="#x:y">x</a>',
        '<a name="x">y</a>',
        '<a href="mailto:a@example.org">x</a>',
        '<img src="#pic" alt="x"/>',
        '<img src="data:image/png;base64,QUJD" alt="x"/>',
        '<p style="color: #fff; width: 50%; background: rgb(1, 2, 3)">x</p>',
        '<p style="background: white url(tbl_bck0.png)">x</p>',
        '<p id="x" title="&lt;script&gt;" xml:lang="de" lang="de" dir="rtl">x</p>',
        "<!-- a remark --> x",
        f"<div {XHTML}>inner</div>",
        "\u202e\u05d0 \U0001f600",
    ],
)
def test_plain_markup_is_allowed(inner: str) -> None:
    """Chapters 7 to 11 and 15 of HTML 4, links, images, inline styles."""
    assert flaw(div(inner)) is None


@pytest.mark.parametrize(
    "inner",
    [
        "<script>x</script>",
        "<SCRIPT>x</SCRIPT>",
        '<script src="x"/>x',
        "<style>x</style>",
        "<iframe/>x",
        "<object/>x",
        "<embed/>x",
        "<form>x</form>",
        "<input/>x",
        "<button>x</button>",
        "<link/>x",
        "<base/>x",
        "<meta/>x",
        "<head/>x",
        "<body>x</body>",
        "<title>x</title>",
        "<svg>x</svg>",
        "<math>x</math>",
        "<template>x</template>",
        "<ins>x</ins>",
        "<font>x</font>",
        '<p onclick="x()">x</p>',
        '<p onmouseover="x">x</p>',
        '<p ONCLICK="x">x</p>',
        '<img src="x" onerror="alert(1)"/>',
        '<img src="x" srcset="y"/>',
        '<a href="javascript:alert(1)">x</a>',
        '<a href=" java&#10;script:alert(1)">x</a>',
        '<a href="&#1;javascript:alert(1)">x</a>',
        '<a href="JaVaScRiPt:alert(1)">x</a>',
        '<a href="vbscript:x">x</a>',
        '<a href="data:text/html;base64,QUJD">x</a>',
        '<img src="data:image/svg+xml;base64,QUJD"/>',
        '<a href="file:///etc/passwd">x</a>',
        '<a target="_blank">x</a>',
        '<blockquote cite="javascript:x">x</blockquote>',
        '<p style="background: url(https://example.org/x)">x</p>',
        '<p style="background: url(//example.org/x)">x</p>',
        '<p style="background: url(&quot;https://example.org/x&quot;)">x</p>',
        '<p style="width: expression(alert(1))">x</p>',
        '<p style="width: e\\78pression(1)">x</p>',
        '<p style="@import x">x</p>',
        '<p style="a: /* */ b">x</p>',
        '<p style="xrgb(1)">x</p>',
        '<p xmlns:x="y">x</p>',
        '<p xmlns="http://www.w3.org/2000/svg">x</p>',
        '<p xlink:href="x">x</p>',
        "<x:p>x</x:p>",
        "x<![CDATA[><script>x</script>]]>",
        "x<!--><script>x</script>-->",
        "x<!---><script>x</script>-->",
        "x<?php x ?>",
        "&nbsp;",
        "&x;",
        "<p>x",
        "<p>x</b>",
        "</div><div>",
        "<p class=x>x</p>",
        "<p hidden>x</p>",
        "a < b",
        "a & b",
        "",
        " \n\t ",
        "<p></p>",
        "<b>" * 300 + "x" + "</b>" * 300,
    ],
)
def test_active_hidden_or_broken_markup_is_refused(inner: str) -> None:
    """Not because it is on a list of evils: because it is not on the list of FHIR."""
    assert flaw(div(inner)) is not None


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "<p>x</p>",
        "<div>x</div>",
        '<div xmlns="">x</div>',
        '<div xmlns="http://www.w3.org/1999/xhtml" onload="x">x</div>',
        f'<h:div xmlns:h="http://www.w3.org/1999/xhtml" {XHTML}>x</h:div>',
        f'<?xml version="1.0"?><div {XHTML}>x</div>',
        f'<!DOCTYPE div [<!ENTITY x "y">]><div {XHTML}>&x;</div>',
        f"<div {XHTML}>x</div><div {XHTML}>y</div>",
        f"<div {XHTML}>x</div> y",
        f"<DIV {XHTML}>x</DIV>",
        f"<divx {XHTML}>x</divx>",
    ],
)
def test_the_root_is_one_div_of_xhtml(text: str) -> None:
    """txt-1: a div in the XHTML namespace, without a document type."""
    assert flaw(text) is not None


def test_the_lists_name_nothing_that_runs() -> None:
    """A slip in the lists would show here."""
    assert not {name for name in ELEMENTS if name in {"script", "style", "iframe", "object", "embed", "form", "svg", "math"}}
    assert not {name for name in ATTRIBUTES if name.startswith("on")}


@pytest.mark.parametrize(
    ("resource", "location"),
    [
        ({"resourceType": "Patient", "text": "?"}, "Patient.text.div"),
        (
            {
                "resourceType": "Composition",
                "status": "final",
                "type": {"text": "x"},
                "date": "2024",
                "author": [{"display": "x"}],
                "title": "x",
                "section": [{"title": "a", "section": [{"title": "b", "text": "?"}]}],
            },
            "Composition.section[0].section[0].text.div",
        ),
        (
            {
                "resourceType": "Patient",
                "managingOrganization": {"reference": "#o"},
                "contained": [{"resourceType": "Organization", "id": "o", "name": "x", "text": "?"}],
            },
            "Patient.contained[0].text.div",
        ),
        (
            {"resourceType": "Parameters", "parameter": [{"name": "x", "resource": {"resourceType": "Patient", "text": "?"}}]},
            "Parameters.parameter[0].resource.text.div",
        ),
    ],
)
def test_every_narrative_is_looked_at(resource: dict[str, object], location: str) -> None:
    """Of the resource, of its sections, and of the resources inside of it."""
    bad = json.dumps({"status": "generated", "div": div("<script>x</script>")})
    body = json.dumps(resource).replace('"?"', bad)

    with pytest.raises(InvalidResource) as caught:
        parse(body.encode())
    assert [(i.code, i.location) for i in caught.value.issues] == [("invariant", location)]
