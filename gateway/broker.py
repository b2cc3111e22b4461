"""The station's own MQTT 5 broker: rumqttd in a child process, on this machine only, for those who have no Mosquitto.

What was measured of it (rumqttd 0.20 in iotcore 0.4) and how it is met:

- It keeps everything in memory: a restart of the station forgets what was not stored yet. Lamps are asked for it again.
- A shared subscription kills it when its last subscriber leaves ("group must exists"): `SHARED` is False.
- Order holds within one subscription, not between two: each is served a hundred messages at a time.
- Persistent sessions and QoS 1 hold: what was not acknowledged comes again, in order, after a reconnection.
- It hands out 100 messages and then waits for acknowledgements (`WINDOW`, a constant of its code), and breaks the
  connection when they come out of order.
- Its log drops the oldest messages, acknowledged to the lamp or not, without a word when it is full; and it never
  shrinks: what was delivered stays in memory until newer messages push it out. `LOG_BYTES` is therefore a compromise:
  the backlog of 200 lamps × 30 nights at once in reports of 15 minutes (576 000 × 170 B = 98 MB) fits,
  and the process stays below about half a gigabyte for ever.
- A payload above its limit breaks the lamp's connection, which then sends the same again for ever: the limit is far
  above the gateway's, so that an oversized report ends in the quarantine instead.
"""

import socket
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final

from iotcore import Broker as Rumqttd

from gateway.options import Broker
from gateway.trouble import Trouble

HOST: Final = "127.0.0.1"
SHARED: Final = False
WINDOW: Final = 100
SEGMENTS: Final = 16
LOG_BYTES: Final = 128 * 1024 * 1024  # of topics and payloads per subscription; about three times that in memory
MAX_PAYLOAD: Final = 256 * 1024

CONFIG: Final = """\
id = 0

[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
max_segment_size = {segment}
max_segment_count = {segments}

[v5.1]
name = "v5"
listen = "{host}:{port}"
next_connection_delay_ms = 0

[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = {payload}
max_inflight_count = {window}
dynamic_filters = true
"""


class BrokerFailed(Trouble):
    """The embedded broker cannot run here; the message says what to do."""


class EmbeddedBroker:
    """Starts with `start()` or `with`; `stop()` may be called twice. `port` 0 takes a free one."""

    def __init__(self, port: int = 1883, log_bytes: int = LOG_BYTES) -> None:
        self._port = port
        self._log_bytes = log_bytes
        self._child: Rumqttd | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def address(self) -> Broker:
        """Where to connect to."""
        return Broker(HOST, self._port, tls=False)

    @property
    def is_running(self) -> bool:
        return self._child is not None and bool(self._child.is_running)

    def start(self) -> "EmbeddedBroker":
        """Returns when it accepts connections. Raises BrokerFailed, with the remedy."""
        self._port = _free_port(self._port)
        self._folder = tempfile.TemporaryDirectory(prefix="trezor-broker-")
        config = Path(self._folder.name) / "rumqttd.toml"
        config.write_text(
            CONFIG.format(
                host=HOST, port=self._port, segment=self._log_bytes // SEGMENTS, segments=SEGMENTS,
                payload=MAX_PAYLOAD, window=WINDOW,
            ),
            encoding="utf-8",
        )  # fmt: skip
        child = Rumqttd(config_path=str(config))
        try:
            child.start()
        except (OSError, RuntimeError) as error:
            self._clean()
            raise BrokerFailed(f"The embedded MQTT broker does not start on {HOST}:{self._port}: {error}") from error
        self._child = child
        return self

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()
            self._child = None
        self._clean()

    def _clean(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> "EmbeddedBroker":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def _free_port(port: int) -> int:
    """`port` if it can be had, a free one for 0. Raises BrokerFailed."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise BrokerFailed(
                f"Port {port} on {HOST} cannot be had ({error.strerror}). If an MQTT broker runs there already, "
                f"use it: --broker mqtt://{HOST}:{port}. "
                f"Or choose another port for the embedded one: --port {port + 1}."
            ) from None
        taken: int = probe.getsockname()[1]
        return taken
