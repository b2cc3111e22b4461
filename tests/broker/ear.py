"""Somebody who listens at the broker, in a thread, and remembers everything."""

import threading
import time
from collections.abc import Callable
from types import TracebackType

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from gateway.options import Broker


def wait_until(true: Callable[[], bool], what: str, timeout_s: float = 30.0, every_s: float = 0.02) -> None:
    """Polls a real server; fails with `what` after the deadline."""
    deadline = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"not after {timeout_s} s: {what}")
        time.sleep(every_s)


class Ear:
    """A context manager: subscribed when entered. The session outlives its connection (a broker's restart, say)."""

    def __init__(self, broker: Broker, topic: str, name: str = "ear") -> None:
        self.heard: list[paho.MQTTMessage] = []
        self.times: list[float] = []
        self._broker = broker
        self._topic = topic
        self._ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, f"{name}-{id(self)}", protocol=paho.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(topic, SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=1))]
        )
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._hear

    def __enter__(self) -> "Ear":
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 600
        self._client.connect(self._broker.host, self._broker.port, clean_start=False, properties=properties)
        self._client.loop_start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def ask(self, topic: str, payload: bytes, content_type: str) -> None:
        properties = Properties(PacketTypes.PUBLISH)
        properties.ContentType = content_type
        self._client.publish(topic, payload, 1, properties=properties)

    def payloads(self, kind: str) -> list[bytes]:
        return [bytes(m.payload) for m in self.heard if m.topic.endswith(f"/{kind}")]

    def _hear(self, _: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        self.times.append(time.monotonic())
        self.heard.append(message)
