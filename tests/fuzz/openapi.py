"""An OpenAPI description of the server, made from its own CapabilityStatement, for a generator of requests that we did not write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]

_FORMATS: dict[str, Json] = {
    "date": {"type": "string", "format": "date"},
    "string": {"type": "string", "minLength": 2},
    "token": {"type": "string", "minLength": 1},
    "reference": {"type": "string", "pattern": "^[A-Za-z0-9]{1,64}$"},
}
_ANSWERS = {"200": {"description": "good"}, "201": {"description": "made"}, "4XX": {"description": "refused"}}


def describe(statement: Json, types: Sequence[str]) -> Json:
    """Return the OpenAPI description of some resource types."""
    paths: Json = {"/fhir": {"post": _taking(_bundle())}}
    for resource in statement["rest"][0]["resource"]:
        if resource["type"] in types:
            paths |= _paths(resource)
    return {"openapi": "3.1.0", "info": {"title": "Confide", "version": "1"}, "paths": paths}


def _paths(resource: Json) -> Json:
    name = resource["type"]
    offered = {one["code"] for one in resource["interaction"]}
    one, version = (
        _in("path", "id", {"type": "string", "pattern": "^[0-9a-f-]{36}$"}),
        _in("path", "vid", {"type": "integer", "minimum": 1}),
    )
    tag = _in("header", "If-Match", {"type": "string", "pattern": '^W/"[0-9]{1,9}"$'})
    found: Json = {f"/fhir/{name}": {}, f"/fhir/{name}/{{id}}": {"parameters": [one]}}
    if "create" in offered:
        found[f"/fhir/{name}"]["post"] = _taking(_resource(name))
    if "search-type" in offered:
        found[f"/fhir/{name}"]["get"] = {"parameters": _search(resource), "responses": _ANSWERS}
    for code, method in (("read", "get"), ("delete", "delete")):
        if code in offered:
            found[f"/fhir/{name}/{{id}}"][method] = {"parameters": [tag] if method == "delete" else [], "responses": _ANSWERS}
    if "update" in offered:
        found[f"/fhir/{name}/{{id}}"]["put"] = {"parameters": [tag], **_taking(_resource(name))}
    if "history-instance" in offered:
        count = _in("query", "_count", {"type": "integer", "minimum": 1})
        found[f"/fhir/{name}/{{id}}/_history"] = {"get": {"parameters": [one, count], "responses": _ANSWERS}}
    if "vread" in offered:
        found[f"/fhir/{name}/{{id}}/_history/{{vid}}"] = {"get": {"parameters": [one, version], "responses": _ANSWERS}}
    return found


def _search(resource: Json) -> list[Json]:
    known = [_in("query", one["name"], _FORMATS[one["type"]]) for one in resource["searchParam"]]
    counted = _in("query", "_count", {"type": "integer", "minimum": 0})
    return [*known, counted, _in("query", "_total", {"enum": ["none", "estimate", "accurate"]})]


def _in(place: str, name: str, schema: Json) -> Json:
    return {"in": place, "name": name, "schema": schema, "required": place == "path"}


def _taking(schema: Json) -> Json:
    return {"requestBody": {"required": True, "content": {"application/fhir+json": {"schema": schema}}}, "responses": _ANSWERS}


def _resource(name: str) -> Json:
    texts = {
        "type": "array",
        "minItems": 1,
        "items": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}},
    }
    return {
        "type": "object",
        "required": ["resourceType"],
        "properties": {
            "resourceType": {"const": name},
            "id": {"type": "string"},
            "language": {"type": "string"},
            "implicitRules": {"type": "string", "format": "uri"},
            "name" if name == "Patient" else "note": texts,
            "extension": {
                "type": "array",
                "items": {"type": "object", "properties": {"url": {"type": "string"}, "valueString": {"type": "string"}}},
            },
        },
    }


def _bundle() -> Json:
    request = {
        "type": "object",
        "required": ["method", "url"],
        "properties": {"method": {"enum": ["POST", "PUT", "DELETE"]}, "url": {"type": "string"}},
    }
    entry = {
        "type": "object",
        "required": ["request"],
        "properties": {"request": request, "fullUrl": {"type": "string"}, "resource": _resource("Patient")},
    }
    return {
        "type": "object",
        "required": ["resourceType", "type", "entry"],
        "properties": {
            "resourceType": {"const": "Bundle"},
            "type": {"enum": ["transaction", "batch"]},
            "entry": {"type": "array", "items": entry},
        },
    }
