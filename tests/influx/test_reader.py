"""A token that may only read, from a strict stand-in of InfluxDB 2.x; other versions know no such thing."""

import pytest

from gateway.store import StoreAway
from gateway.stores.influx_http import Address
from gateway.stores.influx_reader import DESCRIPTION, reading_token
from tests.influx.stand_in import ORG_ID, Server, running
from tests.influx_server import Influx


def test_it_is_made_once_and_may_read_the_organisations_buckets_and_nothing_else() -> None:
    with running(Server()) as server:
        address = Address.parse(server.url)
        assert reading_token(address, make=False) is None
        assert server.tokens == []
        token = reading_token(address, make=True)
        (made,) = server.tokens
        assert token == made["token"] != server.token
        assert made["permissions"] == [{"action": "read", "resource": {"type": "buckets", "orgID": ORG_ID}}]
        assert reading_token(address, make=True) == reading_token(address, make=False) == token
        assert len(server.tokens) == 1


def test_one_that_was_switched_off_or_is_somebody_elses_is_not_used() -> None:
    theirs = {"id": "1", "description": "telegraf", "status": "active", "token": "theirs", "permissions": []}
    off = {"id": "2", "description": DESCRIPTION, "status": "inactive", "token": "off", "permissions": []}
    with running(Server(tokens=[theirs, off])) as server:
        assert reading_token(Address.parse(server.url), make=False) is None
        assert reading_token(Address.parse(server.url), make=True) not in ("theirs", "off", None)


@pytest.mark.parametrize("call", ["GET /api/v2/authorizations", "POST /api/v2/authorizations"])
def test_a_token_that_may_make_none_gets_none(call: str) -> None:
    with running(Server(refuse={call: 403})) as server:
        assert reading_token(Address.parse(server.url), make=True) is None
        assert server.tokens == []


def test_a_server_that_tells_no_token_twice_is_not_filled_with_them() -> None:
    hashed = {"id": "1", "description": DESCRIPTION, "status": "active", "token": "", "permissions": []}
    with running(Server(tokens=[hashed])) as server:
        assert reading_token(Address.parse(server.url), make=True) is None
        assert server.tokens == [hashed]


def test_version_3_has_none() -> None:
    with running(Server(version="3.2.1")) as server:
        assert reading_token(Address.parse(server.url), make=True) is None
        assert server.requests == ["GET /ping"]


@pytest.mark.influxdb
def test_version_1_has_none(influx: Influx) -> None:
    assert reading_token(Address.parse(influx.url), make=True) is None


def test_a_server_that_is_away_is_told() -> None:
    with pytest.raises(StoreAway, match="cannot be reached"):
        reading_token(Address.parse("influxdb://t@127.0.0.1:1/trezor"), make=True)
