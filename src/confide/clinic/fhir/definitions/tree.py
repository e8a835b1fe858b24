"""JSON as it was written: numbers keep their text, and an object knows whether a name came twice."""

from __future__ import annotations

import json
from typing import Any


class Number(str):
    """A JSON number as the characters it was written with."""

    __slots__ = ()


class Object(dict[str, Any]):
    """A JSON object; ``repeated`` when a name came twice, and then the last value counts."""

    __slots__ = ("repeated",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = len(self) != len(pairs)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)  # NaN and Infinity are no JSON


def read(data: bytes) -> Any:
    """Read JSON in UTF-8 without a byte order mark; raises ValueError. The caller has checked the nesting."""
    text = data.decode("utf-8")
    return json.loads(text, object_pairs_hook=Object, parse_int=Number, parse_float=Number, parse_constant=_refuse)
