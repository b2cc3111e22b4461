"""The provisioned broker, real Mosquitto with the deployed configuration: who may do what, and who may not."""

import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from deploy.broker_files import hashed
from deploy.provision import Credentials
from gateway.listen import Gateway
from gateway.options import Broker
from gateway.stores import open_store
from gateway.telemetry import encode
from gateway.worldclock import LiveClock
from tests.broker.lamps import wait_until
from tests.gateway.wire import fleet, report, samples_of, stored_samples
from tests.provisioned_broker import ProvisionedBroker

pytestmark = pytest.mark.mosquitto
LAMP, OTHER = "fatoma-01", "konna-02"
NOT_AUTHORIZED, WRONG_PASSWORD = 0x87, 0x86


def now() -> datetime:
    return datetime.now(UTC)


class Client:
    """A connection, what it heard, and what the broker said to what it sent."""

    def __init__(self, broker: Broker, name: str = "", clean: bool = True) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.answers: list[int] = []
        self.refused: int | None = None
        self._subscribed = 0
        self.lost = False
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5)
        if broker.tls:
            self._client.tls_set_context(broker.context())
        if broker.user:
            self._client.username_pw_set(broker.user, broker.password)
        self._client.on_connect = self._connected
        self._client.on_message = lambda _c, _u, message: self.heard.append((message.topic, message.payload))
        self._client.on_publish = lambda _c, _u, _mid, reason, _p: self.answers.append(reason.value)
        self._client.on_subscribe = self._granted
        self._client.on_disconnect = self._left
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 0 if clean else 600
        self._up = False
        self._client.connect(broker.host, broker.port, clean_start=clean, properties=properties)
        self._client.loop_start()
        wait_until(lambda: self._up or self.refused is not None, what="an answer of the broker")

    def say(self, topic: str, payload: bytes = b"{}") -> int:
        """The broker's reason code; 0 is success, 0x10 that nobody listens."""
        before = len(self.answers)
        self._client.publish(topic, payload, 1)
        wait_until(lambda: len(self.answers) > before, what=f"an answer to {topic}")
        return self.answers[-1]

    def listen(self, *topics: str) -> None:
        before = self._subscribed
        for topic in topics:
            self._client.subscribe(topic, 1)
        wait_until(lambda: self._subscribed == before + len(topics), what="subscriptions")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, _c: object, _u: object, _f: object, reason: mqtt.ReasonCode, _p: object) -> None:
        if reason.is_failure:
            self.refused = reason.value
            self._client.disconnect()
        self._up = not reason.is_failure

    def _granted(self, *_: object) -> None:
        self._subscribed += 1

    def _left(self, *_: object) -> None:
        self.lost = True


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProvisionedBroker]:
    broker = ProvisionedBroker(tmp_path_factory.mktemp("service") / "provisioned", fleet(), now)
    broker.server.start()
    yield broker
    broker.server.stop()


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    opened: list[Client] = []

    def make(broker: Broker, name: str = "", clean: bool = True) -> Client:
        opened.append(Client(broker, name, clean))
        return opened[-1]

    yield make
    for client in opened:
        client.close()


def credentials(served: ProvisionedBroker, lamp: str) -> Credentials:
    return msgspec.json.decode(served.place.lamp(lamp).read_bytes(), type=Credentials)


def as_lamp(served: ProvisionedBroker, lamp: str) -> Broker:
    own = credentials(served, lamp)
    ca = served.folder.parent / f"{lamp}.pem"
    ca.write_text(own.ca)  # what the lamp has, and not what is in the folder
    return Broker("localhost", served.lamps_port, True, own.username, own.password, str(ca))


def test_a_lamp_says_its_own_things_and_hears_what_is_asked_of_it(
    served: ProvisionedBroker, connect: Callable[..., Client]
) -> None:
    own = credentials(served, LAMP).topics
    lamp, gateway = connect(as_lamp(served, LAMP)), connect(served.service("gateway"), "ear")
    gateway.listen("trezor/+/+/telemetry", "trezor/+/+/status", "trezor/+/+/event")
    lamp.listen(f"{own}/resend")
    for kind in ("telemetry", "status", "event"):
        assert lamp.say(f"{own}/{kind}", kind.encode()) == 0
    assert gateway.say(f"{own}/resend", b"again") == 0
    wait_until(lambda: len(gateway.heard) == 3 and lamp.heard, what="all four messages")
    assert dict(gateway.heard) == {f"{own}/{kind}": kind.encode() for kind in ("telemetry", "status", "event")}
    assert lamp.heard == [(f"{own}/resend", b"again")]


