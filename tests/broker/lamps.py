"""Lamps that speak through a real broker and remember what it acknowledged; and a gateway as a process of its own."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.fleet import Fleet
from gateway.options import Broker
from gateway.telemetry import CBOR_TYPE, Report, Resend, decode, encode
from tests.gateway.wire import WORLD, fleet, report, samples_of, topic

ROOT = Path(__file__).parent.parent.parent


def wait_until(true: Callable[[], object], timeout_s: float = 20.0, what: str = "") -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.02)


class Lamps:
    """One connection for all lamps. Every message is kept by paho until the broker acknowledges it."""

    def __init__(self, broker: Broker, world: str = WORLD, answer_resend: bool = False) -> None:
        self.fleet: Fleet = fleet()
        self.names = list(self.fleet.lamps)
        self.world = world
        self.sent: dict[tuple[str, int], Report] = {}  # by lamp and seq
        self.acknowledged: set[int] = set()
        self.asked: list[tuple[str, Resend]] = []
        self._mids: list[int] = []
        self._answer = answer_resend
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "lamps", protocol=mqtt.MQTTv5)
        self._client.max_inflight_messages_set(100)
        self._client.on_publish = self._published
        self._client.on_message = self._message
        self._client.on_connect = self._connected
        self._client.connect_async(broker.host, broker.port, 10)
        self._client.loop_start()
        wait_until(self._client.is_connected, what="lamps connected")

    def publish(self, lamp: str, message: Report) -> None:
        self.sent[lamp, message.seq] = message
        self._put(str(topic(self.fleet, lamp, world=self.world)), encode(message))

    def raw(self, place: str, payload: bytes) -> None:
        self._put(place, payload)

    def all_acknowledged(self) -> bool:
        return self.acknowledged >= set(self._mids)

    def expected(self) -> list[tuple[Any, ...]]:
        """Every sample that the broker has taken over, as the store must have it."""
        return sorted(row for (lamp, _), one in self.sent.items() for row in samples_of(one, lamp))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _put(self, place: str, payload: bytes) -> None:
        properties = Properties(PacketTypes.PUBLISH)
        properties.ContentType = CBOR_TYPE
        self._mids.append(self._client.publish(place, payload, 1, properties=properties).mid)

    def _connected(self, client: mqtt.Client, *_: Any) -> None:
        if self._answer:
            client.subscribe(f"{self.world}/+/+/resend", 1)

    def _published(self, _client: mqtt.Client, _userdata: Any, mid: int, *_: Any) -> None:
        self.acknowledged.add(mid)

    def _message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        request = decode(message.payload, None, Resend)
        assert isinstance(request, Resend)
        lamp = message.topic.split("/")[2]
        self.asked.append((lamp, request))
        for seq in range(request.from_, request.to + 1):
            if (lamp, seq) in self.sent:
                self._put(str(topic(self.fleet, lamp, world=self.world)), encode(self.sent[lamp, seq]))


class Chatter:
    """Lamps that report one after the other, `per_second` in all, until stopped."""

    def __init__(self, lamps: Lamps, per_second: float, lamp_count: int = 20) -> None:
        self._lamps = lamps
        self._pause = 1 / per_second
        self._names = lamps.names[:lamp_count]
        self._start = int(time.time()) - 5 * 24 * 3600
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._talk, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(10)

    def _talk(self) -> None:
        n = 0
        while not self._stopping.wait(self._pause):
            seq = n // len(self._names)
            self._lamps.publish(self._names[n % len(self._names)], report(seq, t=self._start + seq * 240, dt=60))
            n += 1


class Door:
    """`tests.broker.door` as a process; SIGKILL is `kill()`."""

    def __init__(self, broker: Broker, store_url: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.broker.door", str(broker), store_url, *arguments],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def wait_for(self, word: str, timeout_s: float = 60.0) -> str:
        """The line that begins with this word."""
        assert self._process.stdout is not None
        timer = threading.Timer(timeout_s, self._process.kill)
        timer.start()
        try:
            for line in self._process.stdout:
                if line.startswith(word):
                    return line
        finally:
            timer.cancel()
        raise AssertionError(f"the gateway ended, or {timeout_s} s passed, before it said {word!r}")

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
        self._close()

    def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(30)
        self._close()
        return code

    def _close(self) -> None:
        if self._process.stdout is not None:
            self._process.stdout.close()
