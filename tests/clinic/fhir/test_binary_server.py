"""Large content through a real server over TLS: constant memory, broken off where it is damaged, and from S3 as from a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from confide.cli.demonstration.server import trusting
from tests import aws, ground
from tests.show import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1024 * 1024
MEBIBYTES = 48
BUCKET = "a-clinic-s-files"

pytestmark = pytest.mark.slow


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Sent, read as it is and read as JSON; `make show-files` does the same with a gibibyte."""
    figures = files.run(tmp_path, MEBIBYTES)

    assert figures.growth < files.GROWTH_BOUND
    assert figures.growth < MEBIBYTES * MIB * 3 // 4
    assert figures.stored > MEBIBYTES * MIB


@pytest.fixture
def s3() -> Iterator[aws.Server]:
    """S3 with a bucket."""
    with aws.server() as server:
        server.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.REGION})
        yield server


def test_content_goes_to_s3_and_comes_back(tmp_path: Path, s3: aws.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """In parts, under the prefix of the address; nothing of it is in the instance folder."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.SECRET_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", aws.REGION)
    figures = files.run(tmp_path, 20, {"objects": f"s3://{BUCKET}/clinic"})
    listed = s3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]

    assert figures.stored == 0
    assert not (tmp_path / "instance" / "objects").exists()
    assert sorted(one["Size"] // MIB for one in listed) == [8, 8, 20]
    assert all(one["Key"].startswith("clinic/") for one in listed)


def test_damaged_content_breaks_the_connection_off(tmp_path: Path) -> None:
    """The client is told by its own library that the answer is not whole, in either form, and gets nothing that is wrong."""
    place = ground.make(tmp_path / "instance")
    server = ground.start(place)
    try:
        trusted, headers = trusting(place.settings.ca_certificate), {"authorization": f"Bearer {place.token}"}
        with httpx.Client(base_url=place.settings.public_url, verify=trusted, headers=headers, trust_env=False) as client:
            address = files.send(client, 6)
            [stored] = [path for path in (place.folder / "objects").rglob("*") if path.is_file()]
            with stored.open("r+b") as file:
                file.seek(4 * MIB)
                file.write(b"damage")
            native, as_json = (cut_off(client, address, accept) for accept in ("*/*", "application/fhir+json"))

            assert b"".join(files.blocks(6)).startswith(native)
            assert as_json.startswith(b'{"resourceType":"Binary"')
            assert client.get("/health").status_code == 200
    finally:
        server.stop()


def cut_off(client: httpx.Client, address: str, accept: str) -> bytes:
    """What came of an answer that is broken off."""
    came = bytearray()

    def read(answer: httpx.Response) -> None:
        for piece in answer.iter_raw():
            came.extend(piece)

    with client.stream("GET", address, headers={"accept": accept}) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            read(answer)
        assert MIB < len(came) < int(answer.headers["content-length"])
    return bytes(came)
