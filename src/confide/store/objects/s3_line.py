"""The line to S3: its client, with deadlines and bounded retries, and what its failures mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's name for a line that does not come about
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
)

from confide.store.errors import Unavailable
from confide.store.objects.errors import ObjectsRefused, missing, taken

if TYPE_CHECKING:
    from datetime import datetime

    from confide.store.errors import StoreError

CONNECT_SECONDS, READ_SECONDS = 5, 30
ATTEMPTS = 4
"""One call is tried so often, with growing pauses of at most 20 s (botocore's standard mode), before it counts as unavailable."""
CONNECTIONS = 32

MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
_TAKEN = {"PreconditionFailed", "ConditionalRequestConflict"}
_TRANSIENT = {"InternalError", "OperationAborted", "RequestTimeout", "RequestTimeTooSkewed", "ServiceUnavailable", "SlowDown", "Throttling"}
_SERVER_ERROR = 500

TALKING = (BotoCoreError, ClientError, OSError)
"""What a call of the client may raise."""
_BROKEN = (ConnectionError, HTTPClientError, IncompleteReadError, OSError)


def client() -> Any:
    """Return a client of S3 for the credentials, region and endpoint that boto3 finds."""
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=CONNECTIONS,
    )
    return boto3.session.Session().client("s3", config=config)


def is_missing(error: Exception, codes: frozenset[str] = MISSING) -> bool:
    """Tell whether S3 says that there is nothing of the name."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in codes


def failure(error: Exception) -> StoreError:
    """Return the error that a failure of the client stands for; it names codes, and neither bucket nor object."""
    if isinstance(error, ClientError):
        code = str(error.response["Error"]["Code"])
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in MISSING:
            return missing()
        if code in _TAKEN:
            return taken()
        if code not in _TRANSIENT and status < _SERVER_ERROR:
            return ObjectsRefused(f"S3 refuses ({code}): look at the credentials, the bucket and its policy.")
        return Unavailable(f"S3 cannot be used now ({code}): look at its status.")
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return ObjectsRefused("There are no credentials for S3: give them where boto3 looks for them, such as AWS_ACCESS_KEY_ID.")
    if isinstance(error, _BROKEN):
        return Unavailable(f"S3 cannot be used now ({type(error).__name__}): look at the network and at its status.")
    return ObjectsRefused(f"S3 cannot be asked ({type(error).__name__}): look at region, endpoint and bucket.")


def micro(when: datetime) -> int:
    """Return microseconds since 1970."""
    return int(when.timestamp()) * 1_000_000 + when.microsecond
