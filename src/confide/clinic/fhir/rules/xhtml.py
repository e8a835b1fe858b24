"""The XHTML that a narrative may hold: txt-1 and txt-2 of R4 (https://hl7.org/fhir/R4/narrative.html#xhtml).

A list of what is allowed, as the reference validator has it, not of what is dangerous. Where the two ways a browser may
read the text (XML or HTML) differ, the text is refused: CDATA sections and some comments hide markup from one of them.
Addresses and styles are held to a short list too, which is stricter than FHIR asks: no scripts, nothing fetched by styles.
"""

from __future__ import annotations

import re
from xml.parsers import expat  # stdlib expat; document types, the way to entities, are refused when they begin

NAMESPACE = "http://www.w3.org/1999/xhtml"
MAX_LEVELS = 256  # elements inside one another

ELEMENTS = frozenset(
    """a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4
    h5 h6 hr i img kbd li map ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var""".split()  # noqa: SIM905 - words read better as one text
)
ATTRIBUTES = frozenset(
    """abbr accesskey align axis char charoff class colspan dir headers id lang rowspan scope span style tabindex title
    valign width xml:id xml:lang xml:space""".split()  # noqa: SIM905 - words read better as one text
)
ATTRIBUTES_OF = frozenset(
    """a.charset a.coords a.href a.hreflang a.name a.rel a.rev a.shape a.type area.alt area.coords area.href area.nohref
    area.shape blockquote.cite div.xmlns img.alt img.border img.height img.ismap img.longdesc img.src img.usemap img.width
    map.name q.cite table.border table.cellpadding table.cellspacing table.frame table.rules table.summary
    td.nowrap""".split()  # noqa: SIM905 - words read better as one text
)
ADDRESSES = frozenset({"href", "src", "cite", "longdesc", "usemap"})

_SCHEME = re.compile(r"([^/?#]*?):")
_SCHEMES = frozenset({"http", "https", "mailto", "tel", "sms", "urn", "cid"})
_IMAGE = re.compile(r"data:image/(?:png|gif|jpeg|jpg|webp|bmp);base64,[A-Za-z0-9+/=]*\Z")
_STYLE = re.compile(
    r"(?:[\w\s:;,.#%!'\"/+-]"  # no backslash, bracket, star, at sign
    r"|(?<![\w-])(?:rgba?|hsla?|calc)\([\w\s.,%+*/-]*\)"
    r"|(?<![\w-])url\((?:data:image/(?:png|gif|jpeg);base64,[A-Za-z0-9+/=]*|[\w-]+(?:\.[\w-]+)*)\))*\Z"
)


class _RefusedError(Exception):
    """Carries the sentence that says why."""


class _Look:
    """One look at one narrative."""

    def __init__(self) -> None:
        self.level = 0
        self.content = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if self.level == 0 and (name != "div" or attributes.get("xmlns") != NAMESPACE):
            raise _RefusedError("The root must be a div in the XHTML namespace.")
        if name not in ELEMENTS:
            raise _RefusedError("An element is not among those that FHIR allows in a narrative (txt-1).")
        self.level += 1
        if self.level > MAX_LEVELS:
            raise _RefusedError("The elements are nested too deeply.")
        self.content = self.content or name == "img"
        for attribute, value in attributes.items():
            _attribute(name, attribute, value)

    def end(self, _name: str) -> None:
        """An element ends."""
        self.level -= 1

    def text(self, text: str) -> None:
        """Characters between elements."""
        self.content = self.content or not text.isspace()

    def comment(self, text: str) -> None:
        """A comment; one of these beginnings ends it for a reader of HTML."""
        if text.startswith((">", "->")):
            raise _RefusedError("A comment must not begin as one that HTML takes for ended.")

    def refuse(self, *_: object) -> None:
        """Anything else that XML knows."""
        raise _RefusedError("Document types, CDATA sections and processing instructions are not allowed.")


def _attribute(element: str, name: str, value: str) -> None:
    if name not in ATTRIBUTES and f"{element}.{name}" not in ATTRIBUTES_OF:
        raise _RefusedError("An attribute is not among those that FHIR allows in a narrative (txt-1).")
    if name == "xmlns" and value != NAMESPACE:
        raise _RefusedError("A namespace other than XHTML is not allowed.")
    if name in ADDRESSES and not _address(element, value):
        raise _RefusedError("An address must be relative, or of a scheme that a narrative may use.")
    if name == "style" and not _STYLE.match(value):
        raise _RefusedError("A style may use plain properties only, without addresses of other servers.")


def _address(element: str, value: str) -> bool:
    scheme = _SCHEME.match(value.strip())
    if scheme is None or (element == "img" and _IMAGE.match(value)):
        return True
    return scheme[1].lower() in _SCHEMES  # line breaks and the like, which browsers skip, make it none of these


def flaw(div: str) -> str | None:
    """The reason to refuse a narrative, as a sentence, or None."""
    if not div.startswith("<div"):
        return "The root must be a div in the XHTML namespace."
    look = _Look()
    parser = expat.ParserCreate()
    parser.StartElementHandler = look.start
    parser.EndElementHandler = look.end
    parser.CharacterDataHandler = look.text
    parser.CommentHandler = look.comment
    parser.StartDoctypeDeclHandler = look.refuse
    parser.StartCdataSectionHandler = look.refuse
    parser.ProcessingInstructionHandler = look.refuse
    try:
        parser.Parse(div, True)  # noqa: FBT003 - positional only
    except _RefusedError as error:
        return str(error)
    except (expat.ExpatError, ValueError):
        return "The narrative must be well-formed XHTML without named entities of HTML."
    return None if look.content else "The narrative must have some content (txt-2)."
