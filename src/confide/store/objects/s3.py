"""Objects in S3, or in what speaks like it: large ones in parts, so that no object is ever held whole.

Credentials, region and endpoint come from where boto3 finds them: the environment, its files, or the machine's role.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confide.store.objects.protocol import Stored, Unfinished, check_name
from confide.store.objects.s3_line import MISSING, TALKING, failure, is_missing, micro
from confide.store.objects.s3_reading import S3Reading
from confide.store.objects.s3_writing import S3Writing

if TYPE_CHECKING:
    from collections.abc import Iterator


class S3:
    """The objects of one bucket below one prefix."""

    def __init__(self, client: Any, bucket: str, prefix: str = "") -> None:
        """Take a client of boto3; see `s3_line.client` for one with deadlines and bounded retries."""
        self._client, self._bucket = client, bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def put(self, name: str) -> S3Writing:
        """Begin to write; nothing is sent before a part is full or the object is finished."""
        return S3Writing(self._client, self._place(name))

    def get(self, name: str, limit: int | None = None) -> S3Reading:
        """Ask for an object."""
        return S3Reading(self._client, self._place(name), limit)

    def find(self, name: str) -> Stored | None:
        """Ask for size and time of an object."""
        try:
            found = self._client.head_object(**self._place(name))
        except TALKING as error:
            if is_missing(error):
                return None
            raise failure(error) from None
        return Stored(name, found["ContentLength"], micro(found["LastModified"]))

    def delete(self, name: str) -> None:
        """Delete an object. A bucket with versioning keeps what it held: see the guide."""
        try:
            self._client.delete_object(**self._place(name))
        except TALKING as error:
            raise failure(error) from None

    def list(self, prefix: str) -> Iterator[Stored]:
        """Yield the objects, a page of a thousand at a time."""
        for one in self._pages("list_objects_v2", "Contents", prefix):
            yield Stored(one["Key"].removeprefix(self._prefix), one["Size"], micro(one["LastModified"]))

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Yield the uploads that were begun and neither completed nor aborted."""
        for one in self._pages("list_multipart_uploads", "Uploads", prefix):
            yield Unfinished(one["Key"].removeprefix(self._prefix), one["UploadId"], micro(one["Initiated"]))

    def discard(self, one: Unfinished) -> None:
        """Abort an upload; its parts are deleted."""
        try:
            self._client.abort_multipart_upload(**self._place(one.name), UploadId=one.handle)
        except TALKING as error:
            if not is_missing(error, MISSING | {"NoSuchUpload"}):
                raise failure(error) from None

    def _place(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + check_name(name)}

    def _pages(self, what: str, entries: str, prefix: str) -> Iterator[dict[str, Any]]:
        try:
            for page in self._client.get_paginator(what).paginate(Bucket=self._bucket, Prefix=self._prefix + prefix):
                yield from page.get(entries, ())
        except TALKING as error:
            raise failure(error) from None
