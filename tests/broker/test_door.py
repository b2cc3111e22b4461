"""The gateway in this process and a real Mosquitto: order, doubles, restarts of the broker, replicas, asking back."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from gateway.listen import Gateway, Limits
from gateway.options import Broker
from gateway.resend import Patience
from gateway.store import Store, StoreAway
from gateway.stores.memory import MemoryStore
from gateway.telemetry import Event, Status, encode
from gateway.worldclock import EventClock, LiveClock, WorldClock
from tests.broker.lamps import Chatter, Lamps, wait_until
from tests.gateway.wire import WORLD, fleet, report, samples_of, stored_samples, topic
from tests.mosquitto_server import Mosquitto

pytestmark = pytest.mark.mosquitto

T0 = int(time.time()) - 20 * 24 * 3600
SOON = Patience(
    open_for=timedelta(seconds=0.5), spacing=timedelta(seconds=0.2), first_pause=timedelta(seconds=1),
    last_pause=timedelta(seconds=2),
)  # fmt: skip


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def gateway(
    broker: Broker,
    store: Store,
    world_clock: WorldClock | None = None,
    *,
    suffix: str = "",
    limits: Limits = Limits(),  # noqa: B008  frozen
    patience: Patience = SOON,
    look_every_s: float = 60.0,
) -> Iterator[Gateway]:
    door = Gateway(
        broker, store, fleet(), WORLD, now, world_clock or LiveClock(now),
        suffix=suffix, limits=limits, patience=patience, look_every_s=look_every_s,
    )  # fmt: skip
    door.start()
    wait_until(lambda: door.link.connected, what="gateway connected")
    time.sleep(0.3)  # its subscriptions
    try:
        yield door
    finally:
        door.stop()


@contextmanager
def lamps_of(broker: Broker, answer_resend: bool = False) -> Iterator[Lamps]:
    lamps = Lamps(broker, answer_resend=answer_resend)
    try:
        yield lamps
    finally:
        lamps.close()


def everything(store: Store, lamps: Lamps) -> Callable[[], bool]:
    return lambda: sorted(stored_samples(store)) == lamps.expected()


def heard(door: Gateway, count: int) -> None:
    """All so many messages have come and are acknowledged."""
    wait_until(lambda: door.counters().messages >= count, 30, what=f"{count} messages heard")
    assert door.wait_idle(0.2, 30)
    assert door.counters().messages == count


class SlowStore(MemoryStore):
    """Away until told otherwise; notes how often it was tried."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.tries = 0

    def append(self, table: str, frame: pl.DataFrame) -> None:
        self.tries += 1
        if self.away:
            raise StoreAway("switched off by the test")
        super().append(table, frame)


def test_late_doubled_and_reordered_reports_give_the_same_rows(mosquitto: Mosquitto) -> None:
    chance = random.Random(1)
    store = MemoryStore()
    with gateway(mosquitto.address, store) as door, lamps_of(mosquitto.address) as lamps:
        reports = [(lamp, report(seq, t=T0 + seq * 3600)) for seq in range(40) for lamp in lamps.names[:10]]
        shuffled = [*reports, *chance.sample(reports, 150)]
        chance.shuffle(shuffled)
        for lamp, one in shuffled:
            lamps.publish(lamp, one)
        heard(door, 550)
        assert sorted(stored_samples(store)) == lamps.expected()
        counters = door.counters()
        assert (counters.messages, counters.accepted, counters.refused) == (550, 550, 0)
        assert (counters.queued, counters.lag_s, counters.connected, counters.store_away) == (0, 0.0, True, "")
        arrivals = store.read("arrivals")
        assert arrivals.height == 550
        assert arrivals["time"].is_sorted()
        assert arrivals["time"].n_unique() == 550


