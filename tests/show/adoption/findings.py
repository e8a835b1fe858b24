"""What `make show-adopt` has seen."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Findings:
    """What was seen."""

    figures: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def hold(self, is_so: bool, fault: str) -> None:
        """Note what falls short."""
        if not is_so:
            self.faults.append(fault)


def count(planted: list[bytes], content: bytes) -> int:
    """Count the values that stand in some bytes."""
    return sum(value in content for value in planted)
