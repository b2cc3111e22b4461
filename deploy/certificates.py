"""A private authority and the broker's certificate: X.509 by the letter of RFC 5280, with P-256 keys.

P-256 because a handshake with it is half the bytes of one with RSA, and lamps pay for every byte; every controller with
TLS 1.2 has it.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE: Final = timedelta(days=30 * 365)  # it is burnt into lamps that stand for as long
SERVER_LIFE: Final = timedelta(days=5 * 365)
RENEW_BEFORE: Final = timedelta(days=90)
SLOW_CLOCKS: Final = timedelta(days=2)  # a lamp whose clock is behind must not take a new certificate for a future one


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes


def make_authority(name: str, now: datetime) -> Pair:
    """A self-signed authority that may sign servers and nothing else."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _begun(subject, subject, key.public_key(), now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _pair(certificate, key)


def make_server(authority: Pair, hosts: Sequence[str], now: datetime) -> Pair:
    """A server's certificate for these names and addresses, signed by the authority; at least one host."""
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    signer = serialization.load_pem_private_key(authority.key, None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])
    certificate = (
        _begun(subject, issuer.subject, key.public_key(), now, SERVER_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return _pair(certificate, key)


def why_renew(certificate: bytes, authority: bytes, hosts: Sequence[str], now: datetime) -> str | None:
    """Why the server's certificate (PEM) must be made anew, None if it serves."""
    served = x509.load_pem_x509_certificate(certificate)
    try:
        served.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
    except (ValueError, TypeError, InvalidSignature):
        return "another authority signed it"
    missing = sorted(set(map(_as_written, hosts)) - set(hosts_of(certificate)))
    if missing:
        return f"it does not name {', '.join(missing)}"
    if now > served.not_valid_after_utc - RENEW_BEFORE:
        return f"it ends on {served.not_valid_after_utc:%Y-%m-%d}"
    return None


def hosts_of(certificate: bytes) -> tuple[str, ...]:
    """The names and addresses for which a server's certificate (PEM) stands."""
    served = x509.load_pem_x509_certificate(certificate)
    names = served.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    return (*names.get_values_for_type(x509.DNSName), *addresses)


def ends(certificate: bytes) -> datetime:
    """Until when a certificate (PEM) is valid."""
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc


def check_host(host: str) -> str:
    """The host as a certificate can carry it. Raises ValueError that says what was expected."""
    try:
        written = _as_written(host)
        _general_name(written)
    except ValueError:
        written = ""
    if not written or (any(sign in written for sign in "/:@ ") and not _is_address(written)):
        raise ValueError(
            f"host {host!r}: expected a name like lamps.example.org or an address, without scheme and port"
        )
    return written


def _as_written(host: str) -> str:
    return str(ipaddress.ip_address(host)) if _is_address(host) else host.lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _general_name(host: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(host)) if _is_address(host) else x509.DNSName(host)


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLOW_CLOCKS)
        .not_valid_after(now + life)
    )


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    return Pair(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )  # fmt: skip
