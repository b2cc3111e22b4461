"""The living fleet: sessions, last wills, answers, on a real broker."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firmware_sim.life import Life
from firmware_sim.live import OFFLINE, ONLINE, LiveFleet, Stream
from firmware_sim.network import Network, Outage, micros
from firmware_sim.radio import Radio
from firmware_sim.scenario import load_scenario
from gateway.fleet import parse_fleet
from gateway.telemetry import CBOR_TYPE, Report, Resend, decode, encode
from tests.broker.ear import Ear, wait_until
from tests.firmware_sim.samples import START, days, fleet
from tests.mosquitto_server import Mosquitto

pytestmark = pytest.mark.mosquitto

LAMPS = fleet(2, 3)
PERFECT = Network(report_minutes=15, loss=0, duplicate=0, reorder=0, dropouts_per_day=0)


@contextmanager
def living(
    server: Mosquitto, *, scale: float, network: Network = PERFECT, outages: tuple[Outage, ...] = ()
) -> Iterator[LiveFleet]:
    """A fleet that began at START, `scale` times as fast as real time, in a thread."""
    radio = Radio(LAMPS, "w", 1, network, outages, keep=True)
    stream = Stream(radio.messages(days(LAMPS, 400)))
    living = LiveFleet(
        radio, stream, LAMPS, "w", server.address, clock=lambda: datetime.now(UTC), since=START, scale=scale
    )
    ended = threading.Event()
    thread = threading.Thread(target=living.run, args=(ended.is_set,))
    thread.start()
    try:
        yield living
    finally:
        ended.set()
        thread.join(20)
        assert not thread.is_alive()


def test_every_lamp_has_its_session_its_retained_status_and_speaks_in_time(mosquitto: Mosquitto) -> None:
    before = threading.active_count()
    with living(mosquitto, scale=1800) as lamps, Ear(mosquitto.address, "w/+/+/telemetry") as ear:
        wait_until(lambda: lamps.connected == len(LAMPS), "all lamps connected")
        assert threading.active_count() <= before + 2  # the fleet's thread and the ear's
        wait_until(lambda: len(ear.heard) >= 4 * len(LAMPS), "an hour of reports")
        with Ear(mosquitto.address, "w/+/+/status") as late:
            wait_until(lambda: len(late.heard) == len(LAMPS), "retained statuses")
            assert set(late.payloads("status")) == {ONLINE}
        now = lamps.now
    for message in ear.heard:
        report = decode(bytes(message.payload), getattr(message.properties, "ContentType", None), Report)
        assert isinstance(report, Report)
        assert micros(START) / 1e6 <= report.last <= now / 1e6


def test_an_outage_breaks_the_connection_and_the_broker_speaks_the_last_will(mosquitto: Mosquitto) -> None:
    outage = Outage("konna", START + timedelta(hours=1), START + timedelta(hours=4))
    with Ear(mosquitto.address, "w/+/+/status") as ear, living(mosquitto, scale=3600, outages=(outage,)) as lamps:
        own = [lamp for lamp, commune in LAMPS.items() if commune == "konna"]
        wait_until(lambda: ear.payloads("konna-01/status") == [ONLINE, OFFLINE, ONLINE], "online, will, online again")
        wait_until(lambda: lamps.connected == len(LAMPS), "all lamps back")
        for lamp in own:
            assert ear.payloads(f"{lamp}/status") == [ONLINE, OFFLINE, ONLINE]
        assert ear.payloads("fatoma-01/status") == [ONLINE]
    assert all(message.retain for message in ear.heard)


def test_a_fleet_that_is_stopped_leaves_every_lamp_offline(mosquitto: Mosquitto) -> None:
    with Ear(mosquitto.address, "w/+/+/status") as ear:
        with living(mosquitto, scale=60) as lamps:
            wait_until(lambda: lamps.connected == len(LAMPS), "all lamps connected")
            wait_until(lambda: len(ear.heard) == len(LAMPS), "all online")
        wait_until(lambda: len(ear.heard) == 2 * len(LAMPS), "all offline")
    assert ear.payloads("status")[-len(LAMPS) :] == [OFFLINE] * len(LAMPS)


def test_what_was_lost_on_the_way_is_sent_again_on_request(mosquitto: Mosquitto) -> None:
    lossy = replace(PERFECT, loss=0.9)
    with Ear(mosquitto.address, "w/+/+/telemetry") as ear, living(mosquitto, scale=7200, network=lossy) as lamps:
        wait_until(lambda: lamps.connected == len(LAMPS), "all lamps connected")
        wait_until(lambda: lamps.now > micros(START + timedelta(hours=3)), "three hours")
        ear.ask("w/konna/konna-02/resend", encode(Resend(v=1, boot=3, from_=4, to=7)), CBOR_TYPE)
        ear.ask("w/konna/konna-02/resend", b"\xff\xff", CBOR_TYPE)  # nonsense is ignored
        wait_until(lambda: lamps.resent == 4, "four reports sent again")
        wait_until(lambda: {4, 5, 6, 7} <= set(seqs_of(ear, "konna-02")), "and heard")
    assert len(seqs_of(ear, "konna-01")) < 6  # nobody asked it: most of its reports are lost
    assert lamps.resent == 4


def test_a_broker_that_restarts_gets_every_report(mosquitto: Mosquitto) -> None:
    with Ear(mosquitto.address, "w/+/+/telemetry") as ear, living(mosquitto, scale=1800) as lamps:
        wait_until(lambda: len(ear.heard) >= len(LAMPS), "the first reports")
        mosquitto.stop()
        wait_until(lambda: lamps.connected == 0, "all lamps noticed")
        mosquitto.start()
        wait_until(lambda: lamps.connected == len(LAMPS), "all lamps back", 60)
        end = lamps.now
        wait_until(lambda: lamps.now > end + 3600 * 10**6, "an hour more")

        def missing() -> set[tuple[str, int]]:
            wanted = {(lamp, seq) for lamp in LAMPS for seq in range((end - micros(START)) // 900_000_000 - 1)}
            return wanted - {(m.topic.split("/")[2], seq_of(bytes(m.payload))) for m in ear.heard}

        wait_until(lambda: not missing(), "every report at least once", every_s=0.3)


def seqs_of(ear: Ear, lamp: str) -> list[int]:
    return [seq_of(bytes(message.payload)) for message in ear.heard if message.topic.split("/")[2] == lamp]


def seq_of(payload: bytes) -> int:
    report = decode(payload, None, Report)
    assert isinstance(report, Report)
    return report.seq


@pytest.mark.slow
def test_two_hundred_lamps_go_from_time_lapse_to_living_without_losing_a_report(mosquitto: Mosquitto) -> None:
    fleet_of_200 = parse_fleet((Path(__file__).parents[2] / "fleet.toml").read_text(encoding="utf-8"))
    now = datetime(2026, 3, 3, 8, tzinfo=UTC)
    scenario = replace(
        load_scenario("clean"), start=datetime(2026, 3, 1, 12, tzinfo=UTC), network=replace(PERFECT, report_minutes=360)
    )
    life = Life(fleet_of_200, scenario, 1, "w", now=now)
    ended = threading.Event()
    fleets: list[LiveFleet] = []
    worker = threading.Thread(
        target=life.live,
        args=(mosquitto.address,),
        kwargs={"clock": lambda: now, "stopped": ended.is_set, "scale": 1200, "each_turn": fleets.append},
    )
    with Ear(mosquitto.address, "w/+/+/telemetry") as ear:
        lapsed = life.lapse(mosquitto.address)
        wait_until(lambda: len(ear.heard) >= lapsed - 200, "the past", 60)  # without the statuses
        assert life.share(micros(now)) == 1.0
        others = threading.active_count()
        worker.start()
        try:
            wait_until(lambda: bool(fleets) and fleets[-1].connected == 200, "200 sessions", 60)
            assert threading.active_count() < others + 10
            wait_until(lambda: fleets[-1].now > micros(now + timedelta(hours=2)), "two hours of life", 60)
        finally:
            ended.set()
            worker.join(30)
        heard: dict[str, list[tuple[int, int]]] = {lamp: [] for lamp in fleet_of_200.lamps}
        wait_until(lambda: len(ear.heard) >= lapsed - 200 + 200 * 7, "seven live reports of each", 60)
        for message in list(ear.heard):
            report = decode(bytes(message.payload), None, Report)
            assert isinstance(report, Report)
            heard[message.topic.split("/")[2]].append((report.boot, report.seq))
    for lamp, counted in heard.items():
        by_boot = {boot: [seq for known, seq in counted if known == boot] for boot, _ in counted}
        assert all(seqs == list(range(len(seqs))) for seqs in by_boot.values()), lamp
