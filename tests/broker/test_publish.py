"""Publishing through a real broker: everything arrives, in order, whatever the broker goes through."""

import threading
from collections import defaultdict
from datetime import timedelta

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from firmware_sim.exchange import BrokerRefuses
from firmware_sim.network import Network, micros
from firmware_sim.publish import BrokerAway, Publisher, publish
from firmware_sim.radio import Message, Radio
from gateway.link import recorded
from gateway.listen import Gateway
from gateway.options import Broker
from gateway.stores.memory import MemoryStore
from gateway.telemetry import JSON_TYPE, Resend, encode
from gateway.worldclock import EventClock, LiveClock
from tests.broker.ear import Ear, wait_until
from tests.firmware_sim.samples import START, days, fleet
from tests.gateway.wire import fleet as wire_fleet
from tests.gateway.wire import report
from tests.gateway.wire import topic as wire_topic
from tests.mosquitto_server import Mosquitto, free_port

pytestmark = pytest.mark.mosquitto

CLOSED = """\
listener {port} 127.0.0.1
allow_anonymous false
"""


def some(world: str, count: int = 10) -> list[Message]:
    lamps = fleet(3, 4)
    return list(Radio(lamps, world, 1, Network(report_minutes=60)).messages(days(lamps, count)))


def test_everything_arrives_once_in_order_with_its_content_type(mosquitto: Mosquitto) -> None:
    messages = some("w")
    shown: list[tuple[int, int]] = []
    with Ear(mosquitto.address, "w/#") as ear:
        count = publish(messages, mosquitto.address, "test", progress=lambda *now: shown.append(now))
        wait_until(lambda: len(ear.heard) >= len(messages), "all messages heard")
    assert count == len(messages)
    heard = [(m.topic, m.payload, getattr(m.properties, "ContentType", None), m.qos) for m in ear.heard]
    assert heard == [(m.topic, m.payload, m.content_type, 1) for m in messages]
    assert shown[-1] == (len(messages), max(m.at for m in messages))
    assert shown == sorted(shown)


def test_a_broker_that_stops_and_starts_again_costs_nothing(mosquitto: Mosquitto) -> None:
    messages = some("w", 20)
    with Ear(mosquitto.address, "w/#") as ear:
        worker = threading.Thread(target=publish, args=(messages, mosquitto.address, "test"))
        worker.start()
        wait_until(lambda: len(ear.heard) > 500, "the first messages")
        mosquitto.stop()
        mosquitto.start()
        worker.join(60)
        assert not worker.is_alive()
        wanted = {(m.topic, m.payload) for m in messages}
        wait_until(
            lambda: {(m.topic, bytes(m.payload)) for m in ear.heard} == wanted,
            "every message at least once",
            every_s=0.5,
        )
    # Doubles may come where the broker ended before it acknowledged; without them each lamp's order is kept.
    own: dict[str, dict[bytes, None]] = defaultdict(dict)
    for heard in ear.heard:
        own[heard.topic].setdefault(bytes(heard.payload))
    for topic, payloads in own.items():
        assert list(payloads) == list(dict.fromkeys(m.payload for m in messages if m.topic == topic))


def test_lamps_of_a_time_lapse_answer_what_the_gateway_misses(mosquitto: Mosquitto) -> None:
    lamps = fleet(1, 2)
    radio = Radio(lamps, "w", 1, Network(loss=1.0), keep=True)
    statuses = list(radio.messages(days(lamps, 10)))
    assert all(m.topic.endswith("status") for m in statuses)
    newest = micros(START + timedelta(days=10))
    last = statuses[-1]._replace(at=newest)
    publisher = Publisher(mosquitto.address, "test", answers=radio.again, world="w")
    with Ear(mosquitto.address, "w/#") as ear:
        publisher.send(last)
        publisher.drain()
        ear.ask("w/fatoma/fatoma-01/resend", encode(Resend(v=1, boot=3, from_=2, to=4), JSON_TYPE), JSON_TYPE)
        deadline = threading.Timer(20, publisher.close)
        deadline.start()
        while len(ear.payloads("telemetry")) < 3:
            publisher.turn()
        deadline.cancel()
        publisher.close()
    assert radio.archive is not None
    assert ear.payloads("telemetry") == [r.payload for r in radio.archive.find("fatoma-01", 3, 2, 4, newest)]


def test_a_broker_that_is_not_there_is_given_up_after_the_patience(mosquitto: Mosquitto) -> None:
    with pytest.raises(BrokerAway, match="acknowledged nothing"):
        publish(some("w", 1), Broker("127.0.0.1", free_port(), tls=False), "test", patience_s=0.5)


@pytest.mark.parametrize("played", [True, False], ids=["played", "living"])
def test_when_a_message_was_heard_first_is_believed_in_a_played_world_alone(mosquitto: Mosquitto, played: bool) -> None:
    first, now = START + timedelta(days=400), START + timedelta(days=2)
    lamps, store = wire_fleet(), MemoryStore()
    clock = EventClock(len(lamps.lamps)) if played else LiveClock(lambda: now)
    gateway = Gateway(mosquitto.address, store, lamps, "w", lambda: now, clock)
    gateway.start()
    publisher = Publisher(mosquitto.address, "test")
    try:
        wait_until(lambda: gateway.link.connected, "the gateway is connected")
        sent = report(0, t=int(START.timestamp()))
        message = Message(0, str(wire_topic(lamps, next(iter(lamps.lamps)), world="w")), encode(sent), None, 1, False)
        publisher.send(message, received=micros(first))
        publisher.drain()
        wait_until(lambda: gateway.counters().messages == 1, "the report is stored")
    finally:
        publisher.close()
        gateway.stop()
    assert store.read("arrivals")["received"].to_list() == [first if played else now]


@pytest.mark.parametrize("word", ["", "yesterday", "-1", "1.5", "99999999999999999999", "١٢٣"])
def test_a_time_of_first_receipt_that_is_none_is_passed_over(word: str) -> None:
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("received", word), ("other", "17")]
    assert recorded(properties) is None
    assert recorded(None) is None


def test_people_are_told_of_a_broker_that_is_away_and_can_stop() -> None:
    told: list[str] = []
    away = Broker("127.0.0.1", free_port(), tls=False)
    count = publish(some("w"), away, "test", troubled=told.append, stopped=lambda: any(told))
    assert count == 0
    assert f"{away} does not answer (Connection refused): trying again until it does" in told


def test_a_broker_that_refuses_us_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("closed")
    server = Mosquitto(folder, CLOSED).start()
    try:
        with pytest.raises(BrokerRefuses, match="Not authorized"):
            publish(some("w", 1), server.address, "test")
    finally:
        server.stop()