def test_status_events_and_nonsense_are_kept_too(mosquitto: Mosquitto) -> None:
    store = MemoryStore()
    with gateway(mosquitto.address, store) as door, lamps_of(mosquitto.address) as lamps:
        place = lamps.fleet
        lamp = lamps.names[0]
        lamps.raw(str(topic(place, lamp, "status")), encode(Status(v=1, state="online")))
        lamps.raw(str(topic(place, lamp, "event")), encode(Event(v=1, t=T0, event="tilt")))
        lamps.raw(str(topic(place, lamp)), b"\x00\x01")
        lamps.raw(str(topic(place, lamp)), b"x" * 100_000)
        lamps.raw(f"{WORLD}/fatoma/nobody/telemetry", b"{}")
        lamps.publish(lamp, report(1, t=T0))
        heard(door, 6)
        assert store.read("status")["state"].to_list() == ["online"]
        assert store.read("events")["event"].to_list() == ["tilt"]
        quarantine = store.read("quarantine")
        assert sorted(quarantine["bytes"].to_list()) == [2, 2, 100_000]
        assert sorted(stored_samples(store)) == lamps.expected()
        counters = door.counters()
        assert (counters.messages, counters.accepted, counters.refused) == (6, 3, 3)


def test_a_store_away_for_longer_than_the_keep_alive_keeps_the_connection(mosquitto: Mosquitto) -> None:
    """Back-pressure is the receive maximum: the queue stays bounded, and nothing is acknowledged meanwhile."""
    store = SlowStore()
    store.away = True
    limits = Limits(window=50)
    with gateway(mosquitto.address, store, limits=limits) as door, lamps_of(mosquitto.address) as lamps:
        for seq in range(200):
            lamps.publish(lamps.names[0], report(seq, t=T0 + seq * 3600))
        wait_until(lamps.all_acknowledged, what="the broker has them")
        wait_until(lambda: door.counters().queued == 50, what="window full")
        time.sleep(3.0)
        counters = door.counters()
        assert counters.queued == 50
        assert counters.connected
        assert counters.accepted == 0
        assert counters.store_away == "switched off by the test"
        assert counters.lag_s > 2.5
        assert store.tries < 10
        store.away = False
        wait_until(everything(store, lamps), what="all written after the store is back")
        assert door.wait_idle(0.2, 30)
        assert door.counters().accepted == 200


def test_a_gateway_that_stops_leaves_the_rest_with_the_broker(mosquitto: Mosquitto) -> None:
    store = SlowStore()
    with lamps_of(mosquitto.address) as lamps:
        with gateway(mosquitto.address, store) as door:
            store.away = True
            for seq in range(100):
                lamps.publish(lamps.names[0], report(seq, t=T0 + seq * 3600))
            wait_until(lambda: door.counters().queued == 100, what="heard")
            begun = time.monotonic()
        assert time.monotonic() - begun < 5
        assert stored_samples(store) == []
        store.away = False
        with gateway(mosquitto.address, store):
            wait_until(everything(store, lamps), what="delivered to the next gateway")


def test_the_broker_may_be_restarted_at_any_time(mosquitto: Mosquitto) -> None:
    store = SlowStore()
    with gateway(mosquitto.address, store, limits=Limits(window=100)) as door, lamps_of(mosquitto.address) as lamps:
        chatter = Chatter(lamps, per_second=300)
        for _ in range(3):
            time.sleep(0.7)
            store.away = True  # so that messages of the old connection are still waiting to be acknowledged
            time.sleep(0.4)
            mosquitto.stop()
            time.sleep(0.2)
            mosquitto.start()
            wait_until(lambda: door.link.connected, what="connected again")
            store.away = False
        chatter.stop()
        wait_until(lamps.all_acknowledged, 60, what="the broker has everything")
        wait_until(everything(store, lamps), 60, what="nothing lost, nothing twice")
        assert store.read("quarantine").is_empty()


