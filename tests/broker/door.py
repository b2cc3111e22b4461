"""A gateway to be killed: `python -m tests.broker.door BROKER STORE [SUFFIX] [IDLE_S]` says "connected" and "idle"."""

import logging
import signal
import sys
import threading
from datetime import UTC, datetime

from gateway.listen import Gateway
from gateway.options import Broker
from gateway.stores import open_store
from gateway.worldclock import LiveClock
from tests.gateway.wire import WORLD, fleet


def now() -> datetime:
    return datetime.now(UTC)


def main(broker: str, store_url: str, suffix: str = "", idle_s: str = "") -> None:
    logging.basicConfig(level=logging.WARNING)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    store = open_store(store_url, WORLD)
    gateway = Gateway(Broker.parse(broker), store, fleet(), WORLD, now, LiveClock(now), suffix=suffix)
    gateway.start()
    while not gateway.link.connected and not stopping.wait(0.01):
        pass
    say("connected")
    if idle_s:
        gateway.wait_idle(float(idle_s))
        say(f"idle {gateway.counters()}")
    stopping.wait()
    gateway.stop()
    store.close()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
