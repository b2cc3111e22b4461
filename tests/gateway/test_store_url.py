"""One URL chooses the store; a wrong one says what was expected and shows no secret."""

import pytest

from gateway.stores import open_store
from gateway.stores.influx_http import Address


class TestAddress:
    def test_a_token_and_an_organisation(self) -> None:
        address = Address.parse("influxdb://abc-_123%2F==@influx.example:9999/mopti%20nord")
        assert address == Address("http://influx.example:9999", "mopti nord", token="abc-_123/==")

    def test_user_and_password_without_organisation_and_with_tls(self) -> None:
        address = Address.parse("influxdbs://reader:p%40ss%3Aword@[::1]/")
        assert address == Address("https://[::1]:8086", "", user="reader", password="p@ss:word")

    def test_nothing_but_a_host(self) -> None:
        assert Address.parse("influxdb://127.0.0.1") == Address("http://127.0.0.1:8086", "")

    def test_raw_data_for_ever(self) -> None:
        assert Address.parse("influxdb://h/org?raw_days=0").raw_days is None
        assert Address.parse("influxdb://h/org?raw_days=30").raw_days == 30
        assert Address.parse("influxdb://h/org").raw_days == 400


@pytest.mark.parametrize(
    "url",
    [
        "",
        "memory",
        "memory:x",
        "duckdb:",
        "duckdb:/var/x",
        "duckdb://host/x",
        "duckdb:///",
        "duckdb:///folder/",
        "sqlite:///x",
        "influxdb://",
        "influxdb:///org",
        "influxdb://h:port/org",
        "influxdb://h:99999/org",
        "influxdb://h/org/bucket",
        "influxdb://h/org?keep=1",
        "influxdb://h/org?raw_days=soon",
        "http://h:8086",
    ],
)
def test_a_bad_url_says_what_was_expected(url: str) -> None:
    with pytest.raises(ValueError, match=r"expected .*influxdb"):
        open_store(url, "trezor")


@pytest.mark.parametrize(
    "url", ["influx://secret-token@h/org", "influxdb://secret-token@h:x/org", "http://u:secret-token@h"]
)
def test_a_complaint_shows_no_secret(url: str) -> None:
    with pytest.raises(ValueError) as raised:
        open_store(url, "trezor")
    assert "secret" not in str(raised.value)


def test_the_world_must_be_one() -> None:
    with pytest.raises(ValueError, match=r"world '\.\./x' must be"):
        open_store("duckdb:///{world}.duckdb", "../x")
