"""The living part of a simulated fleet: one MQTT session per lamp with its last will, in real (or scaled) time."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from paho.mqtt.client import MQTTMessage

from firmware_sim.exchange import Exchange
from firmware_sim.network import SECOND, micros
from firmware_sim.presence import KEEP_ALIVE_S
from firmware_sim.radio import Message, Radio
from firmware_sim.resend import read_request
from firmware_sim.session import Outgoing, Session, Settings, Will
from gateway.options import Broker
from gateway.telemetry import JSON_TYPE, VERSION, Status, encode
from gateway.topic import EVENT, RESEND, STATUS, TELEMETRY, Rejected, Topic

log = logging.getLogger(__name__)

REMEMBERED_S: Final = 24 * 3600  # the broker keeps a `resend` for a lamp that is away
WINDOW: Final = 20  # a lamp's modem holds few unacknowledged reports
FAREWELL_S: Final = 3.0
IDLE_S: Final = 0.25

ONLINE: Final = encode(Status(v=VERSION, state="online"), JSON_TYPE)
OFFLINE: Final = encode(Status(v=VERSION, state="offline"), JSON_TYPE)


class Stream:
    """Messages in the order of time, that can be taken up to a moment and then further: time-lapse first, then live."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self._messages = iter(messages)
        self._next: Message | None = None
        self.ended = False

    def until(self, at: int) -> Iterator[Message]:
        """Everything before this true time (µs) that was not taken yet."""
        while (message := self._peek()) is not None and message.at < at:
            self._next = None
            yield message

    @property
    def next_at(self) -> int | None:
        """True time (µs) of the next message, None when there is none."""
        message = self._peek()
        return message.at if message is not None else None

    def _peek(self) -> Message | None:
        if self._next is None and not self.ended:
            self._next = next(self._messages, None)
            self.ended = self._next is None
        return self._next


class LiveFleet:
    """Every lamp a session of its own. What the radio says of a lamp's presence happens to its connection: `offline`
    breaks it without a farewell, so that the broker speaks its last will; `online` connects again.
    """

    def __init__(
        self,
        radio: Radio,
        stream: Stream,
        lamps: Mapping[str, str],
        world: str,
        broker: Broker,
        *,
        clock: Callable[[], datetime],
        since: datetime | None = None,
        scale: float = 1.0,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        """`lamps`: commune by lamp. `since`: the simulated time to begin at (the present if None), `scale` times as
        fast as real time.
        """
        if scale <= 0:
            raise ValueError(f"scale {scale} must be above 0")
        self._radio = radio
        self._stream = stream
        self._ticks = ticks
        self._scale = scale
        self._begin = micros(since or clock())
        self._begun = ticks()
        self._exchange = Exchange(broker, ticks)
        self._lamps = {lamp: Topic(world, commune, lamp, TELEMETRY) for lamp, commune in lamps.items()}
        self._sessions: dict[str, Session] = {}
        self.acknowledged = 0
        self.resent = 0

    @property
    def now(self) -> int:
        """The fleet's present in µs of simulated time."""
        return self._begin + int((self._ticks() - self._begun) * self._scale * SECOND)

    @property
    def connected(self) -> int:
        """Lamps that hold a connection."""
        return sum(session.connected for session in self._sessions.values())

    def run(self, stopped: Callable[[], bool], each_turn: Callable[["LiveFleet"], None] | None = None) -> None:
        """Lives until `stopped()`, or until the stream has ended and everything is acknowledged.

        Survives a broker that goes away and comes back. Raises BrokerRefuses.
        """
        self._stream_head()
        absent = self._radio.absent(self.now)
        for lamp in self._lamps:
            self._open(lamp, lamp not in absent)
        try:
            while not stopped():
                self._speak()
                if self._stream.ended and not any(session.waiting for session in self._sessions.values()):
                    break
                self._exchange.turn(self._pause())
                if each_turn is not None:
                    each_turn(self)
        finally:
            self._farewell()

    def _stream_head(self) -> None:
        """Makes the radio live through to the present, so that it knows who is absent."""
        _ = self._stream.next_at

    def _open(self, lamp: str, present: bool) -> None:
        topic = self._lamps[lamp]
        status = Topic(topic.world, topic.commune, lamp, STATUS)
        resend = Topic(topic.world, topic.commune, lamp, RESEND)
        session = self._exchange.open(
            Settings(
                client_id=f"{topic.world}-{lamp}",
                keep_alive_s=KEEP_ALIVE_S,
                expiry_s=REMEMBERED_S,
                will=Will(str(status), OFFLINE, JSON_TYPE),
                subscribe=(str(resend),),
                window=WINDOW,
                alias=True,
                on_connect=lambda: session.publish_first(Outgoing(str(status), ONLINE, JSON_TYPE, 1, True)),
                on_message=self._asked,
            )
        )
        session.wanted = present
        self._sessions[lamp] = session

    def _speak(self) -> None:
        for message in self._stream.until(self.now):
            topic = Topic.parse(message.topic)
            if isinstance(topic, Rejected):
                log.warning("a lamp's message on %s is dropped: %s", message.topic, topic.reason)
                continue
            session = self._sessions[topic.lamp]
            if topic.kind in (TELEMETRY, EVENT):
                self._publish(session, message)
            elif message.payload == OFFLINE:
                session.drop()
            elif not session.wanted:
                session.resume()

    def _publish(self, session: Session, message: Message) -> None:
        session.publish(
            Outgoing(message.topic, message.payload, message.content_type, message.qos, message.retain, self._done)
        )

    def _done(self, _: Outgoing) -> None:
        self.acknowledged += 1

    def _asked(self, message: MQTTMessage) -> None:
        asked = read_request(message)
        if asked is None:
            return
        topic, request = asked
        for report in self._radio.again(topic, request, self.now):
            self.resent += 1
            self._publish(self._sessions[topic.lamp], report)

    def _pause(self) -> float:
        """How long nothing is due, in real s."""
        following = self._stream.next_at
        if following is None:
            return IDLE_S
        return min(IDLE_S, max(0.0, (following - self.now) / SECOND / self._scale))

    def _farewell(self) -> None:
        """What is under way is still acknowledged; then every lamp leaves, and the broker says that it is offline."""
        end = self._ticks() + FAREWELL_S
        while self._ticks() < end and any(s.connected and s.waiting for s in self._sessions.values()):
            self._exchange.turn(0.05)
        self._exchange.close(with_will=True)
