"""A world's databases are made ready by code: on the real 1.x, and on stand-ins of 2.x and 3 Core."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from gateway.store import StoreAway
from gateway.stores.influx_buckets import Bucket, drop, prepare
from gateway.stores.influx_http import Address, Http
from tests.influx.stand_in import Server, running
from tests.influx_server import Influx

DAY = 86_400
WORLD = (Bucket("mopti", 400), Bucket("mopti_kept", None))


@pytest.fixture
def two() -> Iterator[Server]:
    with running(Server()) as server:
        yield server


@pytest.fixture
def three() -> Iterator[Server]:
    with running(Server(version="3.2.1")) as server:
        yield server


@pytest.fixture
def connect() -> Iterator[Callable[[str], Http]]:
    opened: list[Http] = []

    def open_(url: str) -> Http:
        opened.append(Http(Address.parse(url)))
        return opened[-1]

    yield open_
    for http in opened:
        http.close()


class TestInfluxDB2:
    def test_makes_both_buckets_with_their_retention_and_a_default_v1_mapping(self, two: Server, connect: Any) -> None:
        assert prepare(connect(two.url), WORLD) == 2
        rules = {bucket["name"]: bucket["retentionRules"] for bucket in two.buckets.values()}
        assert rules == {
            "mopti": [{"type": "expire", "everySeconds": 400 * DAY, "shardGroupDurationSeconds": 7 * DAY}],
            "mopti_kept": [{"type": "expire", "everySeconds": 0, "shardGroupDurationSeconds": 364 * DAY}],
        }
        mapped = {m["database"]: (two.buckets[m["bucketID"]]["name"], m["default"]) for m in two.mappings.values()}
        assert mapped == {"mopti": ("mopti", True), "mopti_kept": ("mopti_kept", True)}

    @pytest.mark.parametrize("virtual", [True, False])
    def test_influxql_finds_each_bucket_by_exactly_one_mapping(self, virtual: bool, connect: Any) -> None:
        """Whether the server imagines mappings (2.4 and newer) or not, and whatever mapping was there before."""
        with running(Server(virtual=virtual)) as server:
            prepare(connect(server.url), WORLD)
            assert [server.found_by_influxql(bucket.name) for bucket in WORLD] == ["mopti", "mopti_kept"]
            for mapping in server.mappings.values():
                mapping["retention_policy"] = "autogen"
            prepare(connect(server.url), WORLD)
            assert [server.found_by_influxql(bucket.name) for bucket in WORLD] == ["mopti", "mopti_kept"]
            assert len(server.mappings) == 2

    def test_asking_again_changes_nothing(self, two: Server, connect: Any) -> None:
        prepare(connect(two.url), WORLD)
        made = (dict(two.buckets), dict(two.mappings))
        two.requests.clear()
        prepare(connect(two.url), WORLD)
        assert (two.buckets, two.mappings) == made
        assert {request.split()[0] for request in two.requests} == {"GET"}

    def test_a_retention_that_somebody_chose_stays_and_is_mentioned(
        self, two: Server, connect: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        prepare(connect(two.url), (Bucket("mopti", 1000),))
        with caplog.at_level(logging.WARNING):
            prepare(connect(two.url), WORLD)
        assert next(iter(two.buckets.values()))["retentionRules"][0]["everySeconds"] == 1000 * DAY
        assert "keeps mopti 1000 days, not 400 days" in caplog.text

    def test_a_mapping_whose_bucket_was_deleted_by_hand_is_replaced(self, two: Server, connect: Any) -> None:
        prepare(connect(two.url), WORLD)
        two.buckets.clear()
        prepare(connect(two.url), WORLD)
        assert {m["bucketID"] for m in two.mappings.values()} == set(two.buckets)

    def test_a_mapping_to_somebody_elses_bucket_is_not_touched(self, two: Server, connect: Any) -> None:
        prepare(connect(two.url), (Bucket("other", None),))
        next(iter(two.mappings.values()))["database"] = "mopti"
        with pytest.raises(StoreAway, match="maps database mopti to another bucket"):
            prepare(connect(two.url), WORLD)
        assert len(two.mappings) == 1

    def test_drop_removes_buckets_and_mappings_and_only_ours(self, two: Server, connect: Any) -> None:
        prepare(connect(two.url), (*WORLD, Bucket("other", None)))
        drop(connect(two.url), WORLD)
        assert [bucket["name"] for bucket in two.buckets.values()] == ["other"]
        assert [mapping["database"] for mapping in two.mappings.values()] == ["other"]
        drop(connect(two.url), WORLD)

    def test_a_token_that_may_only_read_and_write_suffices_once_all_is_there(
        self, two: Server, connect: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        prepare(connect(two.url), WORLD)
        two.refuse = {"GET /api/v2/dbrps": 401, "POST /api/v2/buckets": 403}
        assert prepare(connect(two.url), WORLD) == 2
        assert "may not see v1 mappings" in caplog.text

    def test_says_what_to_do_when_refused(self, two: Server, connect: Any) -> None:
        with pytest.raises(StoreAway, match=r"401.*check token"):
            prepare(connect(two.url.replace(two.token, "wrong")), WORLD)
        with pytest.raises(StoreAway, match="nobody"):
            prepare(connect(two.url.replace("/trezor", "/nobody")), WORLD)
        with pytest.raises(StoreAway, match="name the organisation"):
            prepare(connect(two.url.replace("/trezor", "")), WORLD)
        two.refuse = {"POST /api/v2/buckets": 403}
        with pytest.raises(StoreAway, match=r"403.*and make them"):
            prepare(connect(two.url), WORLD)


class TestInfluxDB3:
    def test_makes_databases_with_their_retention_once_and_drops_them(self, three: Server, connect: Any) -> None:
        for _ in range(2):
            assert prepare(connect(three.url), WORLD) == 3
        assert three.databases == {
            "mopti": {"db": "mopti", "retention_period": "400d"},
            "mopti_kept": {"db": "mopti_kept"},
        }
        for _ in range(2):
            drop(connect(three.url), WORLD)
        assert three.databases == {}


def test_a_server_that_is_no_influxdb_or_too_new_is_named(connect: Any) -> None:
    with running(Server(version="")) as server, pytest.raises(StoreAway, match="not as InfluxDB does"):
        prepare(connect(server.url), WORLD)
    with running(Server(version="4.0.0")) as server, pytest.raises(StoreAway, match="version that is not known"):
        prepare(connect(server.url), WORLD)


@pytest.mark.influxdb
class TestTheRealInfluxDB1:
    def test_makes_databases_with_their_retention_once_and_drops_them(
        self, influx: Influx, connect: Any, new_world: Callable[[], str]
    ) -> None:
        name = new_world()
        world = (Bucket(name, 400), Bucket(f"{name}_kept", None))
        for _ in range(2):
            assert prepare(connect(influx.url), world) == 1
        assert _policy(influx, name) == ["autogen", "9600h0m0s", "168h0m0s", 1, True]
        assert _policy(influx, f"{name}_kept") == ["autogen", "0s", "8736h0m0s", 1, True]
        for _ in range(2):
            drop(connect(influx.url), world)
        assert name not in str(_ask(influx, "SHOW DATABASES"))

    def test_a_retention_that_somebody_chose_stays_and_is_mentioned(
        self, influx: Influx, connect: Any, new_world: Callable[[], str], caplog: pytest.LogCaptureFixture
    ) -> None:
        name = new_world()
        _ask(influx, f'CREATE DATABASE "{name}" WITH DURATION 1000d NAME "mine"')
        with caplog.at_level(logging.WARNING):
            prepare(connect(influx.url), (Bucket(name, 400),))
        assert _policy(influx, name)[:2] == ["mine", "24000h0m0s"]
        assert f"keeps {name} 1000 days, not 400 days" in caplog.text
        drop(connect(influx.url), (Bucket(name, 400),))


def _ask(influx: Influx, statement: str) -> Any:
    return requests.post(f"{influx.http_url}/query", data={"q": statement}, timeout=30).json()["results"][0]


def _policy(influx: Influx, database: str) -> Any:
    return _ask(influx, f'SHOW RETENTION POLICIES ON "{database}"')["series"][0]["values"][0]
