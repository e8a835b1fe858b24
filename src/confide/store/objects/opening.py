"""Which object store an address names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from confide.store.objects.errors import UnknownObjects
from confide.store.objects.folder import Folder

if TYPE_CHECKING:
    from confide.store.objects.protocol import ObjectStore

FOLDER_PREFIX, S3_PREFIX = "file://", "s3://"


def open_objects(address: str) -> ObjectStore:
    """Return the store for `file:///absolute/path` or `s3://bucket/prefix`; neither is asked for anything yet.

    Raises:
        UnknownObjects: another address, or boto3 is not installed.
    """
    if address.startswith(FOLDER_PREFIX + "/"):
        return Folder(Path(address.removeprefix(FOLDER_PREFIX)))
    bucket, _, prefix = address.removeprefix(S3_PREFIX).partition("/")
    if address.startswith(S3_PREFIX) and bucket:
        return _s3(bucket, prefix.strip("/"))
    message = "The address of the object store must be file:///path or s3://bucket/prefix."
    raise UnknownObjects(message)


def _s3(bucket: str, prefix: str) -> ObjectStore:
    try:  # boto3 comes with the extra "aws" only, and takes half a second to import
        from confide.store.objects.s3 import S3  # noqa: PLC0415
        from confide.store.objects.s3_line import client  # noqa: PLC0415
    except ModuleNotFoundError:
        message = "S3 needs boto3: install Confide with the extra `aws`."
        raise UnknownObjects(message) from None
    return S3(client(), bucket, prefix)
