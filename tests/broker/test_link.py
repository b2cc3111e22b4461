"""An acknowledgement belongs to one connection: on another, the same message id is another message's."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from gateway.link import Heard, Link
from gateway.options import Broker
from tests.broker.lamps import Lamps, wait_until
from tests.gateway.wire import WORLD, report
from tests.mosquitto_server import Mosquitto

pytestmark = pytest.mark.mosquitto

T0 = int(time.time()) - 20 * 24 * 3600


class Ear:
    """A link that notes what it hears."""

    def __init__(self, broker: Broker) -> None:
        self.heard: list[Heard] = []
        self.link = Link(
            broker, "ear", [f"{WORLD}/+/+/telemetry"], 100, 3600, lambda: datetime.now(UTC), self.heard.append
        )
        self.link.start()
        wait_until(lambda: self.link.connected, what="connected")
        time.sleep(0.3)  # its subscription

    def again(self) -> list[Heard]:
        """What comes after breaking the connection and making it anew."""
        self.heard.clear()
        self.link.restart()
        wait_until(lambda: self.link.connected, what="connected again")
        time.sleep(0.5)
        return list(self.heard)


@pytest.fixture
def ear(mosquitto: Mosquitto) -> Iterator[Ear]:
    ear = Ear(mosquitto.address)
    yield ear
    ear.link.stop()


def test_an_acknowledgement_of_an_earlier_connection_is_not_sent(ear: Ear, mosquitto: Mosquitto) -> None:
    lamps = Lamps(mosquitto.address)
    for seq in range(3):
        lamps.publish(lamps.names[0], report(seq, t=T0 + seq * 3600))
    wait_until(lambda: len(ear.heard) == 3, what="heard")
    lamps.close()
    old = list(ear.heard)
    new = ear.again()
    assert [message.payload for message in new] == [message.payload for message in old]
    assert [message.mid for message in new] == [message.mid for message in old]  # the trap
    assert {message.session for message in new}.isdisjoint({message.session for message in old})
    ear.link.acknowledge(old)
    assert len(ear.again()) == 3
    ear.link.acknowledge(ear.heard[:2])
    assert [message.payload for message in ear.again()] == [new[2].payload]
    ear.link.acknowledge(ear.heard)
    assert ear.again() == []


def test_a_refusal_is_said_once_and_tried_again(
    tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    config = "listener {port} 127.0.0.1\nallow_anonymous false\nlog_dest file {folder}/log\nlog_type all\n"
    folder = tmp_path_factory.mktemp("closed")
    server = Mosquitto(folder, config).start()
    link = Link(server.address, "ear", [], 10, 60, lambda: datetime.now(UTC), lambda heard: None)
    try:
        link.start()
        tries = lambda: (folder / "log").read_text().count("Sending CONNACK")  # noqa: E731  said once, used once
        wait_until(lambda: tries() >= 2, what="tried again")
        assert not link.connected
        refused = [record.message for record in caplog.records if "refuses ear" in record.message]
        assert len(refused) == 1
        assert "Not authorized" in refused[0]
    finally:
        link.stop()
        server.stop()
