"""The embedded broker as it really is: what it keeps, what it forgets, whom it lets in."""

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.broker import HOST, MAX_PAYLOAD, SHARED, WINDOW, BrokerFailed, EmbeddedBroker
from gateway.listen import Gateway, Limits
from gateway.stores.memory import MemoryStore
from gateway.telemetry import Event, encode
from gateway.topic import EVENT
from gateway.worldclock import EventClock, LiveClock
from tests.broker.lamps import Lamps, wait_until
from tests.gateway.wire import WORLD, fleet, report, stored_samples, topic

T0 = int(time.time()) - 20 * 24 * 3600


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(0) as running:
        yield running


def gateway(broker: EmbeddedBroker, store: MemoryStore) -> Gateway:
    door = Gateway(
        broker.address, store, fleet(), WORLD, now, LiveClock(now), shared=SHARED, limits=Limits(window=WINDOW)
    )
    door.start()
    wait_until(lambda: door.link.connected, what="gateway connected")
    time.sleep(0.3)  # its subscriptions
    return door


def test_it_listens_on_this_machine_only(broker: EmbeddedBroker) -> None:
    listening = [
        line.split()[1]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and int(line.split()[1].split(":")[1], 16) == broker.address.port
    ]
    assert listening == [f"0100007F:{broker.address.port:04X}"]  # 127.0.0.1
    assert broker.address.host == HOST


def test_it_stops_and_starts_again_on_the_same_port() -> None:
    broker = EmbeddedBroker(0).start()
    port = broker.address.port
    assert broker.is_running
    broker.stop()
    broker.stop()
    assert not broker.is_running
    with EmbeddedBroker(port) as again:
        assert again.address.port == port


def test_a_taken_port_is_reported_with_the_remedy() -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(BrokerFailed) as caught:
            EmbeddedBroker(port).start()
    message = str(caught.value)
    assert f"--broker mqtt://{HOST}:{port}" in message
    assert f"--port {port + 1}" in message


def test_every_report_of_two_hundred_lamps_comes_through(broker: EmbeddedBroker) -> None:
    store = MemoryStore()
    door = gateway(broker, store)
    lamps = Lamps(broker.address)
    try:
        for seq in range(10):
            for lamp in lamps.names:
                lamps.publish(lamp, report(seq, t=T0 + seq * 1800, dt=300))
        wait_until(lambda: door.counters().messages == 2000, 60, what="all heard")
        assert sorted(stored_samples(store)) == lamps.expected()
    finally:
        lamps.close()
        door.stop()


def test_events_come_between_the_reports_that_they_came_between(broker: EmbeddedBroker) -> None:
    """A played world's time is that of its reports: an event is dated by what came before it."""
    store = MemoryStore()
    clock = EventClock(1)
    door = Gateway(
        broker.address, store, fleet(), WORLD, now, clock, shared=SHARED, limits=Limits(messages=50, window=WINDOW)
    )
    lamps = Lamps(broker.address)
    try:
        door.start()
        wait_until(lambda: door.link.connected, what="gateway connected")
        time.sleep(0.3)  # its subscriptions
        name = lamps.names[0]
        for seq in range(400):
            at = T0 + seq * 3600
            lamps.publish(name, report(seq, t=at, samples=1))
            lamps.raw(str(topic(lamps.fleet, name, EVENT)), encode(Event(v=1, t=at + 1, event="tilt")))
        wait_until(lambda: door.counters().messages == 800, 60, what="all heard")
        events = store.read("events").sort("time")
        assert events.height == 400
        late = events["received"] - events["time"]
        assert (late.min(), late.max()) == (timedelta(seconds=-1), timedelta(seconds=-1))
    finally:
        lamps.close()
        door.stop()


def test_what_comes_while_no_gateway_is_there_is_kept_for_it(broker: EmbeddedBroker) -> None:
    """And what it had heard but not acknowledged comes again: the session survives, QoS 1 holds."""
    store = MemoryStore()
    door = gateway(broker, store)
    lamps = Lamps(broker.address)
    try:
        lamps.publish(lamps.names[0], report(0, t=T0))
        wait_until(lambda: door.counters().messages == 1, what="heard")
        door.stop()
        for seq in range(1, 500):
            lamps.publish(lamps.names[seq % 7], report(seq, t=T0 + seq * 1800, dt=300))
        wait_until(lamps.all_acknowledged, what="the broker has them")
        assert len(stored_samples(store)) == 4
        door = gateway(broker, store)
        wait_until(lambda: sorted(stored_samples(store)) == lamps.expected(), what="delivered later")
    finally:
        lamps.close()
        door.stop()


def test_a_lost_connection_is_made_again_and_nothing_is_lost(broker: EmbeddedBroker) -> None:
    store = MemoryStore()
    door = gateway(broker, store)
    lamps = Lamps(broker.address)
    try:
        for seq in range(600):
            lamps.publish(lamps.names[seq % 7], report(seq, t=T0 + seq * 1800, dt=300))
            if seq % 200 == 100:
                door.link.restart()
        wait_until(lambda: sorted(stored_samples(store)) == lamps.expected(), 30, what="all stored")
        assert broker.is_running
    finally:
        lamps.close()
        door.stop()


def test_an_oversized_report_ends_in_quarantine_and_not_in_a_broken_connection(broker: EmbeddedBroker) -> None:
    store = MemoryStore()
    door = gateway(broker, store)
    lamps = Lamps(broker.address)
    try:
        lamps.raw(str(topic(lamps.fleet, lamps.names[0])), b"\x00" * (MAX_PAYLOAD // 2))
        lamps.publish(lamps.names[0], report(1, t=T0))
        wait_until(lambda: door.counters().messages == 2, what="both heard")
        assert store.read("quarantine")["bytes"].to_list() == [MAX_PAYLOAD // 2]
        assert sorted(stored_samples(store)) == lamps.expected()
    finally:
        lamps.close()
        door.stop()


def test_a_full_log_drops_the_oldest_without_a_word() -> None:
    """The reason for the size of the log: this is what happens beyond it, and why missing reports are asked back."""
    with EmbeddedBroker(0, log_bytes=256 * 1024) as small:
        store = MemoryStore()
        door = gateway(small, store)
        door.stop()
        lamps = Lamps(small.address)
        try:
            for seq in range(3000):
                lamps.publish(lamps.names[0], report(seq, t=T0 + seq * 60, samples=1))
            wait_until(lamps.all_acknowledged, what="acknowledged all the same")
            door = gateway(small, store)
            assert door.wait_idle(1.0, 30)
            seqs = store.read("arrivals")["seq"].sort().to_list()
            assert 500 < len(seqs) < 3000
            assert seqs == list(range(3000 - len(seqs), 3000))  # the newest, without a hole
        finally:
            lamps.close()
            door.stop()
