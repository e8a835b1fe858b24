"""An object of S3 that is being written: in one request while it is small, else as a multipart upload."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from confide.store.objects.s3_line import TALKING, failure

if TYPE_CHECKING:
    from confide.store.objects.protocol import Piece

MIB = 1024 * 1024
PART_BYTES, LATER_PART_BYTES = 8 * MIB, 64 * MIB
"""S3 takes 10,000 parts of at least 5 MiB. The first 1,000 are small, so that what is held in memory is; 8 GiB later they grow, and
571 GiB is the end."""
FEW_PARTS = 1_000
OCTETS = "application/octet-stream"
"""All that S3 is told about what it holds."""
ONLY_NEW = {"IfNoneMatch": "*"}


class S3Writing:
    """Bytes that wait to be a part, and the parts that were sent."""

    def __init__(self, client: Any, place: dict[str, str]) -> None:
        """Send nothing yet."""
        self._client, self._place = client, place
        self._waiting = bytearray()
        self._upload = ""
        self._parts: list[dict[str, Any]] = []
        self._over = False

    def write(self, piece: Piece, /) -> int:
        """Send whatever makes a whole part."""
        left = memoryview(piece)
        while left:
            room = self._part_bytes() - len(self._waiting)
            self._waiting += left[:room]
            left = left[room:]
            if len(self._waiting) == self._part_bytes():
                self._send()
        return len(piece)

    def finish(self) -> None:
        """Send the rest and have it made one object."""
        try:
            if not self._upload:
                self._client.put_object(**self._place, Body=bytes(self._waiting), ContentType=OCTETS, **ONLY_NEW)
            else:
                if self._waiting:
                    self._send()
                parts = {"Parts": self._parts}
                self._client.complete_multipart_upload(**self._place, UploadId=self._upload, MultipartUpload=parts, **ONLY_NEW)
        except TALKING as error:
            raise failure(error) from None
        self._over = True
        self._waiting = bytearray()

    def abort(self) -> None:
        """Have the parts deleted; what cannot be reached stays for the sweep."""
        if self._upload and not self._over:
            with suppress(*TALKING):
                self._client.abort_multipart_upload(**self._place, UploadId=self._upload)
        self._over = True
        self._waiting = bytearray()

    def _part_bytes(self) -> int:
        return PART_BYTES if len(self._parts) < FEW_PARTS else LATER_PART_BYTES

    def _send(self) -> None:
        number = len(self._parts) + 1
        try:
            if not self._upload:
                self._upload = self._client.create_multipart_upload(**self._place, ContentType=OCTETS)["UploadId"]
            sent = self._client.upload_part(**self._place, UploadId=self._upload, PartNumber=number, Body=bytes(self._waiting))
        except TALKING as error:
            raise failure(error) from None
        kept = {name: value for name, value in sent.items() if name.startswith("Checksum") and name != "ChecksumType"}
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"], **kept})
        self._waiting = bytearray()
