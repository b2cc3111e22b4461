"""The same world over the whole path: embedded MQTT broker, the gateway as it is, the store, the watch."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from firmware_sim.publish import publish
from gateway.broker import SHARED, WINDOW, EmbeddedBroker
from gateway.fleet import Fleet
from gateway.listen import Gateway, Limits
from gateway.store import Store
from gateway.worldclock import EventClock
from monitor.casebook import Casebook
from monitor.watch import Watch
from scorecard.watching import STEP, Lamps, Watched, follower, moment, steps

PATIENCE_S: Final = 120.0


class StationFailed(Exception):
    """The station did not take what was published; the message says how much is missing."""


def through_mqtt(
    lamps: Lamps,
    world: str,
    fleet: Fleet,
    store: Store,
    casebook: Casebook,
    alerts: Path,
    step: timedelta = STEP,
    at: Callable[[datetime], None] | None = None,
) -> Watched:
    """As watching.live_through, with the lamps' messages published at full speed and judged step by step.

    Raises StationFailed, BrokerFailed, BrokerAway.
    """
    watch = Watch(store, casebook, fleet)
    following = follower(casebook, fleet, alerts)
    arrivals = ticks = published = 0
    with EmbeddedBroker(0) as broker:
        gateway = Gateway(
            broker.address, store, fleet, world, _utc_now, EventClock(len(fleet.lamps)),
            shared=SHARED, limits=Limits(window=WINDOW),
        )  # fmt: skip
        gateway.start()
        try:
            for until, messages in steps(lamps.messages(), lamps.start, step):
                published += publish(
                    messages, broker.address, f"{world}-lamps", patience_s=PATIENCE_S, world=world,
                    answers=lambda topic, request, now: lamps.again(topic, request, moment(now)),
                )  # fmt: skip
                _wait_for(gateway, published)
                tick = watch.tick()
                following.follow(tick)
                arrivals, ticks = arrivals + tick.arrivals, ticks + 1
                if at is not None:
                    at(until)
            asked = gateway.counters().resends_asked
        finally:
            gateway.stop()
    return Watched(following.said(), arrivals, asked, ticks)


def _wait_for(gateway: Gateway, messages: int) -> None:
    """Until the gateway has made so many messages durable."""
    deadline = time.monotonic() + PATIENCE_S
    while (done := gateway.counters().messages) < messages:
        if time.monotonic() > deadline:
            raise StationFailed(f"the gateway has taken {done} of {messages} messages after {PATIENCE_S:g} s")
        time.sleep(0.01)


def _utc_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  # the gateway stamps its writes with the wall clock, as in a station
