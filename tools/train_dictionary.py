"""Train the dictionary that documents are compressed with: on the form of synthetic charts, without anything that a person could have.

    python -m tools.train_dictionary NUMBER

A dictionary never changes, since what was sealed with it takes the same bytes to open: another one is another number.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zstandard

from confide.cli.demonstration import patients

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "src" / "confide" / "sealed" / "dictionaries"
CHARTS = ROOT / ".cache" / "benchmarks"
LIVES = 2
SIZE = 4096
"""Bytes; with 8 KiB or 16 KiB the documents are no smaller."""
PATIENTS = 50
"""How often a Patient counts: there is one for a thousand other resources."""
OPEN = ("http://loinc.org", "http://terminology.hl7.org", "http://hl7.org", "http://unitsofmeasure.org")
"""Code systems whose codes and names may stand in it."""
SYSTEMS = (*OPEN, "http://snomed.info/sct", "http://www.nlm.nih.gov/research/umls/rxnorm", "urn:ietf")
NAMED = frozenset({"code", "display", "text", "unit"})
WORDS = frozenset({"resourceType", "status", "use", "intent", "type", "gender", "rank", "mode", "outcome"})
"""Elements whose values are words of the standard."""


def form(value: Any, key: str = "", *, is_open: bool = False) -> Any:
    """Return a resource without what differs from chart to chart: texts, numbers, times, references, most codes."""
    match value:
        case dict():
            about = [value, *(value.get("coding") or [])] if isinstance(value.get("coding", []), list) else [value]
            open_here = any(str(one.get("system", "")).startswith(OPEN) for one in about)
            return {name: form(one, name, is_open=open_here) for name, one in value.items()}
        case list():
            return [form(one, key, is_open=is_open) for one in value]
        case bool():
            return value
        case str():
            kept = value.startswith(SYSTEMS) or (is_open and key in NAMED) or (key in WORDS and value.isidentifier())
            return value if kept else ""
        case _:
            return 0


def samples(bundles: Iterable[Path]) -> list[bytes | bytearray | memoryview]:
    """Return what a dictionary is trained on."""
    found: list[bytes | bytearray | memoryview] = []
    for bundle in bundles:
        for entry in json.loads(bundle.read_bytes())["entry"]:
            resource = entry["resource"]
            one = json.dumps(form(resource), separators=(",", ":")).encode()
            found += [one] * (PATIENTS if resource["resourceType"] == "Patient" else 1)
    return found


def main(number: int) -> int:
    """Write a dictionary that is not there yet; return the exit code."""
    target = FOLDER / f"{number}.zdict"
    if target.exists():
        print(f"{target.relative_to(ROOT)} is there, and what was sealed with it needs it: take another number.", file=sys.stderr)
        return 1
    lives = patients.wanted(CHARTS, LIVES)
    patients.generate(patients.missing(lives), lambda: None)
    target.write_bytes(zstandard.train_dictionary(SIZE, samples(life.bundle for life in lives)).as_bytes())
    print(target.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
