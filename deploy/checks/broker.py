"""The broker, one hop after the other: the network, TLS, the password, what the gateway is allowed."""

import secrets
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from deploy.checks.finding import Finding, Setup, note, ok, wrong
from gateway.options import SHARE, Broker
from gateway.topic import RESEND, TELEMETRY, wildcard

PATIENCE_S: Final = 10.0
ENDS_SOON: Final = timedelta(days=60)
WRONG_NAME, EXPIRED, NOT_YET = 62, 10, 9  # OpenSSL's X509_V_ERR_…


def check_broker(setup: Setup) -> Iterator[Finding]:
    if setup.broker is None:
        yield note(
            "courtier MQTT : aucun indiqué ; la station a le sien, pour cette machine seulement",
            "MQTT broker: none named; the station has its own, for this machine only",
        )
        return
    try:
        broker = Broker.parse(setup.broker)
    except ValueError as error:
        do = "corriger --broker (TREZOR_BROKER)", "correct --broker (TREZOR_BROKER)"
        yield wrong(f"courtier MQTT : {error}", f"MQTT broker: {error}", *do)
        return
    reached = _network(broker)
    yield reached
    if reached.state == "wrong":
        return
    if broker.tls:
        agreed = list(_tls(broker, setup.now()))
        yield from agreed
        if any(finding.state == "wrong" for finding in agreed):
            return
    elif not _is_here(broker.host):
        yield note(
            f"courtier {broker} : sans chiffrement, le mot de passe voyage en clair",
            f"broker {broker}: without encryption, the password travels in the clear",
        )
    yield from _session(broker, setup.world)


def _network(broker: Broker) -> Finding:
    try:
        socket.create_connection((broker.host, broker.port), PATIENCE_S).close()
    except socket.gaierror as error:
        return wrong(
            f"courtier {broker} : le nom {broker.host} est inconnu ({error.strerror})",
            f"broker {broker}: the name {broker.host} is not known ({error.strerror})",
            "corriger le nom dans --broker, ou le DNS de cette machine",
            "correct the name in --broker, or this machine's DNS",
        )
    except OSError as error:
        return wrong(
            f"courtier {broker} : injoignable ({error.strerror or error})",
            f"broker {broker}: cannot be reached ({error.strerror or error})",
            "le démarrer (docker compose up -d mosquitto ou systemctl start mosquitto), vérifier port et pare-feu",
            "start it (docker compose up -d mosquitto or systemctl start mosquitto), check port and firewall",
        )
    return ok(f"courtier {broker} : joignable", f"broker {broker}: reachable")


def _tls(broker: Broker, now: datetime) -> Iterator[Finding]:
    try:
        context = broker.context()
    except OSError as error:
        yield wrong(
            f"courtier : l'autorité {broker.ca} est inutilisable ({error})",
            f"broker: the authority {broker.ca} cannot be used ({error})",
            "indiquer dans ?ca= le fichier public/ca.pem du dossier de `trezor provision`",
            "name in ?ca= the file public/ca.pem of the folder made by `trezor provision`",
        )
        return
    try:
        with (
            socket.create_connection((broker.host, broker.port), PATIENCE_S) as raw,
            context.wrap_socket(raw, server_hostname=broker.host) as agreed,
        ):
            version, certificate = agreed.version(), agreed.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        yield _distrusted(broker, error)
        return
    except (ssl.SSLError, OSError) as error:
        yield wrong(
            f"courtier {broker} : pas de TLS ({error})",
            f"broker {broker}: no TLS ({error})",
            "vérifier que ce port est bien celui de TLS (8884, ou 8883 pour les lampes), sinon mqtt://",
            "check that this port is the one with TLS (8884, or 8883 for lamps), else mqtt://",
        )
        return
    end = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    if end - now < ENDS_SOON:
        yield wrong(
            f"courtier : son certificat expire le {end:%Y-%m-%d}",
            f"broker: its certificate ends on {end:%Y-%m-%d}",
            "lancer `trezor provision`, qui le refait, puis redémarrer le courtier",
            "run `trezor provision`, which makes it anew, then restart the broker",
        )
    else:
        yield ok(
            f"courtier : {version}, certificat reconnu, valable jusqu'au {end:%Y-%m-%d}",
            f"broker: {version}, certificate trusted, valid until {end:%Y-%m-%d}",
        )


def _distrusted(broker: Broker, error: ssl.SSLCertVerificationError) -> Finding:
    if error.verify_code == WRONG_NAME or "match" in error.verify_message:
        return wrong(
            f"courtier {broker} : son certificat n'est pas au nom de {broker.host}",
            f"broker {broker}: its certificate does not name {broker.host}",
            f"lancer `trezor provision --host {broker.host}` (et les autres noms), puis redémarrer le courtier",
            f"run `trezor provision --host {broker.host}` (and the other names), then restart the broker",
        )
    if error.verify_code in (EXPIRED, NOT_YET):
        return wrong(
            f"courtier {broker} : son certificat n'est pas valable aujourd'hui ({error.verify_message})",
            f"broker {broker}: its certificate is not valid today ({error.verify_message})",
            "vérifier l'heure de cette machine ; sinon `trezor provision`, puis redémarrer le courtier",
            "check this machine's clock; else `trezor provision`, then restart the broker",
        )
    return wrong(
        f"courtier {broker} : son certificat vient d'une autorité inconnue ici ({error.verify_message})",
        f"broker {broker}: its certificate is of an authority not known here ({error.verify_message})",
        "ajouter à l'adresse ?ca=…/public/ca.pem, du dossier de `trezor provision`",
        "add ?ca=…/public/ca.pem to the address, from the folder made by `trezor provision`",
    )


