"""One MQTT connection with its own outbox: what is not acknowledged goes again, in order, on the next connection."""

import random
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from gateway.options import Broker
from gateway.topic import RECEIVED

CONNECT_TIMEOUT_S: Final = 5.0
ACK_TIMEOUT_S: Final = 120.0  # a broker that acknowledges nothing for so long is gone, whatever its socket says
BACK_OFF_S: Final = (0.5, 60.0)
QUOTA_PAUSE_S: Final = 1.0
WITH_WILL: Final = 0x04  # MQTT 5, 3.14.2.1: a normal disconnection after which the will is published all the same
# MQTT 5 reason codes after which trying again is of no use: malformed, unsupported, wrong name or password, not
# authorised, banned, topic or payload invalid, packet too large.
REFUSED_FOR_GOOD: Final = frozenset({0x81, 0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C, 0x90, 0x95, 0x99})


@dataclass(slots=True)
class Outgoing:
    """One message on its way; `done` is called when the broker has acknowledged it. `tag` is the caller's own."""

    topic: str
    payload: bytes
    content_type: str | None
    qos: int = 1
    retain: bool = False
    done: Callable[["Outgoing"], None] | None = None
    tag: Any = None
    received: int | None = None  # µs; of a replayed message: when it was heard first


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for a session that was lost without a farewell; retained, QoS 1."""

    topic: str
    payload: bytes
    content_type: str | None


@dataclass(slots=True)
class Settings:
    """How a session connects. `expiry_s`: how long the broker remembers it after a loss; 0 ends with the connection."""

    client_id: str
    keep_alive_s: int = 60
    expiry_s: int = 0
    will: Will | None = None
    subscribe: tuple[str, ...] = ()
    window: int = 500  # unacknowledged messages at most, and never more than the broker allows
    alias: bool = False  # short topics (MQTT 5 topic alias) for the one topic that a lamp keeps speaking on
    as_published: bool = False  # received messages keep their retain flag; kept ones come once, not at each reconnect
    on_connect: Callable[[], None] | None = None
    on_subscribed: Callable[[], None] | None = None
    on_message: Callable[[paho.MQTTMessage], None] | None = None


class Watcher(Protocol):
    """What a session needs of the loop that drives it."""

    def watch(self, session: "Session", writing: bool) -> None: ...

    def forget(self, session: "Session") -> None: ...

    def stir(self, session: "Session") -> None: ...


class Session:
    """Made by `Exchange.open`. Every connection is a new paho client under the same id, so that nothing of a broken
    one (aliases, packet ids, half-written packets) reaches the next.
    """

    def __init__(self, broker: Broker, settings: Settings, loop: Watcher) -> None:
        self.settings = settings
        self.connected = False
        self.wanted = True  # whether this session means to be connected
        self.refused: str | None = None  # the broker's words, when trying again is of no use
        self.trouble = ""  # why the last try to connect failed
        self.next_try = 0.0  # monotonic s
        self.client: paho.Client | None = None
        self._broker = broker
        self._loop = loop
        self._outbox: deque[Outgoing] = deque()
        self._flying: dict[int, Outgoing] = {}
        self._window = settings.window
        self._aliases = False
        self._aliased: str | None = None
        self._failures = 0
        self._quiet_since = 0.0
        self._paused_until = 0.0
        self._now = 0.0

    @property
    def waiting(self) -> int:
        """Messages not yet acknowledged."""
        return len(self._outbox) + len(self._flying)

    def publish(self, message: Outgoing) -> None:
        """Goes as soon as the connection and its window allow, behind what was published before."""
        self._outbox.append(message)
        self._loop.stir(self)

    def publish_first(self, message: Outgoing) -> None:
        """The same before everything that waits."""
        self._outbox.appendleft(message)
        self._loop.stir(self)

    def drop(self) -> None:
        """Breaks the connection as a lost network would: no farewell, so the broker speaks the last will."""
        self.wanted = False
        client = self.client
        sock = client.socket() if client is not None else None
        self._lost()
        if sock is not None:
            sock.close()

    def resume(self) -> None:
        """Connects again after `drop` or `leave`."""
        self.wanted = True
        self._failures = 0
        self.next_try = 0.0

    def leave(self, with_will: bool = False) -> None:
        """Says good-bye: the broker forgets the last will, or speaks it when asked to."""
        self.wanted = False
        client = self.client
        if client is not None and self.connected:
            client.on_disconnect = None
            client.disconnect(ReasonCode(PacketTypes.DISCONNECT, identifier=WITH_WILL) if with_will else None)
            client.loop_write()
        self._lost()

    # Driven by the Exchange. `now` is monotonic seconds.

    def due(self, now: float) -> bool:
        return self.wanted and self.client is None and now >= self.next_try and self.refused is None

    def connect(self, now: float) -> bool:
        """Tries once; after a failure the next try waits longer, for every session a little differently."""
        self._now = now
        self.client = self._new_client()
        try:
            self.client.connect(
                self._broker.host, self._broker.port, keepalive=self.settings.keep_alive_s,
                clean_start=self.settings.expiry_s == 0, properties=self._connect_properties(),
            )  # fmt: skip
        except OSError as error:  # refused, unreachable, timed out, TLS
            self.trouble = error.strerror or str(error) or "no answer in time"
            self._lost()
            return False
        self._quiet_since = now
        self._loop.watch(self, self.client.want_write())
        return True

    def fill(self, now: float) -> None:
        """Gives the socket what the window allows."""
        client = self.client
        if client is None or not self.connected or now < self._paused_until:
            return
        if not self._flying:
            self._quiet_since = now
        while self._outbox and len(self._flying) < self._window:
            message = self._outbox.popleft()
            topic, properties = self._address(message)
            info = client.publish(topic, message.payload, message.qos, message.retain, properties)
            if message.qos:
                self._flying[info.mid] = message
            elif message.done is not None:
                message.done(message)
        client.loop_write()

    def read(self, now: float) -> None:
        self._now = now
        client = self.client
        while client is not None and client is self.client:
            client.loop_read()
            sock = client.socket()
            if not (isinstance(sock, ssl.SSLSocket) and sock.pending()):
                return

    def tend(self, now: float) -> None:
        """Keep-alives, and connections that are silently dead."""
        self._now = now
        if self.client is None:
            return
        deaf = self._flying and now - self._quiet_since > ACK_TIMEOUT_S
        if deaf or (not self.connected and now - self._quiet_since > CONNECT_TIMEOUT_S):
            self.trouble = "no answer in time"
            sock = self.client.socket()
            self._lost()
            if sock is not None:
                sock.close()
        else:
            self.client.loop_misc()
        if self._outbox:
            self._loop.stir(self)

    # How paho is set up and what it tells.

    def _new_client(self) -> paho.Client:
        settings, broker = self.settings, self._broker
        client = paho.Client(CallbackAPIVersion.VERSION2, settings.client_id, protocol=paho.MQTTv5)
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(0)  # the window is kept here
        if broker.tls:
            client.tls_set_context(broker.context())
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password)
        if settings.will is not None:
            will = settings.will
            client.will_set(will.topic, will.payload, 1, True, _content(PacketTypes.WILLMESSAGE, will.content_type))
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_socket_register_write = lambda *_: self._loop.watch(self, True)
        client.on_socket_unregister_write = lambda *_: self._loop.watch(self, False)
        return client

    def _connect_properties(self) -> Properties:
        properties = _properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = self.settings.expiry_s
        return properties

    def _address(self, message: Outgoing) -> tuple[str, Properties | None]:
        if message.received is not None:
            properties = _content(PacketTypes.PUBLISH, message.content_type) or _properties(PacketTypes.PUBLISH)
            properties.UserProperty = (RECEIVED, str(message.received))
            return message.topic, properties
        if not self._aliases or message.retain or self._aliased not in (None, message.topic):
            return message.topic, _content_of_publish(message.content_type)
        properties = _content(PacketTypes.PUBLISH, message.content_type) or _properties(PacketTypes.PUBLISH)
        properties.TopicAlias = 1
        topic = message.topic if self._aliased is None else ""
        self._aliased = message.topic
        return topic, properties

    def _on_connect(
        self, client: paho.Client, _: Any, __: paho.ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if client is not self.client:
            return
        if reason.is_failure:
            if reason.value in REFUSED_FOR_GOOD:
                self.refused = f"{self._broker} refuses {self.settings.client_id}: {reason}"
            return  # paho closes the connection, and tells
        allowed = getattr(properties, "ReceiveMaximum", 65_535)
        self._window = min(self.settings.window, allowed)
        self._aliases = self.settings.alias and getattr(properties, "TopicAliasMaximum", 0) > 0
        self._aliased = None
        self.trouble = ""
        self.connected = True
        self._failures = 0
        self._quiet_since = self._now
        if self.settings.subscribe:
            kept = self.settings.as_published
            once, always = SubscribeOptions.RETAIN_SEND_IF_NEW_SUB, SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE
            options = SubscribeOptions(qos=1, retainAsPublished=kept, retainHandling=once if kept else always)
            client.subscribe([(topic, options) for topic in self.settings.subscribe])
        if self.settings.on_connect is not None:
            self.settings.on_connect()
        self._loop.stir(self)

    def _on_subscribe(
        self, client: paho.Client, _: Any, __: int, reasons: list[ReasonCode], ___: Properties | None
    ) -> None:
        for topic, reason in zip(self.settings.subscribe, reasons, strict=False):
            if reason.is_failure:
                self.refused = f"{self._broker} refuses {self.settings.client_id} the topic {topic}: {reason}"
        if self.refused is None and self.settings.on_subscribed is not None:
            self.settings.on_subscribed()

    def _on_message(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        if self.settings.on_message is not None:
            self.settings.on_message(message)

    def _on_publish(self, client: paho.Client, _: Any, mid: int, reason: ReasonCode, __: Properties | None) -> None:
        message = self._flying.pop(mid, None) if client is self.client else None
        if message is None:
            return
        self._quiet_since = self._now
        if reason.is_failure:
            if reason.value in REFUSED_FOR_GOOD:
                self.refused = f"{self._broker} refuses a message on {message.topic}: {reason}"
                return
            self._outbox.appendleft(message)  # a full queue, say: wait, then again
            self._paused_until = self._now + QUOTA_PAUSE_S
        elif message.done is not None:
            message.done(message)
        if self._outbox:
            self._loop.stir(self)

    def _on_disconnect(self, client: paho.Client, *_: Any) -> None:
        if client is self.client:
            self._lost()

    def _lost(self) -> None:
        """Back to not connected; the unacknowledged go to the head of the outbox, oldest first."""
        if self.client is not None:
            self._loop.forget(self)
        self.client, self.connected = None, False
        self._outbox.extendleft(reversed(self._flying.values()))
        self._flying.clear()
        self._failures += 1
        low, high = BACK_OFF_S
        pause = min(high, low * 2.0 ** min(self._failures - 1, 10))
        self.next_try = self._now + pause * random.uniform(0.5, 1.5)


@lru_cache(maxsize=16)
def _content_of_publish(content_type: str | None) -> Properties | None:
    """Shared by all messages and changed by none: building properties is half the cost of a publish."""
    return _content(PacketTypes.PUBLISH, content_type)


def _content(packet: int, content_type: str | None) -> Properties | None:
    if content_type is None:
        return None
    properties = _properties(packet)
    properties.ContentType = content_type
    return properties


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]  # paho has not typed it
