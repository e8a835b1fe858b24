"""What is wrong with an answer, as sentences; none when all is well."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from confide.clinic.fhir.errors import InvalidResource
from confide.clinic.fhir.validate import parse
from tests.fuzz.inputs import UNSIGNED, Surface
from tests.fuzz.locations import leads_somewhere

if TYPE_CHECKING:
    from tests.fuzz.inputs import Expected, Input
    from tests.fuzz.marks import Marks
    from tests.fuzz.wire import Answer

SEVERITIES = {"fatal", "error", "warning", "information"}
ISSUE_TYPES = set(
    """invalid structure required value invariant security login unknown expired forbidden suppressed processing not-supported duplicate
    multiple-matches not-found deleted too-long code-invalid extension too-costly business-rule conflict transient lock-error no-store
    exception timeout incomplete throttled informational""".split()  # noqa: SIM905 - words read better as one text
)
"""https://hl7.org/fhir/R4/valueset-issue-type.html, written down here again so that nothing of ours judges itself."""
INJECTED = "x-injected"
"""The header that inputs try to inject."""
FHIR_TYPE = "application/fhir+json; charset=utf-8"

Json = dict[str, Any]


def faults(answer: Answer, one: Input, marks: Marks) -> list[str]:
    """Return what is wrong with the answer to an input."""
    if answer.status == 0:
        return [] if one.expected.silence else ["the connection ended without an answer"]
    found = []
    if answer.status >= 500:
        found.append(f"it is answered with {answer.status}")
    if answer.status not in one.expected.statuses:
        found.append(f"it is answered with {answer.status} in place of {', '.join(map(str, sorted(one.expected.statuses)))}")
    if answer.header(INJECTED):
        found.append("the answer has a header that the input made")
    if answer.status >= 400:
        if marks.are_in(answer.all):
            found.append("the answer repeats a part of the input")
        found += _of_refusal(answer, one)
    return found


def _of_refusal(answer: Answer, one: Input) -> list[str]:
    if one.method == "HEAD":
        return []
    match one.surface:
        case Surface.FHIR:
            return _of_outcome(answer, one.expected)
        case Surface.PORTAL:
            return _of_portal(answer)
        case Surface.PAGE:
            return [] if answer.header("content-type") == "text/html; charset=utf-8" else ["a page is not HTML in UTF-8"]
        case Surface.PLAIN:
            return []


def _of_portal(answer: Answer) -> list[str]:
    try:
        body = json.loads(answer.body)
    except ValueError:
        return ["the refusal is not JSON"]
    return [] if set(body) == {"code", "message"} and all(body.values()) else ["the refusal is not a code and a message"]


def _of_outcome(answer: Answer, expected: Expected) -> list[str]:
    """The body must be an OperationOutcome to our own validator and to a second look, and say what is expected."""
    found = []
    if answer.header("content-type") != FHIR_TYPE:
        found.append("the refusal is not of type application/fhir+json")
    if answer.header("x-content-type-options") != "nosniff":
        found.append("a browser may guess what the refusal is")
    if answer.status == UNSIGNED and answer.header("www-authenticate") != "Bearer":
        found.append("401 does not say how to sign in")
    try:
        parse(answer.body, type_name="OperationOutcome")
        outcome = json.loads(answer.body)
    except (InvalidResource, ValueError):
        return [*found, "the refusal is not a valid OperationOutcome"]
    issues: list[Json] = outcome["issue"]
    found += [fault for issue in issues for fault in shape(issue)]
    if not any(_meets(issue, expected) for issue in issues):
        told = "; ".join(sorted({f"{one['code']} at {one.get('expression', ['no place'])[0]}: {one['diagnostics']}" for one in issues})[:3])
        found.append(f"no issue is {expected.issue} at {expected.where or 'any place'} {expected.says!r}; told is {told}")
    return found


def shape(issue: Json) -> list[str]:
    """Return what is wrong with the shape of an issue."""
    found = []
    if not issue.keys() <= {"severity", "code", "diagnostics", "expression"}:
        found.append("an issue holds more than it needs")
    if issue.get("severity") not in SEVERITIES or issue.get("code") not in ISSUE_TYPES:
        found.append("an issue has no severity or code of FHIR")
    if not str(issue.get("diagnostics", "")).endswith("."):
        found.append("an issue has no sentence")
    found += [f"a location leads nowhere: {path}" for path in issue.get("expression", []) if not leads_somewhere(path)]
    return found


def _meets(issue: Json, expected: Expected) -> bool:
    if expected.issue and issue.get("code") != expected.issue:
        return False
    if expected.where and issue.get("expression") != [expected.where]:
        return False
    return expected.says in issue.get("diagnostics", "")
