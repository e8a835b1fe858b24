"""S3: parts, lines that break, servers that are gone, and those that refuse."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from confide.store.errors import Unavailable
from confide.store.objects import s3_line, s3_writing
from confide.store.objects.errors import ObjectMissing, ObjectsRefused, UnknownObjects
from confide.store.objects.opening import open_objects
from confide.store.objects.protocol import written
from confide.store.objects.s3 import S3
from confide.store.objects.s3_line import ATTEMPTS
from tests import aws
from tests.store.objects.conftest import BUCKET
from tests.store.objects.line import line
from tests.store.objects.test_objects import content, put, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.store.objects.line import Line

MIB = 1024 * 1024
NAME = "ab/cdef"
QUICK = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1})
BOUND_SECONDS = 60


def client(url: str, config: Config | None = None) -> Any:
    """A client whose line leads wherever a test wants."""
    session = boto3.session.Session(aws.ACCESS_KEY, aws.SECRET_KEY, region_name=aws.REGION)
    return session.client("s3", endpoint_url=url, config=config)


@pytest.fixture
def relay(aws_server: aws.Server) -> Iterator[Line]:
    """Return a line to the server that breaks when told."""
    with line(aws_server.port) as made:
        yield made


def test_a_large_object_goes_in_parts_and_none_is_held_whole(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first parts are small, later ones grow; what waits is never more than a part."""
    monkeypatch.setattr(s3_writing, "FEW_PARTS", 2)
    monkeypatch.setattr(s3_writing, "LATER_PART_BYTES", 10 * MIB)
    objects, most, plain = S3(bucket, BUCKET), 0, content(30 * MIB)
    with written(objects, NAME) as writing:
        for start in range(0, 30 * MIB, MIB):
            writing.write(plain[start : start + MIB])
            most = max(most, len(writing._waiting))  # type: ignore[attr-defined]
        [upload] = bucket.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
        sent = [part["Size"] for part in bucket.list_parts(Bucket=BUCKET, Key=NAME, UploadId=upload["UploadId"])["Parts"]]

    assert sent == [8 * MIB, 8 * MIB, 10 * MIB]
    assert most < 10 * MIB
    assert read(objects.get(NAME)) == plain


def test_s3_is_told_nothing_but_octets(bucket: Any) -> None:
    """No type, no owner, no file name, for small objects and for large ones."""
    objects = S3(bucket, BUCKET)
    put(objects, "small", b"x")
    put(objects, "large", content(9 * MIB))
    for name in ("small", "large"):
        head = bucket.head_object(Bucket=BUCKET, Key=name)

        assert head["ContentType"] == "application/octet-stream"
        assert head["Metadata"] == {}
        assert {"ContentDisposition", "ContentLanguage", "CacheControl", "TagCount"} & head.keys() == set()


@pytest.mark.parametrize("after", [1000, 300_000, 900_000])
def test_a_broken_line_is_taken_up_where_it_broke(bucket: Any, relay: Line, after: int) -> None:
    """Twice, after different bytes; the object comes whole, and no byte of it twice."""
    put(S3(bucket, BUCKET), NAME, content(MIB))
    relay.cuts = [after, 20_000, None]
    came = read(S3(client(relay.url), BUCKET).get(NAME), 50_000)

    assert came == content(MIB)
    assert relay.connections == 3


def test_a_line_that_keeps_breaking_is_given_up(bucket: Any, relay: Line) -> None:
    """After a bounded number of attempts, with an error that says so."""
    put(S3(bucket, BUCKET), NAME, content(MIB))
    relay.cuts = [2000] * 50

    with pytest.raises(Unavailable):
        read(S3(client(relay.url), BUCKET).get(NAME), 50_000)
    assert relay.connections == ATTEMPTS


def test_an_object_that_was_replaced_is_not_continued(bucket: Any, relay: Line) -> None:
    """Two halves of two objects make no object."""
    put(S3(bucket, BUCKET), NAME, content(MIB))
    relay.cuts = [200_000]
    reading = S3(client(relay.url), BUCKET).get(NAME)
    bucket.put_object(Bucket=BUCKET, Key=NAME, Body=bytes(MIB))

    with pytest.raises(ObjectMissing):
        read(reading, 50_000)


def test_an_upload_that_cannot_go_on_is_aborted(bucket: Any, relay: Line) -> None:
    """The line breaks while the second part is sent: what was sent is deleted, and the caller is told."""
    objects = S3(client(relay.url, QUICK), BUCKET)

    def write() -> None:
        with written(objects, NAME) as writing:
            writing.write(content(8 * MIB))
            objects._client.close()  # so that the next part needs a line of its own
            relay.cuts = [0]
            writing.write(content(8 * MIB))

    with pytest.raises(Unavailable):
        write()
    assert "Uploads" not in bucket.list_multipart_uploads(Bucket=BUCKET)
    assert S3(bucket, BUCKET).find(NAME) is None


def test_what_could_not_be_aborted_waits_for_the_sweep(bucket: Any, aws_server: aws.Server) -> None:
    """A server that is gone leaves the upload; once it is back, the upload is found and discarded."""
    objects = S3(client(aws_server.url, QUICK), BUCKET)

    def write() -> None:
        with written(objects, NAME) as writing:
            writing.write(content(8 * MIB))
            aws_server.stop()
            writing.write(content(8 * MIB))

    with pytest.raises(Unavailable):
        write()
    aws_server.start()
    left = list(objects.unfinished(""))
    for one in left:
        objects.discard(one)

    assert [one.name for one in left] == [NAME]
    assert list(objects.unfinished("")) == []


@pytest.mark.slow
@pytest.mark.parametrize("gone", ["stop", "silence"])
def test_a_server_that_is_gone_is_unavailable_within_a_bound(bucket: Any, aws_server: aws.Server, gone: str) -> None:
    """Whether it refuses connections or takes them and answers none; every verb says 503 and none hangs."""
    config = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2})
    objects = S3(client(aws_server.url, config), BUCKET)
    began = time.monotonic()
    getattr(aws_server, gone)()
    try:
        for verb in (
            objects.get,
            objects.find,
            objects.delete,
            lambda name: list(objects.list(name)),
            lambda name: put(objects, name, b"x"),
        ):
            with pytest.raises(Unavailable) as caught:
                verb(NAME)
            assert NAME not in str(caught.value)
    finally:
        aws_server.stop()
        aws_server.start()

    assert time.monotonic() - began < BOUND_SECONDS
    put(objects, NAME, b"back")
    assert read(objects.get(NAME)) == b"back"


def test_our_own_client_has_deadlines_and_few_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Botocore's own would wait for minutes."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.SECRET_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", aws.REGION)
    config = s3_line.client().meta.config

    assert (config.connect_timeout, config.read_timeout) == (5, 30)
    assert config.retries == {"mode": "standard", "total_max_attempts": ATTEMPTS}


def test_an_address_opens_a_bucket_where_boto3_finds_it(bucket: Any, aws_server: aws.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoint and credentials come from the environment; the path of the address is a prefix."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", aws_server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.SECRET_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", aws.REGION)
    put(open_objects(f"s3://{BUCKET}/clinic/north/"), NAME, b"x")

    assert [one["Key"] for one in bucket.list_objects_v2(Bucket=BUCKET)["Contents"]] == [f"clinic/north/{NAME}"]


def test_a_missing_bucket_is_refused(bucket: Any) -> None:
    """Waiting would not help, so it is not called unavailable."""
    objects = S3(bucket, "another-bucket")

    with pytest.raises(ObjectsRefused, match="NoSuchBucket"):
        put(objects, NAME, b"x")
    with pytest.raises(ObjectsRefused, match="NoSuchBucket"):
        list(objects.list(""))


def test_unknown_credentials_are_refused(bucket: Any, aws_server: aws.Server) -> None:
    """The message has the code of S3, and neither key nor bucket nor object."""
    objects = S3(bucket, BUCKET)
    aws_server.check_signatures()
    try:
        with pytest.raises(ObjectsRefused) as caught:
            put(objects, NAME, b"x")
    finally:
        aws_server.trust_everyone()

    assert "InvalidAccessKeyId" in str(caught.value)
    assert not any(word in str(caught.value) for word in (aws.ACCESS_KEY, BUCKET, NAME))


def test_missing_credentials_say_what_to_do(aws_server: aws.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are named as what is missing, before anything is sent."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    found = boto3.session.Session(region_name=aws.REGION).client("s3", endpoint_url=aws_server.url)

    with pytest.raises(ObjectsRefused, match="AWS_ACCESS_KEY_ID"):
        put(S3(found, BUCKET), NAME, b"x")


def test_an_address_without_boto3_says_which_extra_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is optional: nobody who keeps files in a folder needs it."""
    monkeypatch.setitem(__import__("sys").modules, "confide.store.objects.s3", None)

    with pytest.raises(UnknownObjects, match="aws"):
        open_objects("s3://bucket")