@pytest.mark.parametrize(
    "topic",
    [
        "trezor/konna/konna-02/telemetry", "trezor/fatoma/fatoma-02/telemetry", "trezor/konna/fatoma-01/telemetry",
        "demo/fatoma/fatoma-01/telemetry", "trezor/fatoma/fatoma-01/resend", "trezor/fatoma/fatoma-01",
        "trezor/fatoma/fatoma-01/telemetry/more", "trezor/fatoma/fatoma-01/config", "$SYS/broker/uptime", "x",
    ],
)  # fmt: skip
def test_a_lamp_can_say_nothing_elsewhere(
    served: ProvisionedBroker, connect: Callable[..., Client], topic: str
) -> None:
    assert connect(as_lamp(served, LAMP)).say(topic) == NOT_AUTHORIZED


def test_a_lamp_hears_nothing_of_others_whatever_it_asks_for(
    served: ProvisionedBroker, connect: Callable[..., Client]
) -> None:
    thief, other = connect(as_lamp(served, LAMP)), connect(as_lamp(served, OTHER))
    gateway, own = connect(served.service("gateway"), "asker"), credentials(served, OTHER).topics
    mine = credentials(served, LAMP).topics
    thief.listen("#", "+/+/+/+", f"{own}/telemetry", f"{own}/resend", "$SYS/#", f"{mine}/telemetry", f"{mine}/resend")
    assert other.say(f"{own}/telemetry") in (0, 0x10)
    assert gateway.say(f"{own}/resend") in (0, 0x10)
    gateway.say(f"{mine}/resend", b"the last one")  # after it nothing of the earlier ones is under way
    wait_until(lambda: thief.heard, what="its own request")
    assert {topic for topic, _ in thief.heard} == {f"{mine}/resend"}


def test_a_lamp_cannot_take_messages_away_by_joining_the_gateways_share(
    served: ProvisionedBroker, connect: Callable[..., Client]
) -> None:
    """Mosquitto lets everybody join a group whose name they know, and deals them messages that they may not read."""
    gateway_broker = served.service("gateway")
    gateway, lamp = connect(gateway_broker, "sharer"), connect(as_lamp(served, LAMP))
    gateway.listen(f"$share/{gateway_broker.share}/trezor/+/+/event")
    lamp.listen("$share/gateway/trezor/+/+/event", "$share/+/trezor/+/+/event")
    own = credentials(served, LAMP).topics
    for i in range(20):
        lamp.say(f"{own}/event", str(i).encode())
    wait_until(lambda: len(gateway.heard) == 20, what="all of them")


def test_nobody_enters_without_a_name_or_with_a_wrong_password(
    served: ProvisionedBroker, connect: Callable[..., Client]
) -> None:
    ca, own = str(served.place.authority), credentials(served, LAMP)
    for port in (served.lamps_port, served.port):
        assert connect(Broker("localhost", port, True, ca=ca)).refused is not None
        for user, password in ((LAMP, "wrong"), ("gateway", "wrong"), ("nobody", own.password), (OTHER, own.password)):
            assert connect(Broker("localhost", port, True, user, password, ca)).refused is not None


def test_each_door_knows_its_own_people_only(served: ProvisionedBroker, connect: Callable[..., Client]) -> None:
    lamp, gateway = as_lamp(served, LAMP), served.service("gateway")
    assert connect(Broker("localhost", served.port, True, lamp.user, lamp.password, lamp.ca)).refused is not None
    at_lamps = Broker("localhost", served.lamps_port, True, gateway.user, gateway.password, gateway.ca)
    assert connect(at_lamps).refused is not None


def test_a_lamp_cannot_take_over_the_gateways_session(
    served: ProvisionedBroker, connect: Callable[..., Client]
) -> None:
    gateway = connect(served.service("gateway"), "gateway-trezor", clean=False)
    gateway.listen("trezor/+/+/event")
    thief = connect(as_lamp(served, LAMP), "gateway-trezor", clean=False)
    own = credentials(served, LAMP).topics
    assert thief.say(f"{own}/event", b"still here") == 0
    wait_until(lambda: gateway.heard, what="the message")
    assert not gateway.lost
    assert thief.heard == []


