"""Resources of every type out of the definitions, right and wrong ones, and ways to spoil a resource."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from confide.clinic.fhir.definitions.facts import Property, facts, is_primitive, properties
from confide.clinic.fhir.definitions.structs import RESOURCE_TYPES

if TYPE_CHECKING:
    from random import Random  # noqa: TID251 - the type only; Hypothesis makes the value

TYPES = sorted(RESOURCE_TYPES)

GOOD: dict[str, list[Any]] = {
    "boolean": [True, False],
    "decimal": [1.5, 0, -3, 1e-7, 123456789012345678],
    "integer": [0, -1, 2147483647],
    "unsignedInt": [0, 7],
    "positiveInt": [1, 2147483647],
    "string": ["x", "'; DROP TABLE x; --", "{{7*7}}", "\u202eright to left", "\U0001f468\u200d\u2695", 'say "null", [null] {}', "a\\b\n\t"],
    "markdown": ["*x*"],
    "xhtml": ['<div xmlns="http://www.w3.org/1999/xhtml">x</div>'],
    "uri": ["http://example.org/a", "urn:uuid:1", "#a"],
    "url": ["https://example.org"],
    "canonical": ["http://example.org/a|1"],
    "oid": ["urn:oid:1.2.3"],
    "uuid": ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
    "id": ["a", "A-1.b"],
    "code": ["x", "a b"],
    "date": ["2024", "2024-02", "2024-02-29", "1974-12-25"],
    "dateTime": ["2024-02-29", "2024-02-29T12:00:00Z", "2015-02-07T13:28:17.239+02:00"],
    "instant": ["2015-02-07T13:28:17.239+02:00"],
    "time": ["23:59:60"],
    "base64Binary": ["QUJD", "QQ==", "QUJD\nQUJD"],
}
BAD: list[Any] = [
    None, {}, [], "", " ", "x ", "\x0b", "\x00", "\ud800", "2023-02-29", "1974-02-30", "2024-02-29\n", "2024-01-01T25:00:00Z",
    "0000", "QQ", "   ", "a=b=", 0, -1, 2**31, 1.0, 1.5, True, [None], [[]], {"a": 1}, {"id": "x"}, {"extension": []},
    "urn:oid:9.1", "no such code", "\u00a0", "x" * 65,
]  # fmt: skip


def resource(random: Random, type_name: str) -> dict[str, Any]:
    """A resource whose shape is right, mostly; its invariants are left to chance."""
    return {"resourceType": type_name, **_object(random, type_name, 4)}


def _object(random: Random, path: str, levels: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for prop in properties(path).values():
        needed = prop.element.min > 0 and not prop.sibling and prop.type == prop.element.types[0]
        # an id alone, and a sibling, are rare enough to be met now and then
        chance = 0.02 if prop.sibling or prop.element.name.endswith("[x]") or levels < 3 else 0.12
        if needed or (levels > 0 and random.random() < chance):
            made[prop.name] = _values(random, prop, levels)
    if not made:
        name = next((n for n in ("text", "value", "display", "reference", "description") if n in properties(path)), None)
        if name is not None:
            made[name] = _values(random, properties(path)[name], 1)
    return made


def _values(random: Random, prop: Property, levels: int) -> Any:
    if not prop.element.many:
        return _value(random, prop, levels)
    values = [_value(random, prop, levels) for _ in range(random.choice([1, 1, 2]))]
    if is_primitive(prop.type) and random.random() < 0.05:
        values.append(None)
    return values


def _value(random: Random, prop: Property, levels: int) -> Any:
    codes = prop.element.codes
    if prop.sibling:
        return {"extension": [{"url": "http://example.org/e", "valueCode": "unknown"}]}
    if prop.type == "code" and codes is not None:
        return random.choice([code for some in facts().codes[codes].values() for code in some])
    if prop.type == "CodeableConcept" and codes is not None:
        system, some = random.choice(list(facts().codes[codes].items()))
        return {"coding": [{"system": system, "code": random.choice(some)}]}
    if is_primitive(prop.type):
        return random.choice(GOOD[prop.type.removeprefix("@")])
    if prop.type == "Resource":
        return resource(random, random.choice(["Patient", "Basic", "Observation", "Bundle"])) if levels > 1 else {"resourceType": "Binary"}
    if prop.type == "Extension":
        return {"url": "http://example.org/e", "valueDecimal": 1.5}
    return _object(random, prop.type, levels - 1)


def spoil(random: Random, node: Any) -> str:
    """The JSON of a resource with one thing changed; often that makes it invalid."""
    places = list(_places(node))
    if not places:  # spoilt before, down to nothing
        return json.dumps(node)
    holder, key = random.choice(places)
    kind = random.randrange(8)
    value = holder[key]
    if kind == 0:
        del holder[key]
    elif kind == 1:
        holder[key] = random.choice(BAD)
    elif kind == 2:
        holder[key] = [value]
    elif kind == 3 and isinstance(value, list):
        holder[key] = value[0] if value else value
    elif kind == 4 and isinstance(holder, dict):
        holder[random.choice(["_" + key, key + "x", "id", "extension", "resourceType", "contained"])] = random.choice([value, *BAD])
    elif kind == 5 and isinstance(holder, dict):
        return _twice(node, holder, key)
    elif kind == 6:
        holder[key] = str(value)
    else:
        holder[key] = random.choice([x for some in GOOD.values() for x in some])
    return json.dumps(node)


def _places(node: Any) -> Any:
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _twice(node: Any, holder: dict[str, Any], key: str) -> str:
    """The same property two times, which no dict can hold."""
    mark = "repeated by the test"
    holder[mark] = holder[key]
    return json.dumps(node).replace(json.dumps(mark), json.dumps(key))
