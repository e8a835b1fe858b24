"""An object of S3, read in one go; a line that breaks is taken up where it broke, a bounded number of times."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from confide.store.objects.errors import missing
from confide.store.objects.s3_line import ATTEMPTS, MISSING, TALKING, failure, is_missing


class S3Reading:
    """An answer that is being read."""

    def __init__(self, client: Any, place: dict[str, str], limit: int | None) -> None:
        """Ask for the object."""
        self._client, self._place, self._limit = client, place, limit
        self._at, self._broken = 0, 0
        self._tag = ""
        self._body = self._ask({"Range": f"bytes=0-{limit - 1}"} if limit else {})

    def readinto(self, room: memoryview, /) -> int:
        """Read; an answer that ends too early is asked for again, from there on and of the same object only."""
        end = self.size if self._limit is None else min(self.size, self._limit)
        wanted = min(len(room), end - self._at)
        while wanted:
            try:
                got = int(self._body.readinto(room[:wanted]))
            except TALKING as error:
                self._resume(error, end)
                continue
            if got:
                self._at += got
                return got
            self._resume(ConnectionResetError(), end)
        return 0

    def close(self) -> None:
        """Hang up."""
        with suppress(*TALKING):
            self._body.close()

    def _ask(self, more: dict[str, str]) -> Any:
        try:
            answer = self._client.get_object(**self._place, **more)
        except TALKING as error:
            if is_missing(error, MISSING | {"PreconditionFailed"}):  # another object has the name meanwhile
                raise missing() from None
            raise failure(error) from None
        total = answer.get("ContentRange", "").rpartition("/")[2]
        self.size = int(total) if total else answer["ContentLength"]
        self._tag = answer["ETag"]
        return answer["Body"]

    def _resume(self, error: Exception, end: int) -> None:
        self._broken += 1
        self.close()
        if self._broken >= ATTEMPTS:
            raise failure(error) from None
        self._body = self._ask({"Range": f"bytes={self._at}-{end - 1}", "IfMatch": self._tag})
