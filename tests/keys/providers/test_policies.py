"""The policies that the documentation tells operators to grant are enough for everything that a provider does."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from confide.keys.choice import AwsKmsChoice, OpenBaoChoice
from confide.keys.errors import KeysError
from confide.keys.providers.awskms import AwsKms
from confide.keys.providers.openbao import OpenBao
from tests.keys.providers.benches import secret

if TYPE_CHECKING:
    from confide.keys.provider import Provider
    from tests import aws, openbao
    from tests.keys.providers.benches import Bench

PAGE = Path(__file__).resolve().parents[3] / "docs" / "security" / "key-management.md"
KEY, CONTEXT = bytes(range(32)), b"a context"


def block(language: str) -> str:
    """Return the code of a language on the page."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def live(provider: Provider) -> frozenset[str]:
    """Do all that a provider can; return the slots at the end."""
    provider.probe()
    for slot in ("root-1", "root-2", "epoch-1"):
        provider.make(slot)
        assert provider.unwrap(slot, provider.wrap(slot, KEY, CONTEXT), CONTEXT) == KEY
    for slot in ("root-1", "root-1", "epoch-1"):
        provider.destroy(slot)
    return provider.slots()


@pytest.mark.parametrize("kind", ["OpenBao"])
def test_the_documented_policy_of_openbao_is_enough(bench: Bench, openbao_server: openbao.Server, tmp_path: Path) -> None:
    """With the default prefix, and for no name outside it."""
    assert isinstance(bench.choice, OpenBaoChoice)
    client = openbao_server.client()
    client.sys.create_or_update_policy("documented", block("text"))
    token = client.auth.token.create(policies=["documented"], no_parent=True)["auth"]["client_token"]
    choice = dataclasses.replace(bench.choice, prefix="confide-", token_file=secret(tmp_path / "documented", token))

    assert live(OpenBao(choice)) == {"root-2"}
    OpenBao(choice).destroy("root-2")
    with pytest.raises(KeysError):
        OpenBao(dataclasses.replace(choice, prefix="payroll-")).make("root-1")


@pytest.mark.parametrize("kind", ["AWS KMS"])
def test_the_documented_policy_of_aws_is_enough_and_each_action_is_needed(
    bench: Bench, aws_server: aws.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user with these actions can do everything; without any one of them, something is refused."""
    base = bench.choice
    assert isinstance(base, AwsKmsChoice)
    policy, iam = json.loads(block("json")), aws_server.client("iam")
    actions = policy["Statement"][0]["Action"]
    iam.create_user(UserName=base.prefix)
    key = iam.create_access_key(UserName=base.prefix)["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])

    def outcome(number: int, granted: list[str]) -> str:
        assert isinstance(base, AwsKmsChoice)
        policy["Statement"][0]["Action"] = granted
        iam.put_user_policy(UserName=base.prefix, PolicyName="documented", PolicyDocument=json.dumps(policy))
        choice = dataclasses.replace(base, prefix=f"{base.prefix}{number}-")
        aws_server.check_signatures()
        try:
            return ",".join(live(AwsKms(choice)))
        except KeysError as error:
            return error.code
        finally:
            aws_server.trust_everyone()

    assert outcome(0, actions) == "root-2"
    assert {
        missing: outcome(number, [one for one in actions if one != missing]) for number, missing in enumerate(actions, 1)
    } == dict.fromkeys(actions, "keys.provider-refused")
