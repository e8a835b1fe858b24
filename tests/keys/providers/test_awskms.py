"""AWS KMS: aliases, deletions that can be cancelled, and credentials that come and go."""

from __future__ import annotations

import dataclasses
import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from confide.keys.choice import AwsKmsChoice
from confide.keys.errors import ProviderRefused, SlotMissing
from confide.keys.providers.awskms import AwsKms, _bound

if TYPE_CHECKING:
    from tests.aws import Server
    from tests.keys.providers.benches import Bench

KEY, CONTEXT = bytes(range(32)), b"a context"
pytestmark = pytest.mark.parametrize("kind", ["AWS KMS"])


@pytest.fixture
def choice(bench: Bench) -> AwsKmsChoice:
    assert isinstance(bench.choice, AwsKmsChoice)
    return bench.choice


def states(server: Server, slot: str) -> list[str]:
    """Return the states of all the keys that were ever made for a slot."""
    client = server.client("kms")
    found = [client.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in client.list_keys()["Keys"]]
    return sorted(one["KeyState"] for one in found if one["Description"] == f"Confide {slot}")


def test_the_key_of_a_second_maker_is_deleted(choice: AwsKmsChoice, aws_server: Server) -> None:
    """However many make a slot at one time, one key gets the alias, and no other stays behind."""
    slot = "epoch-424242"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: AwsKms(choice).make(slot), range(8)))
    found = states(aws_server, slot)

    assert found.count("Enabled") == 1
    assert set(found) <= {"Enabled", "PendingDeletion"}


def test_a_destroyed_key_is_deleted_after_the_stated_days(choice: AwsKmsChoice, aws_server: Server) -> None:
    """The wait is the one of the settings, and the provider states it in seconds."""
    provider = AwsKms(dataclasses.replace(choice, deletion_days=12))
    provider.make("root-1")
    client = aws_server.client("kms")
    key = client.describe_key(KeyId=f"alias/{choice.prefix}root-1")["KeyMetadata"]["KeyId"]
    provider.destroy("root-1")
    dates = client.describe_key(KeyId=key)["KeyMetadata"]

    assert provider.destruction_seconds == 12 * 86_400
    assert abs((dates["DeletionDate"] - dates["CreationDate"]).total_seconds() - 12 * 86_400) < 60


def test_an_interrupted_destruction_is_finished(choice: AwsKmsChoice, aws_server: Server) -> None:
    """A key that waits for its deletion is no living slot, though its alias is there still; it can be destroyed, and made anew."""
    provider, client = AwsKms(choice), aws_server.client("kms")
    for slot in ("root-1", "root-2"):
        provider.make(slot)
        key = client.describe_key(KeyId=f"alias/{choice.prefix}{slot}")["KeyMetadata"]["KeyId"]
        client.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    before = provider.slots()
    provider.destroy("root-1")
    provider.make("root-2")

    assert before == frozenset()
    assert provider.slots() == {"root-2"}
    assert provider.unwrap("root-2", provider.wrap("root-2", KEY, CONTEXT), CONTEXT) == KEY
    with pytest.raises(SlotMissing):
        provider.wrap("root-1", KEY, CONTEXT)


@pytest.mark.parametrize(
    "setting", [{"deletion_days": 6}, {"deletion_days": 31}, {"prefix": ""}, {"prefix": "a:b"}, {"endpoint_url": "http://192.0.2.1"}]
)
def test_settings_out_of_bounds_are_refused(choice: AwsKmsChoice, setting: dict[str, Any]) -> None:
    """Before anything is asked of AWS."""
    with pytest.raises(ProviderRefused):
        AwsKms(dataclasses.replace(choice, **setting))


def test_the_encryption_context_tells_nothing(choice: AwsKmsChoice) -> None:
    """AWS writes it into its logs, so it holds the slot and a hash; a long context fits all the same."""
    shown = _bound("root-1", b"tenant and subject" * 1000)

    assert set(shown) == {"confide-slot", "confide-context"}
    assert shown["confide-slot"] == "root-1"
    assert len(bytes.fromhex(shown["confide-context"])) == 32


def test_credentials_that_come_later_are_found(choice: AwsKmsChoice, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that starts without any says so, and works once it is given some."""
    given = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    for name in given:
        monkeypatch.delenv(name)
    provider = AwsKms(choice)
    with pytest.raises(ProviderRefused, match="no usable AWS credentials"):
        provider.probe()
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    provider.make("root-1")
    assert provider.slots() == {"root-1"}


def test_a_profile_that_is_not_there_is_refused(choice: AwsKmsChoice) -> None:
    """The name of the error says that it is the profile."""
    with pytest.raises(ProviderRefused, match="ProfileNotFound"):
        AwsKms(dataclasses.replace(choice, profile="nobody")).probe()


def test_a_service_that_may_not_decrypt_is_refused(choice: AwsKmsChoice, aws_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS denies both a ciphertext of another key and a caller without permission; the two are told apart."""
    AwsKms(choice).make("root-1")
    wrapped = AwsKms(choice).wrap("root-1", KEY, CONTEXT)
    iam, user = aws_server.client("iam"), choice.prefix
    iam.create_user(UserName=user)
    iam.put_user_policy(
        UserName=user,
        PolicyName="wraps-only",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": ["kms:Encrypt", "kms:DescribeKey", "kms:ListAliases"], "Resource": "*"}],
            }
        ),
    )
    key = iam.create_access_key(UserName=user)["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    provider = AwsKms(choice)
    aws_server.check_signatures()
    try:
        slots = provider.slots()
        provider.wrap("root-1", KEY, CONTEXT)
        with pytest.raises(ProviderRefused):
            provider.unwrap("root-1", wrapped, CONTEXT)
    finally:
        aws_server.trust_everyone()

    assert slots == {"root-1"}
