"""How fast the door is: decoding and framing alone, and through real brokers into real stores."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from gateway.broker import SHARED, WINDOW, EmbeddedBroker
from gateway.intake import Batch, Entry, Intake, Stamps
from gateway.listen import Gateway, Limits
from gateway.options import Broker
from gateway.stores import open_store
from gateway.telemetry import CBOR_TYPE, JSON_TYPE, encode
from gateway.worldclock import LiveClock
from tests.gateway.wire import WORLD, fleet, report, topic
from tests.mosquitto_server import BINARY, Mosquitto

FLEET = fleet()
LAMPS = list(FLEET.lamps)
T0 = int(time.time()) - 40 * 24 * 3600
ROOT = Path(__file__).parent.parent
Figure = tuple[str, float, str]


def now() -> datetime:
    return datetime.now(UTC)


def run() -> list[Figure]:
    """(name, figure, unit): messages of 1 sample and of 24 samples (six hours)."""
    figures = [figure for samples in (1, 24) for kind in (CBOR_TYPE, JSON_TYPE) for figure in alone(samples, kind)]
    with TemporaryDirectory() as name:
        folder = Path(name)
        with EmbeddedBroker(0) as broker:
            figures += through("rumqttd → memory", broker.address, "memory:", 8_000, embedded=True)
            figures += through("rumqttd → DuckDB", broker.address, f"duckdb:///{folder}/a.duckdb", 8_000, embedded=True)
        if BINARY:
            server = Mosquitto(folder).start()
            try:
                figures += through("Mosquitto → memory", server.address, "memory:", 16_000)
                figures += through("Mosquitto → DuckDB", server.address, f"duckdb:///{folder}/b.duckdb", 16_000)
            finally:
                server.stop()
    return figures


def alone(samples: int, content_type: str, count: int = 8_000) -> list[Figure]:
    """One core, no I/O: from bytes to the frames of a batch of 2000."""
    messages = list(reports(count, samples, content_type))
    intake, moment, stamps = Intake(FLEET, WORLD), now(), Stamps()
    begun = time.perf_counter()
    for start in range(0, count, 2_000):
        fates = [
            intake.take(place, payload, content_type, moment) for place, payload in messages[start : start + 2_000]
        ]
        for _ in Batch([Entry(fate, moment, moment) for fate in fates]).frames(moment, stamps):
            pass
    took = time.perf_counter() - begun
    name = f"decode, check, frame: {samples} samples in {content_type.removeprefix('application/').upper()}"
    return [(name, count / took, "messages/s")]


def through(name: str, broker: Broker, store_url: str, count: int, embedded: bool = False) -> list[Figure]:
    """QoS 1 from a process of its own, acknowledged after the store's durable write; 24 samples each."""
    with gateway(broker, store_url, embedded) as door:
        lamps = subprocess.Popen([sys.executable, "-m", "tests.bench_gateway", str(broker), str(count)], cwd=ROOT)
        while not door.counters().messages:
            time.sleep(0.001)
        begun = time.perf_counter()
        while door.counters().messages < count:
            time.sleep(0.005)
        took = time.perf_counter() - begun
        lamps.wait()
        return [(name, count / took, "messages/s"), (f"{name}: samples", 24 * count / took, "rows/s")]


@contextmanager
def gateway(broker: Broker, store_url: str, embedded: bool) -> Iterator[Gateway]:
    store = open_store(store_url, WORLD)
    limits = Limits(window=WINDOW) if embedded else Limits()
    door = Gateway(broker, store, FLEET, WORLD, now, LiveClock(now), shared=SHARED or not embedded, limits=limits)
    door.start()
    while not door.link.connected:
        time.sleep(0.01)
    time.sleep(0.3)  # its subscriptions
    try:
        yield door
    finally:
        door.stop()
        store.close()


def reports(count: int, samples: int, content_type: str) -> Iterator[tuple[str, bytes]]:
    places = {lamp: str(topic(FLEET, lamp)) for lamp in LAMPS}
    for n in range(count):
        seq = n // len(LAMPS)
        one = report(seq, t=T0 + seq * 900 * samples, samples=samples, dt=900)
        yield places[LAMPS[n % len(LAMPS)]], encode(one, content_type)


def publish(broker_url: str, count: str) -> None:
    broker = Broker.parse(broker_url)
    messages = list(reports(int(count), 24, CBOR_TYPE))
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "bench", protocol=mqtt.MQTTv5)
    client.max_inflight_messages_set(200)
    client.connect(broker.host, broker.port)
    client.loop_start()
    for place, payload in messages[:-1]:
        client.publish(place, payload, 1)
    client.publish(*messages[-1], 1).wait_for_publish()
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    publish(*sys.argv[1:])
