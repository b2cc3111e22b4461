"""Acknowledged means durable: a gateway killed twenty times, and a store that goes away, lose nothing."""

import random
import time
from pathlib import Path

import pytest

from gateway.stores import open_store
from tests.broker.lamps import Chatter, Door, Lamps, wait_until
from tests.gateway.wire import WORLD, stored_samples
from tests.influx_server import Influx
from tests.mosquitto_server import Mosquitto

pytestmark = [pytest.mark.mosquitto, pytest.mark.slow]

KILLS = 20


def finish(mosquitto: Mosquitto, store_url: str) -> str:
    """A last gateway writes what is left; its counters."""
    last = Door(mosquitto.address, store_url, "", "1.5")
    line = last.wait_for("idle", 120)
    assert last.stop() == 0
    return line


def kill_again_and_again(mosquitto: Mosquitto, store_url: str, chance: random.Random, kills: int) -> Lamps:
    """The first gateway has subscribed before the lamps speak: a broker keeps nothing for a stranger."""
    door = Door(mosquitto.address, store_url)
    door.wait_for("connected")
    time.sleep(0.5)  # its subscriptions
    lamps = Lamps(mosquitto.address)
    chatter = Chatter(lamps, per_second=250)
    for _ in range(kills):
        time.sleep(chance.uniform(0.0, 0.8))
        door.kill()
        door = Door(mosquitto.address, store_url)
        door.wait_for("connected")
    door.kill()
    chatter.stop()
    wait_until(lamps.all_acknowledged, what="the broker has everything")
    return lamps


def test_twenty_kills_lose_no_sample_and_store_none_twice(mosquitto: Mosquitto, tmp_path: Path) -> None:
    store_url = f"duckdb:///{tmp_path}/world.duckdb"
    lamps = kill_again_and_again(mosquitto, store_url, random.Random(20261123), KILLS)
    finish(mosquitto, store_url)
    lamps.close()
    store = open_store(store_url, WORLD)
    try:
        assert len(lamps.sent) > 2_000
        assert sorted(stored_samples(store)) == lamps.expected()
        assert store.read("quarantine").is_empty()
        heard = store.read("arrivals", columns=("lamp", "seq")).unique().height
        assert heard == len(lamps.sent)
    finally:
        store.close()


@pytest.mark.influxdb
def test_a_store_that_goes_away_and_a_gateway_that_is_killed_meanwhile(mosquitto: Mosquitto, influx: Influx) -> None:
    store = open_store(influx.url, WORLD)
    store.drop()
    door = Door(mosquitto.address, influx.url)
    door.wait_for("connected")
    time.sleep(0.5)
    lamps = Lamps(mosquitto.address)
    chatter = Chatter(lamps, per_second=250)
    chance = random.Random(20261123)
    for kill in (False, True):
        time.sleep(chance.uniform(1.0, 2.0))
        influx.stop(kill=kill)
        time.sleep(chance.uniform(1.0, 3.0))
        if kill:
            door.kill()
            door = Door(mosquitto.address, influx.url)
            door.wait_for("connected")
            time.sleep(1.0)
        influx.start()
        time.sleep(chance.uniform(1.0, 2.0))
    chatter.stop()
    wait_until(lamps.all_acknowledged, what="the broker has everything")
    door.kill()
    finish(mosquitto, influx.url)
    lamps.close()
    try:
        assert len(lamps.sent) > 1_000
        assert sorted(stored_samples(store)) == lamps.expected()
        assert store.read("quarantine").is_empty()
    finally:
        store.drop()
        store.close()