@dataclass
class _Answers:
    """What the broker says, as it says it."""

    connected: threading.Event = field(default_factory=threading.Event)
    refused: str = ""
    shared: bool = True
    granted: threading.Event = field(default_factory=threading.Event)
    denied: str = ""
    taken: threading.Event = field(default_factory=threading.Event)
    untaken: str = ""


def _session(broker: Broker, world: str) -> Iterator[Finding]:
    """As the gateway would, under a name of its own and in a share of its own: the gateway notices nothing."""
    mark = f"doctor-{secrets.token_hex(6)}"
    client, answers = _client(broker, mark)
    try:
        client.connect(broker.host, broker.port, 10, clean_start=True)
        client.loop_start()
        if not answers.connected.wait(PATIENCE_S):
            yield wrong(
                f"courtier {broker} : ne répond pas en MQTT 5",
                f"broker {broker}: does not answer in MQTT 5",
                "vérifier que c'est un courtier MQTT 5 (Mosquitto 2), et son journal",
                "check that it is an MQTT 5 broker (Mosquitto 2), and its log",
            )
            return
        if answers.refused:
            yield wrong(
                f"courtier {broker} : refuse ce nom et ce mot de passe ({answers.refused})",
                f"broker {broker}: refuses this name and password ({answers.refused})",
                "reprendre ceux de .env ; après --rotate : recharger le courtier et redémarrer les services",
                "take those of .env; after --rotate: reload the broker and restart the services",
            )
            return
        yield ok("courtier : laisse entrer", "broker: lets us in")
        yield from _rights(client, answers, broker, world, mark)
    except OSError as error:
        yield wrong(
            f"courtier {broker} : connexion rompue ({error})",
            f"broker {broker}: connection broken ({error})",
            "voir le journal du courtier",
            "look into the broker's log",
        )
    finally:
        client.disconnect()
        client.loop_stop()


def _rights(
    client: mqtt.Client, answers: _Answers, broker: Broker, world: str, mark: str
) -> Iterator[Finding]:  # fmt: skip
    client.subscribe(f"$share/{mark}/{wildcard(world, TELEMETRY)}", 1)
    if not answers.shared or not answers.granted.wait(PATIENCE_S) or answers.denied:
        yield wrong(
            f"courtier : refuse l'abonnement partagé ({answers.denied or 'non disponible'})",
            f"broker: refuses the shared subscription ({answers.denied or 'not available'})",
            "ses règles d'accès doivent l'accorder à la passerelle (services.access) ; sinon une seule passerelle",
            "its access rules must grant it to the gateway (services.access); else one gateway only",
        )
    else:
        yield ok("courtier : accorde l'abonnement partagé", "broker: grants the shared subscription")
    client.publish(f"{world}/doctor/doctor/{RESEND}", b"", 1)
    if not answers.taken.wait(PATIENCE_S) or answers.untaken:
        yield wrong(
            f"courtier : refuse les demandes aux lampes ({answers.untaken or 'pas de réponse'})",
            f"broker: refuses what is asked of lamps ({answers.untaken or 'no answer'})",
            "ses règles doivent laisser la passerelle publier sur …/resend : `trezor provision`, puis recharger",
            "its access rules must let the gateway publish on …/resend: `trezor provision`, then reload",
        )
    else:
        yield ok("courtier : porte les demandes aux lampes", "broker: carries what is asked of lamps")
    if broker.share == SHARE and not _is_here(broker.host):
        yield note(
            "courtier : le nom du partage est connu de tous ; ?share=NOM en fait un secret (voir gateway/options.py)",
            "broker: everybody knows the share's name; ?share=NAME makes it a secret (see gateway/options.py)",
        )


def _client(broker: Broker, name: str) -> tuple[mqtt.Client, _Answers]:
    answers = _Answers()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5)
    if broker.user is not None:
        client.username_pw_set(broker.user, broker.password)
    if broker.tls:
        client.tls_set_context(broker.context())

    def connected(_c: Any, _u: Any, _f: Any, reason: Any, properties: Any) -> None:
        answers.refused = str(reason) if reason.is_failure else ""
        answers.shared = bool(getattr(properties, "SharedSubscriptionAvailable", 1))
        answers.connected.set()

    def granted(_c: Any, _u: Any, _m: int, reasons: list[Any], _p: Any) -> None:
        answers.denied = ", ".join(str(reason) for reason in reasons if reason.is_failure)
        answers.granted.set()

    def taken(_c: Any, _u: Any, _m: int, reason: Any, _p: Any) -> None:
        answers.untaken = str(reason) if reason.is_failure else ""
        answers.taken.set()

    client.on_connect, client.on_subscribe, client.on_publish = connected, granted, taken
    return client, answers


def _is_here(host: str) -> bool:
    return host in ("localhost", "127.0.0.1", "::1")
