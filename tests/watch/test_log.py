"""The sink of the log, and what it makes of other people's records."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import logging
import sys
import threading
import warnings
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confide.values.logged import LABEL_CHARACTERS, REGISTERED, Label, LogEvent, ServerStopped, ThirdParty
from confide.watch.log import capture_loop, capture_third_party, failure, method, name_of, sink
from tests.watch.test_events import kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confide.values.logged import Log

TIME = "2026-03-01T12:00:00.000000Z"
MARKER = "quillfeather"
REQUEST = "00000000-0000-4000-8000-000000000000"
NAMES = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), max_size=LABEL_CHARACTERS)
VALUES: dict[type, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63),
    UUID: st.uuids(),
    Label: NAMES.map(Label),
    type(None): st.none(),
}


def events() -> st.SearchStrategy[LogEvent]:
    """Any registered event with any values."""

    def of(event: type[LogEvent]) -> st.SearchStrategy[LogEvent]:
        return st.builds(event, **{field: st.one_of([VALUES[one] for one in found]) for field, found in kinds(event).items()})

    return st.one_of([of(event) for event in sorted(REGISTERED, key=lambda one: one.name)])


def shown(value: Any) -> Any:
    """What a value of a field looks like in JSON."""
    match value:
        case Label():
            return value.text
        case Enum():
            return value.name
        case UUID():
            return str(value)
        case _:
            return value


@given(st.lists(events(), max_size=5))
def test_each_event_is_one_line_of_json(told: list[LogEvent]) -> None:
    """A line holds the time, the name and every field, whatever the values are, and reads back as what was told."""
    stream = io.StringIO()
    log = sink(stream, lambda: TIME)
    for event in told:
        log(event)
    lines = stream.getvalue().split("\n")

    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == [
        {"time": TIME, "event": event.name, **{field: shown(getattr(event, field)) for field in kinds(type(event))}} for event in told
    ]


def test_an_unregistered_event_is_refused() -> None:
    """A class of somebody's own, one below a registered one included, writes nothing."""
    stream = io.StringIO()

    @dataclasses.dataclass(frozen=True)
    class Mine(ServerStopped):
        patient: str = MARKER

    for event in (Mine(), LogEvent(), MARKER):
        with pytest.raises(TypeError, match="registered"):
            sink(stream, lambda: TIME)(event)  # type: ignore[arg-type]
    assert stream.getvalue() == ""


@pytest.mark.parametrize("field", ["route", "method", "status", "request", "microseconds"])
def test_a_registered_event_with_free_text_is_refused(field: str) -> None:
    """A text in the place of a label or a number writes nothing."""
    [event] = [one for one in REGISTERED if one.name == "request.completed"]
    fitting: dict[str, object] = {"route": Label("/"), "method": Label("GET"), "status": 200, "request": UUID(int=0), "microseconds": 1}
    stream = io.StringIO()

    with pytest.raises(TypeError, match=field):
        sink(stream, lambda: TIME)(event(**fitting | {field: MARKER}))
    assert stream.getvalue() == ""


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, _text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk_does_not_stop_care() -> None:
    """Nor does a stream that was closed: the event is lost, the request is not."""
    closed = io.StringIO()
    closed.close()

    for stream in (Full(), closed):
        sink(stream, lambda: TIME)(ServerStopped())


@pytest.mark.parametrize(("text", "told"), [("GET", "GET"), ("DELETE", "DELETE"), (MARKER, "other"), ("get", "other"), ("", "other")])
def test_a_method_out_of_the_blue_is_only_told_as_such(text: str, told: str) -> None:
    """Known methods by name, all else as other."""
    assert method(text).text == told


def test_a_failure_tells_type_and_place() -> None:
    """The innermost frame, and none of the words."""
    with pytest.raises(json.JSONDecodeError) as raised_there:
        json.loads(MARKER)
    event = failure(raised_there.value, "/fhir", REQUEST)

    assert (event.exception.text, event.module.text) == ("JSONDecodeError", "json.decoder")
    assert event.line > 0
    assert MARKER not in json.dumps(event.shown())


def test_an_exception_that_was_never_raised_has_no_place() -> None:
    """It is told all the same."""
    event = failure(ValueError(MARKER), "/fhir", REQUEST)

    assert (event.exception.text, event.module.text, event.line) == ("ValueError", "unknown", 0)


@pytest.mark.parametrize("name", [f"Error of {MARKER} Łukasz", "", "a\nb", "x y"])
def test_a_type_whose_name_is_no_name_is_told_as_other(name: str) -> None:
    """Classes made at run time may carry anything in their name."""
    assert name_of(type(name, (ValueError,), {})()).text == "other"
    assert name_of(type("E" * 200, (ValueError,), {})()).text == "E" * LABEL_CHARACTERS


