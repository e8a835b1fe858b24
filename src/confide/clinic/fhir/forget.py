"""Take one patient out of a resource that names others as well."""

from __future__ import annotations

from typing import Any

import msgspec

MASKED = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}
"""What stands where a reference to the person stood, so that required elements stay present (R4, data-absent-reason)."""

_DECODE = msgspec.json.Decoder(float_hook=lambda text: msgspec.Raw(text.encode())).decode
_ENCODE = msgspec.json.Encoder().encode


def without(content: bytes, names: frozenset[str]) -> bytes:
    """Return the JSON of a resource in which every Reference to one of `names` is masked; decimals keep their digits.

    The whole Reference goes: its display and its identifier tell who it was. So does the narrative, which tells it in words.
    """
    resource = _DECODE(content)
    resource.pop("text", None)
    return _ENCODE(_masked(resource, names))


def _masked(node: Any, names: frozenset[str]) -> Any:
    if isinstance(node, list):
        return [_masked(one, names) for one in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("reference")
    if isinstance(reference, str) and reference.split("/_history/", 1)[0] in names:
        return MASKED
    return {name: _masked(value, names) for name, value in node.items()}
