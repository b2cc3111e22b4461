"""Records a world's traffic as it comes, from beside the gateway: its own subscription takes nothing from anybody."""

import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from paho.mqtt.client import MQTTMessage

from firmware_sim.exchange import Exchange
from firmware_sim.network import micros
from firmware_sim.radio import Message
from firmware_sim.recording import RecordingWriter
from firmware_sim.resend import content_type_of
from firmware_sim.session import Settings
from gateway.options import Broker
from gateway.topic import check_part

FLUSH_EVERY_S: Final = 5.0  # what a kill of the recorder can lose
REMEMBERED_S: Final = 3600  # the broker keeps what comes while the recorder's connection is down


def record(
    broker: Broker,
    world: str,
    path: Path,
    fleet: str,
    *,
    stopped: Callable[[], bool],
    clock: Callable[[], datetime],
    subscribed: Callable[[], None] = lambda: None,
    progress: Callable[[int, str], None] | None = None,
    ticks: Callable[[], float] = time.monotonic,
) -> int:
    """Writes every message of a world, its gateway's requests included, until `stopped()`; returns how many.

    Retained messages come first. `subscribed` is called when the broker has granted the subscription, at every
    connection; `progress(count, trouble)` several times a second. Raises BrokerRefuses, RecordingError.
    """
    about = {"world": check_part("world", world), "fleet": fleet, "origin": "record", "broker": str(broker)}
    exchange = Exchange(broker, ticks)
    with RecordingWriter(path, about, in_parts=True) as writer:

        def heard(message: MQTTMessage) -> None:
            content_type = content_type_of(message)
            payload = bytes(message.payload)
            writer.add(Message(micros(clock()), message.topic, payload, content_type, message.qos, message.retain))

        exchange.open(
            Settings(
                client_id=f"{world}-recorder-{os.getpid()}",
                expiry_s=REMEMBERED_S,
                subscribe=(f"{world}/#",),
                as_published=True,
                on_subscribed=subscribed,
                on_message=heard,
            )
        )
        flushed = ticks()
        try:
            while not stopped():
                exchange.turn(0.2)
                if ticks() - flushed >= FLUSH_EVERY_S:
                    flushed = ticks()
                    writer.flush()
                if progress is not None:
                    progress(writer.rows, exchange.trouble)
        finally:
            exchange.close()
    return writer.rows
