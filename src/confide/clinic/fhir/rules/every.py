"""All rules, and how they are asked. A rule takes one resource of the right shape and returns its issues."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from confide.clinic.fhir.errors import Issue
from confide.clinic.fhir.rules import allergy_intolerance, bundle, condition, contained, narrative, observation, organization
from confide.clinic.fhir.rules.inside import resources

Rule = Callable[[Any], list[Issue]]

EVERYWHERE: tuple[Rule, ...] = (narrative.check, contained.check)
RULES: dict[str, tuple[Rule, ...]] = {
    "AllergyIntolerance": (allergy_intolerance.check,),
    "Bundle": (bundle.check,),
    "Condition": (condition.check,),
    "Observation": (observation.check,),
    "Organization": (organization.check,),
}


def check(resource: Any) -> list[Issue]:
    """Every issue that the rules find in a resource and in those inside of it."""
    found: list[Issue] = []
    for where, one in resources(resource):
        name = type(one).__name__
        for rule in EVERYWHERE + RULES.get(name, ()):
            found += [issue if where == name else _moved(issue, name, where) for issue in rule(one)]
    return found


def _moved(issue: Issue, name: str, where: str) -> Issue:
    """The issue of an inner resource, located from the outermost one."""
    return replace(issue, location=where + issue.location.removeprefix(name))
