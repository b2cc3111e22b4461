"""What a lamp's messages cost on its data plan, byte for byte of IPv4, TCP and MQTT 5."""

from dataclasses import dataclass
from typing import Final

from firmware_sim.live import ONLINE
from firmware_sim.network import DAY
from firmware_sim.radio import Message
from gateway.topic import STATUS

IP_TCP: Final = 40  # IPv4 20 + TCP 20; modems' small stacks send no options once connected
SEGMENT: Final = 1400  # bytes of TCP payload that a mobile network passes in one piece
PUBACK: Final = 4  # success without properties, MQTT 5 3.4.2.1
MONTH_DAYS: Final = 30

# Opening: SYN and SYN-ACK with their maximum segment size (44 each), ACK; CONNECT with client id, will, name and
# password (about 150) and its CONNACK (about 20), each with its own segment and one pure acknowledgement; SUBSCRIBE
# and SUBACK (about 50 and 6) likewise; closing: DISCONNECT 2, FIN and ACK both ways.
OPENING: Final = 44 + 44 + IP_TCP + (IP_TCP + 150) + (IP_TCP + 20) + IP_TCP + (IP_TCP + 50) + (IP_TCP + 6) + IP_TCP
CLOSING: Final = (IP_TCP + 2) + 3 * IP_TCP


@dataclass(frozen=True, slots=True)
class Month:
    """Bytes of one lamp in thirty days, both directions."""

    payload: float  # the reports and events themselves
    mqtt: float  # PUBLISH headers and PUBACKs
    tcp: float  # IPv4 and TCP headers, acknowledgements
    connecting: float  # opening and closing connections

    @property
    def total(self) -> float:
        return self.payload + self.mqtt + self.tcp + self.connecting

    def __str__(self) -> str:
        parts = (("payload", self.payload), ("MQTT", self.mqtt), ("TCP/IP", self.tcp), ("connecting", self.connecting))
        return f"{self.total / 1e6:.2f} MB = " + " + ".join(f"{size / 1e3:.0f} kB {name}" for name, size in parts)


class Meter:
    """Adds up the messages of a radio as the modems would be billed for them.

    On a kept connection a topic is said once and then by its alias; a lamp that connects for each batch says it each
    time. Keep-alives cost nothing: they are longer than the reports are apart.
    """

    def __init__(self, keeps_connection: bool) -> None:
        self._kept = keeps_connection
        self._payload = self._mqtt = self._tcp = self._connecting = 0
        self._lamps: set[str] = set()
        self._first: int | None = None
        self._last = 0

    def add(self, message: Message) -> None:
        """One message that reached the broker."""
        lamp, _, kind = message.topic.rpartition("/")
        self._first = message.at if self._first is None else self._first
        self._last = max(self._last, message.at)
        self._lamps.add(lamp)
        if kind == STATUS:
            if not self._kept or message.payload != ONLINE:
                return  # the broker says it
            self._connecting += OPENING
        elif not self._kept:
            self._connecting += OPENING + CLOSING
        header = self._header(message)
        size = header + len(message.payload)
        segments = -(-size // SEGMENT)
        self._payload += len(message.payload)
        self._mqtt += header + PUBACK
        # Every segment, one acknowledgement for every second one, the PUBACK's segment and its acknowledgement.
        self._tcp += IP_TCP * (segments + (segments - 1) // 2 + 2)

    def month(self) -> Month:
        """The average lamp's thirty days. Raises ValueError when nothing was added."""
        if self._first is None or self._last == self._first:
            raise ValueError("no stretch of time was metered")
        share = MONTH_DAYS * DAY / (self._last - self._first) / len(self._lamps)
        return Month(*(size * share for size in (self._payload, self._mqtt, self._tcp, self._connecting)))

    def _header(self, message: Message) -> int:
        """PUBLISH: fixed header, topic with its length, packet id, properties."""
        alias = self._kept and message.qos > 0 and not message.retain
        properties = (3 + len(message.content_type) if message.content_type else 0) + (3 if alias else 0)
        variable = 2 + (0 if alias else len(message.topic)) + 2 + 1 + properties
        return 1 + (1 if variable + len(message.payload) < 128 else 2) + variable
