"""Log events: registered, typed, and without a place for free text."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import pkgutil
import typing
from enum import Enum
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

import confide
from confide.values import logged
from confide.values.logged import LABEL_CHARACTERS, REGISTERED, Label, LogEvent
from tests.architecture.house_rules import called, calls, sources

HOUSE = Path(__file__).resolve().parents[2] / "src" / "confide"
TYPES = {bool, int, UUID, Label, type(None)}
LABELS_ARE_MADE_IN = {"values/logged.py", "watch/log.py", "clinic/app.py"}


def kinds(event: type[LogEvent]) -> dict[str, set[type]]:
    """The types that each field of an event may have."""
    hints = typing.get_type_hints(event)
    return {one.name: set(typing.get_args(hints[one.name])) or {hints[one.name]} for one in dataclasses.fields(event)}


def descendants(kind: type[LogEvent]) -> set[type[LogEvent]]:
    """Every event class there is."""
    return {one for below in kind.__subclasses__() for one in {below} | descendants(below)}


def test_every_event_is_registered() -> None:
    """After every module of the house was imported, no event class is left out; those of tests do not count."""
    for module in pkgutil.walk_packages(confide.__path__, "confide."):
        if ".migrations." not in module.name:
            importlib.import_module(module.name)

    assert {one for one in descendants(LogEvent) if one.__module__.startswith("confide.")} == REGISTERED


def test_every_event_has_a_name_of_its_own() -> None:
    """Whoever filters logs relies on it."""
    names = [one.name for one in REGISTERED]

    assert len(set(names)) == len(names)
    assert all(names)
    assert "name" not in {field for one in REGISTERED for field in kinds(one)}


@pytest.mark.parametrize("event", sorted(REGISTERED, key=str))
def test_no_event_has_room_for_free_text(event: type[LogEvent]) -> None:
    """Numbers, truth values, enums, identifiers and labels; and nothing can be changed once it is made."""
    found = {kind for allowed in kinds(event).values() for kind in allowed}

    assert {kind for kind in found if kind not in TYPES and not issubclass(kind, Enum)} == set()
    assert event.__dataclass_params__.frozen  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", ["text", b"bytes", 1.5, ["list"], {"a": 1}, ValueError("text"), object()])
def test_a_field_with_free_text_is_refused(value: object) -> None:
    """Whatever type checking was ignored: the sink looks again, and its refusal does not repeat the value."""

    @dataclasses.dataclass(frozen=True)
    class Careless(LogEvent):
        name = "careless"
        what: object

    with pytest.raises(TypeError, match="what of careless") as refused:
        Careless(value).shown()
    assert str(value) not in str(refused.value)


@pytest.mark.parametrize("text", ["a" * (LABEL_CHARACTERS + 1), "line\nbreak", "Łukasz", "\x1b[31m", "\x00", "a\u2028b", "tab\t"])
def test_a_label_is_a_short_plain_name(text: str) -> None:
    """Anything else is refused without being repeated."""
    with pytest.raises(ValueError, match="label") as refused:
        Label(text)
    assert text not in str(refused.value)


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), max_size=LABEL_CHARACTERS))
def test_a_label_shows_its_name(text: str) -> None:
    """Names of routes, types and modules are shown as they are."""

    @dataclasses.dataclass(frozen=True)
    class Event(LogEvent):
        name = "event"
        what: Label

    assert Event(Label(text)).shown() == {"what": text}


def test_a_label_does_not_print_itself() -> None:
    """It goes into the log by way of the sink, and nowhere by mistake."""
    assert "name" not in repr(Label("name"))


def test_labels_are_made_in_few_places() -> None:
    """Whoever makes a label anywhere else is asked by this test where its text comes from."""
    makers = {path for path, tree in sources(HOUSE) for call in calls(tree) if called(call) == "Label"}
    imports = {
        path
        for path, tree in sources(HOUSE)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == logged.__name__ and any(alias.name == "Label" for alias in node.names)
    }

    assert makers | imports <= LABELS_ARE_MADE_IN
    assert makers


def test_nothing_else_writes_log_lines() -> None:
    """Outside of watch, whoever knows the standard library's logging or warnings may quieten a library, and says nothing by them."""
    speaking = {"debug", "info", "warning", "warn", "error", "exception", "critical", "log"}
    knowing = {
        path
        for path, tree in sources(HOUSE)
        for node in ast.walk(tree)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", "") or ""])
        if isinstance(node, ast.Import | ast.ImportFrom) and name.partition(".")[0] in {"logging", "warnings"}
    }

    assert "watch/log.py" in knowing
    assert {path for path, tree in sources(HOUSE) for call in calls(tree) if path in knowing and called(call) in speaking} <= {
        "watch/log.py"
    }