def test_what_a_broken_broker_lost_is_asked_back_from_the_lamps(mosquitto: Mosquitto) -> None:
    """Killed with SIGKILL, Mosquitto forgets what it acknowledged since its last save; the lamps still have it."""
    store = MemoryStore()
    with lamps_of(mosquitto.address, answer_resend=True) as lamps:
        with gateway(mosquitto.address, store) as door:
            for seq in range(10):
                lamps.publish(lamps.names[0], report(seq, t=T0 + seq * 3600))
            heard(door, 10)
        for seq in range(10, 60):  # acknowledged by the broker, and heard by nobody
            lamps.publish(lamps.names[0], report(seq, t=T0 + seq * 3600))
        wait_until(lamps.all_acknowledged, what="the broker has them")
        mosquitto.stop(kill=True)
        for path in mosquitto.folder.glob("mosquitto.db*"):
            path.unlink()  # the worst case: its disk had nothing of them
        mosquitto.start()
        with gateway(mosquitto.address, store, look_every_s=0.3) as door:
            lamps.publish(lamps.names[0], report(60, t=T0 + 60 * 3600))
            wait_until(everything(store, lamps), 60, what="asked back and stored")
            assert {(request.from_, request.to) for _, request in lamps.asked} == {(10, 59)}
            assert door.counters().resends_asked >= 1
            assert store.read("lost").is_empty()


def test_two_gateways_share_the_load_and_lose_nothing(mosquitto: Mosquitto) -> None:
    store = MemoryStore()
    with (
        gateway(mosquitto.address, store, suffix="a") as first,
        gateway(mosquitto.address, store, suffix="b") as second,
        lamps_of(mosquitto.address) as lamps,
    ):
        for seq in range(100):
            for lamp in lamps.names[:10]:
                lamps.publish(lamp, report(seq, t=T0 + seq * 3600))
        wait_until(everything(store, lamps), what="all stored")
        assert first.wait_idle(0.3, 10)
        assert second.wait_idle(0.3, 10)
        shares = [first.counters().accepted, second.counters().accepted]
        assert sum(shares) == 1000
        assert min(shares) > 300


@pytest.mark.slow
def test_a_replica_that_leaves_for_good_takes_nothing_with_it(mosquitto: Mosquitto) -> None:
    """Its session goes on being dealt its share; the lamps are asked for that again, until the session expires."""
    chance = random.Random(7)
    store = MemoryStore()
    with (
        gateway(mosquitto.address, store, suffix="a", look_every_s=0.2),
        lamps_of(mosquitto.address, answer_resend=True) as lamps,
    ):
        with gateway(mosquitto.address, store, suffix="b"):
            pass
        names = lamps.names[:3]
        said = dict.fromkeys(names, 0)

        def speak(lamp: str) -> None:
            lamps.publish(lamp, report(said[lamp], t=T0 + said[lamp] * 3600))
            said[lamp] += 1

        for lamp in names * 4:
            speak(lamp)
        held_back = lamps.expected()
        assert len({row[:3] for row in held_back} - {row[:3] for row in stored_samples(store)}) > 4
        deadline = time.monotonic() + 90
        while not set(held_back) <= set(stored_samples(store)):
            assert time.monotonic() < deadline, "asked back and stored"
            time.sleep(0.7)
            for lamp in chance.sample(names, chance.randrange(1, 4)):  # only who speaks again shows what is missing
                speak(lamp)
        assert lamps.asked


def test_an_event_world_stamps_what_it_receives_with_its_own_time(mosquitto: Mosquitto) -> None:
    store = MemoryStore()
    clock = EventClock(200)
    with gateway(mosquitto.address, store, clock) as door, lamps_of(mosquitto.address) as lamps:
        for seq in range(5):
            for lamp in lamps.names[:4]:
                lamps.publish(lamp, report(seq, t=T0 + seq * 3600, samples=1))
        heard(door, 20)
        received = store.read("arrivals").sort("time")["received"].to_list()
        assert received == sorted(received)
        assert received[-1].timestamp() == T0 + 4 * 3600
        written = store.read("arrivals")["time"].max()
        assert isinstance(written, datetime)
        assert abs(written - now()) < timedelta(minutes=1)  # the order of writing is by the wall clock


def test_samples_of_one_batch_are_what_was_sent(mosquitto: Mosquitto) -> None:
    store = MemoryStore()
    with gateway(mosquitto.address, store) as door, lamps_of(mosquitto.address) as lamps:
        one = report(5, t=T0, bat_dc=None, soc=None, fw=None, rssi=None)
        lamps.publish(lamps.names[3], one)
        heard(door, 1)
        assert stored_samples(store) == samples_of(one, lamps.names[3])
        assert store.read("telemetry")["soc"].null_count() == 4
