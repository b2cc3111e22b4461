"""A broker's address: what it may say, and what it keeps to itself."""

import ssl
from pathlib import Path

import click
import pytest

from gateway.options import BROKER_URL, Broker


def test_an_address_names_everything() -> None:
    broker = Broker.parse("mqtts://gateway:s%40lt@lamps.example.org:8884?ca=/run/ca.pem&share=gateway-7f3a")
    assert broker == Broker("lamps.example.org", 8884, True, "gateway", "s@lt", "/run/ca.pem", "gateway-7f3a")
    assert Broker.parse("mqtt://127.0.0.1") == Broker("127.0.0.1", 1883, False)
    assert str(broker) == "mqtts://gateway@lamps.example.org:8884", "neither password nor the secret share"


@pytest.mark.parametrize(
    "url",
    [
        "mqtts://h?ca=", "mqtt://h?ca=/ca.pem", "mqtts://h?cafile=/ca.pem", "mqtt://h?share=", "mqtt://h?share=a/b",
        "mqtt://h?share=%23", "http://h", "mqtt://h:port", "mqtt://h/path", "h",
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected mqtt"):
        Broker.parse(url)


def test_a_mistaken_address_does_not_show_its_password() -> None:
    with pytest.raises(ValueError, match="expected") as error:
        Broker.parse("mqtts://gateway:secret@h?oops=1")
    assert "secret" not in str(error.value)


def test_an_authority_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(click.BadParameter, match=name):
            BROKER_URL.convert(f"mqtts://h?ca={tmp_path / name}", None, None)


def test_tls_is_1_2_at_least_and_checks_names() -> None:
    context = Broker.parse("mqtts://h").context()
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED
