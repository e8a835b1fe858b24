"""Expand the value sets that R4 binds as *required*, where a plain list of codes can be had from the packages."""

from __future__ import annotations

import re
from typing import Any

Json = dict[str, Any]


class Terminology:
    """Value sets and code systems by canonical address, and the code lists that were asked for, each stored once."""

    def __init__(self, resources: list[Json]) -> None:
        self.value_sets = {r["url"]: r for r in resources if r["resourceType"] == "ValueSet"}
        self.code_systems = {r["url"]: r for r in resources if r["resourceType"] == "CodeSystem"}
        self.lists: list[dict[str, list[str]]] = []
        self.open: set[str] = set()

    def index(self, canonical: str) -> int | None:
        """Where the expansion of a value set stands in ``lists``; None (and noted in ``open``) when it has no plain list."""
        url = canonical.split("|", maxsplit=1)[0]
        expansion = self.expand(url, ())
        if not expansion:
            self.open.add(url)
            return None
        if expansion not in self.lists:
            self.lists.append(expansion)
        return self.lists.index(expansion)

    def expand(self, url: str, seen: tuple[str, ...]) -> dict[str, list[str]] | None:
        """Codes by system, or None when a part of the value set is not a plain list."""
        compose = self.value_sets.get(url, {}).get("compose")
        if compose is None or url in seen or compose.get("exclude"):
            return None
        codes: dict[str, list[str]] = {}
        for include in compose["include"]:
            part = self._include(include, (*seen, url))
            if part is None:
                return None
            for system, some in part.items():
                known = codes.setdefault(system, [])
                known.extend(code for code in some if code not in known)
        return codes

    def _include(self, include: Json, seen: tuple[str, ...]) -> dict[str, list[str]] | None:
        if "valueSet" in include and "system" not in include and len(include["valueSet"]) == 1:
            return self.expand(include["valueSet"][0].split("|")[0], seen)
        if "valueSet" in include:
            return None
        if "concept" in include:
            return {include["system"]: [c["code"] for c in include["concept"]]}
        system = self.code_systems.get(include.get("system", ""))
        if system is None or system.get("content") != "complete":
            return None
        kept = [c for c in _concepts(system.get("concept", []), ()) if _passes(c, include.get("filter", []))]
        return {include["system"]: [c[0] for c in kept]} if kept else None


def _concepts(concepts: list[Json], above: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """Every code with the codes above it: the hierarchy, and properties ``subsumedBy``."""
    found = []
    for concept in concepts:
        parents = [p["valueCode"] for p in concept.get("property", []) if p["code"] == "subsumedBy" and "valueCode" in p]
        lineage = (*above, *parents)
        found.append((concept["code"], lineage))
        found.extend(_concepts(concept.get("concept", []), (*lineage, concept["code"])))
    return found


def _passes(concept: tuple[str, tuple[str, ...]], filters: list[Json]) -> bool:
    """Only ``is-a`` and ``regex`` on the code are understood; anything else leaves the list empty, hence open."""
    code, above = concept
    for rule in filters:
        if rule["op"] == "is-a" and rule["property"] == "concept":
            if code != rule["value"] and rule["value"] not in above:
                return False
        elif not (rule["op"] == "regex" and rule["property"] == "code" and re.fullmatch(rule["value"], code)):
            return False
    return True
