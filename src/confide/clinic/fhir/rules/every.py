"""All rules, in the order they are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from confide.clinic.fhir.errors import Issue
from confide.clinic.fhir.rules import narrative

Rule = Callable[[Any], list[Issue]]

RULES: tuple[Rule, ...] = (narrative.check,)


def check(resource: Any) -> list[Issue]:
    """Every issue that the rules find."""
    return [issue for rule in RULES for issue in rule(resource)]
