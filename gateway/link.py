"""The gateway's connection to the broker: MQTT 5, a session that outlives us, acknowledgement by hand.

paho 2 acknowledges whatever message id it is told, on whatever connection is open. A message id belongs to one
connection, so each message carries the number of its session, and an acknowledgement of an older session is dropped:
the broker delivers that message again.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from gateway.options import Broker
from gateway.topic import RECEIVED

log = logging.getLogger(__name__)

KEEP_ALIVE_S: Final = 30
RECONNECT_S: Final = (1, 30)
TAKEN_OVER: Final = 0x8E
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_TIME: Final = 16  # digits of µs, until the year 2286


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as it came, with what is needed to acknowledge it, and the wall clock at its receipt."""

    session: int
    mid: int
    topic: str
    payload: bytes
    content_type: str | None
    wall: datetime
    recorded: datetime | None = None  # when a replayed message was heard first, if it says so


class Link:
    """`on_heard` is called on the network thread for every message and must return at once.

    `window` is the receive maximum, and `session_s` how long the broker keeps messages for us while we are away.
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        filters: Sequence[str],
        window: int,
        session_s: int,
        clock: Callable[[], datetime],
        on_heard: Callable[[Heard], None],
    ) -> None:
        self._broker = broker
        self._client_id = client_id
        self._filters = filters
        self._window = window
        self._session_s = session_s
        self._clock = clock
        self._on_heard = on_heard
        # Changes under the lock when a socket closes, which is before paho forgets what it had still to send.
        self._session = 0
        self._lock = threading.Lock()
        self._ever_connected = False
        self._joined = False  # connected and accepted: only then is there a connection to lose
        self._trouble = ""
        self.connected = False
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5, manual_ack=True)
        client.reconnect_delay_set(*RECONNECT_S)
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password)
        if broker.tls:
            client.tls_set_context(broker.context())
        client.on_connect = self._connected
        client.on_connect_fail = self._unreachable
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._disconnected
        client.on_socket_close = self._closed
        client.on_message = self._message
        self._client = client

    def start(self) -> None:
        """Connects in the background, and again whenever the connection is lost, for as long as it takes."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's own types leave it out
        properties.SessionExpiryInterval = self._session_s
        properties.ReceiveMaximum = self._window
        self._client.connect_async(
            self._broker.host, self._broker.port, KEEP_ALIVE_S, clean_start=False, properties=properties
        )
        self._client.loop_start()

    def stop(self) -> None:
        """Takes leave of the broker, which keeps the session and every message not acknowledged."""
        self._client.disconnect()
        self._client.loop_stop()

    def restart(self) -> None:
        """Breaks the connection and makes a new one: everything not acknowledged is delivered again."""
        self.stop()
        self.start()

    def acknowledge(self, messages: Iterable[Heard]) -> None:
        """In the order given, which must be that of their receipt. Those of an earlier connection are left out."""
        with self._lock:
            for message in messages:
                if message.session == self._session and message.mid:
                    self._client.ack(message.mid, 1)

    def publish(self, topic: str, payload: bytes, content_type: str) -> bool:
        """QoS 1; False when there is no connection now."""
        if not self.connected:
            return False
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # as above
        properties.ContentType = content_type
        return self._client.publish(topic, payload, qos=1, properties=properties).rc == mqtt.MQTT_ERR_SUCCESS

    # -- on the network thread

    def _connected(
        self,
        client: mqtt.Client,
        _userdata: Any,
        flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._say(f"the broker {self._broker} refuses {self._client_id}: {reason}")
            return
        if self._ever_connected and not flags.session_present:
            log.warning("the broker has lost our session: what it held is asked back from the lamps")
        log.info("connected to %s as %s", self._broker, self._client_id)
        self._trouble = ""
        self._ever_connected = self._joined = True
        self.connected = True
        # Every time: a new filter of a newer version must be there too. Retained messages come only the first time.
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        client.subscribe([(name, options) for name in self._filters])

    def _subscribed(
        self, _client: mqtt.Client, _userdata: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        for name, reason in zip(self._filters, reasons, strict=False):
            if reason.is_failure:
                log.error("the broker refuses the subscription %s: %s; its access rules must allow it", name, reason)

    def _unreachable(self, _client: mqtt.Client, _userdata: Any) -> None:
        self._say(f"the broker {self._broker} cannot be reached; trying again until it can")

    def _disconnected(
        self,
        _client: mqtt.Client,
        _userdata: Any,
        flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if flags.is_disconnect_packet_from_server and reason.value == TAKEN_OVER:
            log.error("another gateway has connected as %s: replicas need different names", self._client_id)
        if self._joined and reason.value != 0:
            self._say(f"the connection to {self._broker} is lost ({reason}); trying again until it is back")
        self._joined = False

    def _closed(self, _client: mqtt.Client, _userdata: Any, _sock: Any) -> None:
        with self._lock:
            self._session += 1
            self.connected = False

    def _message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:  # MQTT forbids it; a broker might not
            topic = ""
        content_type = getattr(message.properties, "ContentType", None)
        self._on_heard(
            Heard(
                self._session, message.mid, topic, bytes(message.payload), content_type, self._clock(),
                recorded(message.properties),
            )
        )  # fmt: skip

    def _say(self, trouble: str) -> None:
        """Once, not at every try."""
        if trouble != self._trouble:
            self._trouble = trouble
            log.warning("%s", trouble)


def recorded(properties: Properties | None) -> datetime | None:
    """The user property with which a replay says when a message was heard first (µs since 1970)."""
    for name, value in getattr(properties, "UserProperty", ()):
        if name == RECEIVED and value.isascii() and value.isdigit() and len(value) <= LONGEST_TIME:
            return EPOCH + timedelta(microseconds=int(value))
    return None
