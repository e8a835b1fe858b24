"""An object store of each kind, with nothing in it: a folder, and a bucket of a real HTTP server on the loopback address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from confide.store.objects.folder import Folder
from confide.store.objects.s3 import S3
from tests import aws

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from confide.store.objects.protocol import ObjectStore

BUCKET = "sealed-things"


@pytest.fixture(scope="session")
def aws_server() -> Iterator[aws.Server]:
    """Return S3 without a bucket, for all tests of a process."""
    with aws.server() as server:
        yield server


@pytest.fixture
def bucket(aws_server: aws.Server) -> Iterator[Any]:
    """Return a client of S3, where an empty bucket is."""
    client = aws_server.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.REGION})
    yield client
    for one in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=one["Key"])
    for one in client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []):
        client.abort_multipart_upload(Bucket=BUCKET, Key=one["Key"], UploadId=one["UploadId"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """Return an empty object store; the test runs once on each kind."""
    if request.param == "folder":
        return Folder(tmp_path / "objects")
    return S3(request.getfixturevalue("bucket"), BUCKET, "instance/one")
