"""The bill of materials says everything that the lock says."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tools import write_sbom

LOCK = Path(__file__).resolve().parents[2] / "requirements.lock"


def test_the_bill_lists_every_locked_package_with_its_hashes(tmp_path: Path) -> None:
    """Names, versions and hashes are those of requirements.lock, and a second run writes the same bytes."""
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    write_sbom.write(LOCK, first)
    write_sbom.write(LOCK, second, validate=False)

    bill = json.loads(first.read_text(encoding="utf-8"))
    components = {(part["name"], part["version"]) for part in bill["components"]}
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "confide"
    assert components == set(re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    assert all(reference["hashes"] for part in bill["components"] for reference in part["externalReferences"])
    assert first.read_bytes() == second.read_bytes()