class Kept:
    """A log that keeps what it is told, and refuses what the sink would refuse."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.log: Log = sink(self.stream, lambda: TIME)

    def events(self) -> list[dict[str, Any]]:
        """What was told, without the time."""
        found = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [{key: value for key, value in one.items() if key != "time"} for one in found]


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """Everything captured for the length of a test, with Python's and pytest's own arrangements put back afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, warnings.showwarning
    others = {name: logging.getLogger(name).handlers[:] for name in logging.root.manager.loggerDict}
    for module, hook in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(module, hook, getattr(module, hook))
    kept = Kept()
    capture_third_party(kept.log)
    yield kept
    logging.captureWarnings(capture=False)
    root.handlers[:], warnings.showwarning = before[0], before[2]
    root.setLevel(before[1])
    for name, handlers in others.items():
        logging.getLogger(name).handlers[:] = handlers


def raised(error: BaseException) -> BaseException:
    """An exception with the traceback of this place."""
    try:
        raise error
    except type(error) as found:
        return found


def test_a_record_is_reduced_to_logger_place_and_type(captured: Kept) -> None:
    """Message, arguments, exception text, stack and extra fields are dropped."""
    error = raised(ValueError(MARKER))
    logging.getLogger("some.library").error("%s", MARKER, exc_info=error, stack_info=True, extra={"patient": MARKER})
    logging.getLogger("some.library").warning(MARKER)
    [first, second] = captured.events()

    assert first == {
        "event": "third-party",
        "logger": "some.library",
        "level": logging.ERROR,
        "exception": "ValueError",
        "module": "tests.watch.test_log",
        "line": first["line"],
    }
    assert (second["exception"], second["module"], second["level"]) == (None, "test_log", logging.WARNING)
    assert MARKER not in captured.stream.getvalue()


def test_what_a_library_set_up_for_itself_is_taken_away(capsys: pytest.CaptureFixture[str]) -> None:
    """A handler of its own and a closed way to the root do not survive the start of the server."""
    logger = logging.getLogger("library.with.handler")
    logger.addHandler(logging.StreamHandler(sys.stderr))
    logger.propagate = False
    kept = Kept()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook
    try:
        capture_third_party(kept.log)
        logger.error(MARKER)
    finally:
        sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
        logging.captureWarnings(capture=False)
        root.handlers[:], root.level = before[0], before[1]

    assert [one["logger"] for one in kept.events()] == ["library.with.handler"]
    assert MARKER not in capsys.readouterr().err


@pytest.mark.parametrize("name", [MARKER + " Łukasz", "line\nbreak", "p" * 200])
def test_a_logger_with_a_strange_name_is_heard(captured: Kept, name: str) -> None:
    """A name that is no label neither stops the record nor is repeated."""
    logging.getLogger(name).error("x")
    [told] = captured.events()

    assert told["logger"] in {"other", "p" * LABEL_CHARACTERS}


def test_what_is_below_a_warning_is_not_told(captured: Kept) -> None:
    """Debug and info of libraries hold statements and addresses, and nobody needs them."""
    logging.getLogger("some.library").info(MARKER)

    assert captured.events() == []


def test_a_warning_is_reduced_too(captured: Kept) -> None:
    """Python would print its text and a line of source."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn(MARKER, RuntimeWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    [told] = captured.events()

    assert (told["logger"], told["level"]) == ("py.warnings", logging.WARNING)
    assert MARKER not in captured.stream.getvalue()


@pytest.mark.parametrize("error", [KeyError(MARKER), SystemError(MARKER), GeneratorExit(MARKER)])
def test_an_exception_that_nobody_catches_is_reduced(captured: Kept, capsys: pytest.CaptureFixture[str], error: BaseException) -> None:
    """On the main thread, on another thread, and in an object's end."""
    found = raised(error)
    sys.excepthook(type(found), found, found.__traceback__)
    threading.excepthook(threading.ExceptHookArgs((type(found), found, found.__traceback__, None)))
    sys.unraisablehook(type("Told", (), {"exc_value": found, "err_msg": MARKER, "object": MARKER})())

    assert [one["logger"] for one in captured.events()] == ["unhandled", "thread", "unraisable"]
    assert {(one["exception"], one["module"]) for one in captured.events()} == {(type(error).__name__, "tests.watch.test_log")}
    assert MARKER not in captured.stream.getvalue() + capsys.readouterr().err


async def test_what_nobody_awaited_is_reduced() -> None:
    """A callback that raises, and a loop that complains without an exception."""
    kept, loop = Kept(), asyncio.get_running_loop()
    before = loop.get_exception_handler()
    capture_loop(kept.log, loop)

    def fails() -> None:
        raise LookupError(MARKER)

    loop.call_soon(fails)
    loop.call_exception_handler({"message": MARKER})
    await asyncio.sleep(0)
    loop.set_exception_handler(before)

    assert [(one["logger"], one["exception"]) for one in kept.events()] == [("asyncio", None), ("asyncio", "LookupError")]
    assert MARKER not in kept.stream.getvalue()


def test_third_party_events_hold_no_text() -> None:
    """What they are made of is typed like every other event."""
    assert set(kinds(ThirdParty)) == {"logger", "level", "exception", "module", "line"}
