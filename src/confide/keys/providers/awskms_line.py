"""The line to AWS KMS: its client, its credentials, and what its failures mean."""

from __future__ import annotations

import logging
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSLError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from confide.keys.choice import MONTH_DAYS, WEEK_DAYS
from confide.keys.errors import ProviderRefused, ProviderUnavailable
from confide.keys.providers.addresses import check_address
from confide.keys.providers.naming import PREFIX
from confide.keys.providers.unseen import Unseen

if TYPE_CHECKING:
    from confide.keys.choice import AwsKmsChoice

NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
TRANSIENT = {
    "DependencyTimeoutException",
    "InternalFailure",
    "KMSInternalException",
    "KMSInvalidStateException",
    "KeyUnavailableException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
SERVER_ERROR = 500


class Said(Exception):
    """AWS answered with an error code that the caller expects."""

    def __init__(self, code: str) -> None:
        """Take the code."""
        super().__init__(code)
        self.code = code


class Line(Unseen):
    """Calls of the KMS API, bounded in time and number."""

    def __init__(self, choice: AwsKmsChoice) -> None:
        """Take the settings; no connection is made yet.

        Raises:
            ProviderRefused: a setting is out of its bounds.
        """
        if choice.endpoint_url:
            check_address("AWS KMS", choice.endpoint_url)
        if PREFIX.fullmatch(choice.prefix) is None or not choice.prefix:
            message = "The prefix of the aliases in AWS KMS must have 1 to 64 letters, digits, - and _."
            raise ProviderRefused(message)
        if not WEEK_DAYS <= choice.deletion_days <= MONTH_DAYS:
            message = f"AWS KMS deletes a key {WEEK_DAYS} to {MONTH_DAYS} days after it is told: set deletion_days within these bounds."
            raise ProviderRefused(message)
        logging.getLogger("botocore").setLevel(logging.INFO)  # at DEBUG it writes down every request, and the keys in it
        self._choice = choice
        self._lock = Lock()
        self._made: Any = None

    def call(self, operation: str, expected: frozenset[str] = frozenset(), **parameters: Any) -> Any:
        """Return the answer of one operation.

        Raises:
            Said: with one of the expected error codes.
            ProviderUnavailable: no answer in time, throttled, or a failure at AWS.
            ProviderRefused: credentials, policy, quota, or a certificate that is not trusted.
        """
        return self._guarded(lambda client: getattr(client, operation)(**parameters), expected)

    def pages(self, operation: str) -> list[Any]:
        """Return every page of a list.

        Raises:
            ProviderUnavailable, ProviderRefused: as `call`.
        """
        found: list[Any] = self._guarded(lambda client: list(client.get_paginator(operation).paginate()), frozenset())
        return found

    def _guarded(self, work: Any, expected: frozenset[str]) -> Any:
        try:
            return work(self._client())
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in expected:
                raise Said(code) from None
            raise self._named(code, error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) from None
        except NO_CREDENTIALS as error:
            self._made = None  # the next call looks for credentials anew
            message = f"There are no usable AWS credentials ({type(error).__name__}): give this service a role, a profile or keys."
            raise ProviderRefused(message) from None
        except BotoCoreError as error:
            if isinstance(error, SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
                message = "The certificate of AWS KMS is not trusted: name the file of its authority in the settings."
                raise ProviderRefused(message) from None
            message = f"AWS KMS in {self._choice.region} does not answer ({type(error).__name__}): look at the network and at AWS."
            raise ProviderUnavailable(message) from None

    def _named(self, code: str, status: int) -> ProviderRefused | ProviderUnavailable:
        if code in TRANSIENT or status >= SERVER_ERROR:
            return ProviderUnavailable(f"AWS KMS cannot be used now ({code}): it is throttling or failing. Later calls may work.")
        self._made = None  # the next call looks for credentials anew
        return ProviderRefused(
            f"AWS KMS refuses ({code}): look at the credentials, the policy of this service (docs/security/key-management.md), the state "
            "of the key, and the quota of keys."
        )

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                choice = self._choice
                self._made = boto3.session.Session(profile_name=choice.profile or None).client(
                    "kms",
                    region_name=choice.region,
                    endpoint_url=choice.endpoint_url or None,
                    verify=str(choice.ca_file) if choice.ca_file else None,
                    config=Config(
                        connect_timeout=choice.connect_seconds,
                        read_timeout=choice.read_seconds,
                        retries={"total_max_attempts": choice.attempts, "mode": "standard"},
                    ),
                )
            return self._made