def test_an_operator_plays_lamps_in_any_world_but_the_living_one(
    served: ProvisionedBroker, connect: Callable[..., Client]
) -> None:
    operator, gateway = connect(served.service("operator")), connect(served.service("gateway"), "player")
    gateway.listen("+/+/+/telemetry")
    assert operator.say("demo/fatoma/fatoma-01/telemetry") == 0
    assert operator.say("trezor/fatoma/fatoma-01/telemetry") == NOT_AUTHORIZED
    assert gateway.say("trezor/fatoma/fatoma-01/telemetry") == NOT_AUTHORIZED, "a gateway speaks for no lamp"
    wait_until(lambda: gateway.heard, what="the played one")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_tls_before_1_2_is_refused_by_the_broker(served: ProvisionedBroker, version: ssl.TLSVersion) -> None:
    for port in (served.lamps_port, served.port):
        with pytest.raises(ssl.SSLError) as refusal:
            handshake(port, version)
        assert refusal.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION", "the broker's word, not our own"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(served: ProvisionedBroker, version: ssl.TLSVersion) -> None:
    assert handshake(served.lamps_port, version) == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]


def handshake(port: int, version: ssl.TLSVersion) -> str | None:
    """The version agreed upon, when the client knows only this one and every cipher."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port), 5) as raw, context.wrap_socket(raw) as agreed:
        return agreed.version()


def test_without_tls_there_is_no_talking(served: ProvisionedBroker) -> None:
    with socket.create_connection(("127.0.0.1", served.lamps_port), 5) as raw:
        raw.settimeout(5)
        raw.sendall(b"\x10\x10\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x03abc")
        try:
            answer = raw.recv(100)
        except ConnectionResetError:
            answer = b""
    assert not answer.startswith(b"\x20"), "a CONNACK"


def test_another_authoritys_broker_is_not_trusted(served: ProvisionedBroker, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        Client(Broker("localhost", served.port, True, "gateway", "x"))  # the system's authorities
    stranger = ProvisionedBroker(tmp_path / "other", fleet(), now)
    with pytest.raises(ssl.SSLCertVerificationError):
        Client(Broker("localhost", served.port, True, "gateway", "x", str(stranger.place.authority)))


def test_a_revoked_lamp_is_out_at_once_and_stays_out(served: ProvisionedBroker, connect: Callable[..., Client]) -> None:
    victim, other = as_lamp(served, "sio-03"), connect(as_lamp(served, "sio-04"))
    connected = connect(victim)
    assert connected.say("trezor/sio/sio-03/telemetry") in (0, 0x10)
    served.provisioner.revoke_lamp("sio-03")
    served.server.reload()
    wait_until(lambda: connected.lost, what="the revoked lamp to be cut off")
    assert connect(victim).refused is not None
    assert other.say("trezor/sio/sio-04/telemetry") in (0, 0x10)
    assert not other.lost, "the others notice nothing"
    served.provision()
    served.server.reload()
    assert connect(victim).refused is not None, "provisioning again does not let it in"
    served.provisioner.add_lamp("sio-03")
    served.server.reload()
    wait_until(lambda: connect(as_lamp(served, "sio-03")).refused is None, what="new credentials to work")
    assert connect(victim).refused is not None, "the stolen ones never again"


def test_the_hash_is_mosquittos_own() -> None:
    """The same salt and password as in a file written by mosquitto_passwd 2.0.11."""
    digest = "yrLj59g2rPGZmn3V295xxCp5ztwL682QvkApM8ocU95bzxY9V01JTBJeARCtMQ76WSxr/4EhqykZvA9CG7fBJg=="
    assert hashed("pw", bytes.fromhex("9c601df0227c321f22d41273")) == f"$7$101$nGAd8CJ8Mh8i1BJz${digest}"


def test_a_report_goes_from_a_lamps_credentials_through_tls_into_the_store(
    served: ProvisionedBroker, connect: Callable[..., Client], tmp_path: Path
) -> None:
    store = open_store(f"duckdb:///{tmp_path}/w.duckdb", "trezor")
    gateway = Gateway(served.service("gateway"), store, fleet(), "trezor", now, LiveClock(now), suffix="1")
    gateway.start()
    try:
        wait_until(lambda: gateway.link.connected, what="the gateway")
        said = report(1, t=int(now().timestamp()) - 3600, dt=900)
        lamp = connect(as_lamp(served, LAMP))
        wait_until(lambda: lamp.say("trezor/fatoma/fatoma-01/telemetry", encode(said)) == 0, what="a listener")
        wait_until(lambda: stored_samples(store) == samples_of(said, LAMP), what="the report in the store")
    finally:
        gateway.stop()
        store.close()
