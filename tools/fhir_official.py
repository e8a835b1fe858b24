"""Compare compiled facts with the official JSON schema, and take out what the publisher of the package added.

The schema has habits of its own that are no differences: it gives arrays of ``canonical`` no sibling, it lets every
nested element carry ``modifierExtension`` even where R4 says Element, and it leaves ``Meta`` out of the open types.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def _target(node: Json) -> str:
    """The definition that a property (or the items of it) refers to."""
    reference: str = node.get("items", node).get("$ref", "")
    return reference.rsplit("/", 1)[-1]


def json_names(row: list[Any]) -> list[str]:
    """The JSON property names of one element: several for a choice."""
    return [row[0].replace("[x]", code[0].upper() + code[1:]) for code in row[1]] if "[x]" in row[0] else [row[0]]


def _visit(facts: Json, path: str, definition: str, schema: Json, report: list[str]) -> None:
    """One path of one type and those below it: drops elements unknown to the schema, notes every other difference."""
    official = schema["definitions"][definition]
    known = official["properties"]
    for row in list(facts["elements"][path]):
        names = [name for name in json_names(row) if name in known]
        if not names:
            report.append(f"dropped {path}.{row[0]}: not in the specification")
            facts["elements"][path].remove(row)
            continue
        report += _differences(path, row, official)
        if row[1][0].startswith(path + "."):  # a part of this one, not a reference to another
            _visit(facts, row[1][0], _target(known[names[0]]), schema, report)
    ours = {name for row in facts["elements"][path] for name in json_names(row)}
    extra = {n for n in known if not n.startswith("_")} - ours - {"resourceType", "modifierExtension"}
    if extra:
        report.append(f"{path}: only in the schema {sorted(extra)}")


def _differences(path: str, row: list[Any], official: Json) -> list[str]:
    """What the schema says differently about one element; what it requires becomes required."""
    known = official["properties"]
    found = []
    names = json_names(row)
    missing = [name for name in names if name not in known]
    if missing and [name.removeprefix(row[0].removesuffix("[x]")) for name in missing] != ["Meta"]:
        found.append(f"{path}.{row[0]}: the schema lacks {missing}")
    if any(name in known and ("items" in known[name]) != bool(row[3]) for name in names):
        found.append(f"{path}.{row[0]}: one of the two says list")
    if row[0] in official.get("required", []) and not row[2]:
        row[2] = 1
        found.append(f"{path}.{row[0]}: made required, as in the schema")
    return found


def _codes(name: str, facts: Json, schema: Json, lists: list[dict[str, list[str]]], report: list[str]) -> None:
    """Enumerations of the top level against the code lists."""
    known = schema["definitions"][name]["properties"]
    for row in facts["elements"][name]:
        node = known.get(row[0], {})
        enum = node.get("items", node).get("enum")
        bound = row[4] if len(row) > 4 else None  # noqa: PLR2004
        if enum and bound is None:
            report.append(f"{name}.{row[0]}: codes only in the schema")
        elif enum and bound is not None:
            ours = {code for codes in lists[bound].values() for code in codes}
            if ours != set(enum):
                report.append(f"{name}.{row[0]}: codes differ {sorted(ours ^ set(enum))[:5]}")


def reconcile(types: dict[str, Json], lists: list[dict[str, list[str]]], schema: Json) -> list[str]:
    """Drop additions from ``types`` in place; the returned sentences say what was dropped and what else differs."""
    report: list[str] = []
    for name, facts in types.items():
        _visit(facts, name, name, schema, report)
        _codes(name, facts, schema, lists, report)
    names = set(schema["discriminator"]["mapping"])
    ours = {name for name, facts in types.items() if facts["kind"] == "resource"}
    if names != ours:
        report.append(f"resource types differ: {sorted(names ^ ours)}")
    return report
