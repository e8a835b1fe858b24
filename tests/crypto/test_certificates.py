"""The local certificate authority, judged by two implementations that are not ours: the verifier of `cryptography`, and OpenSSL."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from hypothesis import example, given
from hypothesis import strategies as st

from confide.crypto.certificates import BACKDATED, CA_LIFETIME, RENEW_BEFORE, SERVER_LIFETIME, Issued, issue, make_authority, needs_renewal

if TYPE_CHECKING:
    import ipaddress
    from collections.abc import Sequence
    from pathlib import Path

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
COMMON_NAME = 64
"""Characters of a common name (RFC 5280 appendix A.1); the first host stands there as well."""
LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(".".join).filter(lambda host: len(host) <= COMMON_NAME)
ADDRESSES = st.ip_addresses()


@pytest.fixture(scope="module")
def authority() -> Issued:
    """One authority for the tests that only read it."""
    return make_authority("An authority", NOW)


def chain(issued: Issued) -> tuple[x509.Certificate, x509.Certificate]:
    """The server's certificate and what stands above it."""
    leaf, above = x509.load_pem_x509_certificates(issued.certificate)
    return leaf, above


def verify(
    issued: Issued, name: str | ipaddress.IPv4Address | ipaddress.IPv6Address, now: datetime, trusted: Issued
) -> Sequence[x509.Certificate]:
    """Verify a chain as a client does (RFC 5280, and the profile of the web's browsers)."""
    asked = x509.DNSName(name) if isinstance(name, str) else x509.IPAddress(name)
    builder = PolicyBuilder().store(Store([x509.load_pem_x509_certificate(trusted.certificate)])).time(now)
    return builder.build_server_verifier(asked).verify(chain(issued)[0], [])


@given(st.lists(HOSTS, min_size=1, max_size=4, unique=True), st.lists(ADDRESSES, max_size=3, unique=True))
def test_a_certificate_is_good_for_each_of_its_names_and_addresses(
    authority: Issued, hosts: list[str], addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address]
) -> None:
    """Whatever mixture of host names, IPv4 and IPv6 addresses it was issued for, and nothing else."""
    issued = issue(authority, [*hosts, *map(str, addresses)], NOW)

    for one in (*hosts, *addresses):
        assert len(verify(issued, one, NOW, authority)) == 2
    with pytest.raises(VerificationError):
        verify(issued, "not.among.them.example.org", NOW, authority)


def test_another_authority_does_not_vouch_for_it(authority: Issued) -> None:
    """An authority of the same name with another key is another authority."""
    issued = issue(make_authority("An authority", NOW), ["localhost"], NOW)

    with pytest.raises(VerificationError):
        verify(issued, "localhost", NOW, authority)


@pytest.mark.parametrize(
    ("at", "good"),
    [
        (NOW - BACKDATED - SECOND, False),
        (NOW - BACKDATED, True),
        (NOW + SERVER_LIFETIME, True),
        (NOW + SERVER_LIFETIME + SECOND, False),
    ],
)
def test_a_certificate_is_good_for_its_time(authority: Issued, at: datetime, good: bool) -> None:
    """From an hour before it was issued until its last second; the authority lives longer than what it signs."""
    issued = issue(authority, ["localhost"], NOW)

    if good:
        verify(issued, "localhost", at, authority)
    else:
        with pytest.raises(VerificationError):
            verify(issued, "localhost", at, authority)
    assert CA_LIFETIME > SERVER_LIFETIME


def handshake(issued: Issued, name: str, trusted: Path, folder: Path) -> ssl.SSLObject:
    """Shake hands in memory, as OpenSSL does over a wire; return the client's side."""
    (folder / "server.pem").write_bytes(issued.key + issued.certificate)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "server.pem")
    asking = ssl.create_default_context(cafile=str(trusted))
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(to_client, to_server, server_hostname=name)
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, server]
    while waiting:
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                continue
    return client


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "clinic.example.org"])
def test_openssl_takes_the_chain_too(tmp_path: Path, name: str) -> None:
    """A handshake with strict checks, in memory, for a name and for addresses of both kinds."""
    now = datetime.now(UTC)  # noqa: TID251 - OpenSSL reads the real clock
    authority = make_authority("An authority", now)
    issued = issue(authority, ["localhost", "127.0.0.1", "::1", "clinic.example.org"], now)
    (tmp_path / "ca.pem").write_bytes(authority.certificate)

    client = handshake(issued, name, tmp_path / "ca.pem", tmp_path)

    assert client.version() == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(issued, "elsewhere.example.org", tmp_path / "ca.pem", tmp_path)


def test_the_key_is_that_of_the_certificate(authority: Issued) -> None:
    """Key and certificate are a pair, the authority's as well as the server's."""
    for issued in (authority, issue(authority, ["localhost"], NOW)):
        key = load_pem_private_key(issued.key, None)
        certificate = x509.load_pem_x509_certificate(issued.certificate)

        assert key.public_key() == certificate.public_key()


def test_no_two_certificates_share_a_key_or_a_number(authority: Issued) -> None:
    """A renewal is a new key pair with a new serial number."""
    issued = [issue(authority, ["localhost"], NOW) for _ in range(10)]

    assert len({one.key for one in issued}) == len({chain(one)[0].serial_number for one in issued}) == 10


def test_a_server_certificate_signs_nothing(authority: Issued) -> None:
    """It is no authority, and what it issues all the same is refused; the authority itself has nobody below it but servers."""
    issued = issue(authority, ["localhost"], NOW)
    leaf, above = chain(issued)
    forged = issue(Issued(issued.key, issued.certificate), ["bank.example.org"], NOW)

    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert above.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    verifier = PolicyBuilder().store(Store([above])).time(NOW).build_server_verifier(x509.DNSName("bank.example.org"))
    with pytest.raises(VerificationError):
        verifier.verify(x509.load_pem_x509_certificate(forged.certificate), [leaf])


@example(SERVER_LIFETIME - RENEW_BEFORE)
@example(SERVER_LIFETIME - RENEW_BEFORE + SECOND)
@given(st.timedeltas(timedelta(days=-40), SERVER_LIFETIME + timedelta(days=40)))
def test_it_is_to_be_renewed_in_its_last_month(authority: Issued, age: timedelta) -> None:
    """Less than 30 days before its end, and ever after."""
    issued = issue(authority, ["localhost"], NOW)

    assert needs_renewal(issued.certificate, NOW + age) is (SERVER_LIFETIME - age < RENEW_BEFORE)


def test_a_key_of_another_kind_is_refused() -> None:
    """A certificate authority from elsewhere with an RSA key is said to be one."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - only here
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    with pytest.raises(TypeError, match="elliptic"):
        issue(Issued(pem, b""), ["localhost"], NOW)


def test_a_private_key_does_not_print_itself(authority: Issued) -> None:
    """No text form of what was issued holds its key."""
    assert "PRIVATE KEY" not in f"{authority!r}{authority}"
