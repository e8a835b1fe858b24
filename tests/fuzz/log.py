"""What the server says on its standard streams: no mark, and nothing that it did not expect."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fuzz.marks import Marks
    from tests.ground import Ground


class Log:
    """The log of one server, read on from where it was left."""

    def __init__(self, place: Ground) -> None:
        """Begin at its present end."""
        self._path = place.folder.with_name(place.folder.name + ".log")
        self._read = self._path.stat().st_size

    def faults(self, marks: Marks) -> list[str]:
        """Return what is wrong with the lines that have come since."""
        with self._path.open("rb") as file:
            file.seek(self._read)
            content = file.read()
        self._read += len(content)
        found = ["it holds a part of an input"] if marks.are_in(content) else []
        return found + [sentence for line in content.splitlines() if (sentence := _fault(line))]


def _fault(line: bytes) -> str:
    """Return what a line of the log tells that must not happen, or nothing."""
    try:
        told = json.loads(line)
    except ValueError:
        told = None
    if not isinstance(told, dict) or "event" not in told:
        return "a line is no event"
    if told["event"] == "request.failed":
        return f"a request met {told['exception']} in {told['module']}, line {told['line']}"
    if told["event"] == "third-party" and told["level"] >= logging.ERROR:
        return f"{told['logger']} met {told['exception']}"
    return ""
