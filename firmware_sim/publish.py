"""Publishes messages through real MQTT as fast as the broker acknowledges them: the time-lapse."""

import time
from collections.abc import Callable, Iterable
from typing import Final
from zlib import crc32

from paho.mqtt.client import MQTTMessage

from firmware_sim.exchange import Exchange
from firmware_sim.radio import Message
from firmware_sim.resend import read_request
from firmware_sim.session import Outgoing, Session, Settings
from gateway.options import Broker
from gateway.telemetry import Resend
from gateway.topic import RESEND, Topic, wildcard

# One connection keeps the order of all lamps, not only of each: a world judged by its newest event time must not see
# one village run days ahead of another. Measured: one is as fast as four, since one thread drives them.
CONNECTIONS: Final = 1
WINDOW: Final = 1_000  # unacknowledged messages of a connection
AHEAD: Final = 2_000  # messages handed to the sessions and not yet acknowledged
PROGRESS_EVERY_S: Final = 0.2

Answers = Callable[[Topic, Resend, int], list[Message]]


class BrokerAway(Exception):
    """The broker could not be reached for longer than the caller wanted to wait."""


class Publisher:
    """One connection, or a few that share the lamps: one lamp always speaks through the same, so its order is kept.

    QoS 1 with acknowledgement; a broken connection is made again and the unacknowledged go again, in order: at
    least once. `acknowledged` counts messages, `newest` is the newest true time (µs) acknowledged.
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        *,
        connections: int = CONNECTIONS,
        patience_s: float | None = None,
        answers: Answers | None = None,
        world: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`patience_s`: give up with BrokerAway after so long without any acknowledgement; None waits for ever.
        `answers`: what the lamps of `world` reply to `resend` (Radio.again); the present is `newest`.
        """
        self.acknowledged = 0
        self.newest = 0
        self.on_acknowledged: Callable[[int], None] | None = None
        self._broker = broker
        self._clock = clock
        self._patience_s = patience_s
        self._waiting = 0
        self._heard = clock()
        self._exchange = Exchange(broker, clock)
        self._sessions = [self._exchange.open(Settings(f"{client_id}-{n}", window=WINDOW)) for n in range(connections)]
        self._answers = answers
        if answers is not None:
            self._sessions[0].settings.subscribe = (wildcard(world, RESEND),)
            self._sessions[0].settings.on_message = self._asked

    @property
    def waiting(self) -> int:
        """Messages handed in and not yet acknowledged."""
        return self._waiting

    @property
    def trouble(self) -> str:
        """What to tell people while the broker cannot be reached."""
        return self._exchange.trouble

    def send(self, message: Message, tag: int | None = None, received: int | None = None) -> None:
        """Hands one message in; `turn` or `drain` moves it. `tag` goes to `on_acknowledged`; `received` (µs) with the
        message, to say when it was heard first."""
        outgoing = Outgoing(
            message.topic, message.payload, message.content_type, message.qos, message.retain, self._done,
            (message.at, tag), received,
        )  # fmt: skip
        if self._waiting == 0:
            self._heard = self._clock()
        self._waiting += 1
        self._session_of(message.topic).publish(outgoing)

    def turn(self, timeout: float = 0.05) -> None:
        """Lets the connections work for at most `timeout` s. Raises BrokerAway, BrokerRefuses."""
        self._exchange.turn(timeout)
        if self._waiting and self._patience_s is not None and self._clock() - self._heard > self._patience_s:
            raise BrokerAway(f"{self._broker} has acknowledged nothing for {self._patience_s:.0f} s")

    def drain(self) -> None:
        """Returns when everything handed in is acknowledged."""
        while self._waiting:
            self.turn()

    def close(self) -> None:
        self._exchange.close()

    def _asked(self, message: MQTTMessage) -> None:
        asked = read_request(message)
        if asked is not None and self._answers is not None:
            for report in self._answers(*asked, self.newest):
                self.send(report)

    def _session_of(self, topic: str) -> Session:
        lamp = topic.rpartition("/")[0]
        return self._sessions[crc32(lamp.encode()) % len(self._sessions)]

    def _done(self, outgoing: Outgoing) -> None:
        at, tag = outgoing.tag
        self._waiting -= 1
        self.acknowledged += 1
        self.newest = max(self.newest, at)
        self._heard = self._clock()
        if self.on_acknowledged is not None and tag is not None:
            self.on_acknowledged(tag)


def publish(
    messages: Iterable[Message],
    broker: Broker,
    client_id: str,
    *,
    progress: Callable[[int, int], None] | None = None,
    troubled: Callable[[str], None] = lambda _: None,
    patience_s: float | None = None,
    stopped: Callable[[], bool] = lambda: False,
    answers: Answers | None = None,
    world: str = "",
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Publishes everything at full speed and returns the number of acknowledged messages when all of them are.

    `progress(count, newest true time in µs)` is called some times a second and at the end, and so is `troubled` with
    what to tell people of a broker that is away, or nothing; `stopped()` ends early (what is under way is still
    acknowledged, where there is a broker). Raises BrokerAway, BrokerRefuses.
    """
    publisher = Publisher(broker, client_id, patience_s=patience_s, answers=answers, world=world, clock=clock)
    shown = clock()

    def tell() -> None:
        nonlocal shown
        if clock() - shown > PROGRESS_EVERY_S:
            shown = clock()
            troubled(publisher.trouble)
            if progress is not None:
                progress(publisher.acknowledged, publisher.newest)

    def given_up() -> bool:
        return stopped() and bool(publisher.trouble)

    try:
        for nth, message in enumerate(messages):
            publisher.send(message)
            if nth % 200 == 0:
                publisher.turn(0)
            while publisher.waiting >= AHEAD and not given_up():
                publisher.turn()
                tell()
            tell()
            if stopped():
                break
        while publisher.waiting and not given_up():
            publisher.turn()
            tell()
    finally:
        publisher.close()
    if progress is not None:
        progress(publisher.acknowledged, publisher.newest)
    return publisher.acknowledged
