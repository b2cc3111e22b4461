"""What arrives of the lamps' reports, and when."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from firmware_sim.live import OFFLINE, ONLINE, Stream
from firmware_sim.network import DAY, HOUR, MINUTE, SECOND, Network, Outage, draw, lamp_key, micros
from firmware_sim.presence import NOTICED_US
from firmware_sim.radio import Chunk, Message, Radio
from firmware_sim.traffic import Meter
from gateway.telemetry import Event, Report, Resend, decode
from gateway.topic import EVENT, STATUS, TELEMETRY, Topic
from tests.firmware_sim.samples import NO_EVENTS, START, days, fleet, frame

LAMPS = fleet()
PERFECT = Network(loss=0, duplicate=0, reorder=0, dropouts_per_day=0)


def heard(
    network: Network = PERFECT, outages: Sequence[Outage] = (), count: int = 3, seed: int = 7, dt: int = 900
) -> list[Message]:
    return list(Radio(LAMPS, "world", seed, network, outages).messages(days(LAMPS, count, dt=dt)))


def reports(messages: Sequence[Message], lamp: str | None = None) -> list[tuple[int, Report]]:
    """Time of arrival and report, in the order of arrival."""
    found = []
    for message in messages:
        topic = Topic.parse(message.topic)
        assert isinstance(topic, Topic)
        if topic.kind == TELEMETRY and lamp in (None, topic.lamp):
            report = decode(message.payload, message.content_type, Report)
            assert isinstance(report, Report)
            found.append((message.at, report))
    return found


def statuses(messages: Sequence[Message], lamp: str) -> list[tuple[int, bytes]]:
    return [(m.at, m.payload) for m in messages if m.topic.endswith(f"/{lamp}/{STATUS}")]


def between(samples: pl.DataFrame, since: datetime, until: datetime) -> pl.DataFrame:
    return samples.filter(pl.col("true_time").is_between(since, until, closed="left"))


def test_messages_come_in_the_order_of_their_true_sending_times() -> None:
    messages = heard(Network(loss=0.1, duplicate=0.1, reorder=0.1, dropouts_per_day=1), count=5)
    assert all(a.at <= b.at for a, b in pairwise(messages))


def test_nothing_is_lost_doubled_or_overtaken_on_a_perfect_network() -> None:
    for lamp in LAMPS:
        own = reports(heard(), lamp)
        assert [report.seq for _, report in own] == list(range(3 * 4))
        assert sum(report.samples for _, report in own) == 3 * 96


def test_a_report_never_arrives_before_its_last_sample_was_taken() -> None:
    assert all(at >= report.last * SECOND for at, report in reports(heard(Network(duplicate=0.2, reorder=0.2))))


def test_same_seed_same_bytes_whatever_the_size_of_the_chunks() -> None:
    network = Network(loss=0.05, duplicate=0.05, reorder=0.05, dropouts_per_day=0.8)
    outages = [Outage("konna", START + timedelta(hours=20), START + timedelta(hours=33))]

    def run(seed: int, pieces: int) -> list[Message]:
        chunks = list(days(LAMPS, 3))
        samples = pl.concat([chunk.samples for chunk in chunks]).sort("true_time")
        step = timedelta(days=3) / pieces
        cut = [
            Chunk(between(samples, START + i * step, START + (i + 1) * step), NO_EVENTS, START + (i + 1) * step)
            for i in range(pieces)
        ]
        return list(Radio(LAMPS, "world", seed, network, outages).messages(cut))

    assert run(1, 3) == run(1, 3) == run(1, 1) == run(1, 9)
    assert run(1, 3) != run(2, 3)


def test_a_lamp_fares_the_same_whoever_else_is_in_the_fleet() -> None:
    network = Network(loss=0.2, duplicate=0.2, dropouts_per_day=1)
    few = dict(list(LAMPS.items())[:2])
    chunks = list(days(LAMPS, 2))
    alone = [replace(chunk, samples=chunk.samples.filter(pl.col("lamp").is_in(list(few)))) for chunk in chunks]
    all_of_them = list(Radio(LAMPS, "world", 1, network).messages(chunks))
    only = list(Radio(few, "world", 1, network).messages(alone))
    assert only == [message for message in all_of_them if message.topic.split("/")[2] in few]


def test_lost_reports_leave_gaps_in_seq_at_about_their_rate() -> None:
    radio = Radio(LAMPS, "world", 3, replace(PERFECT, loss=0.2), keep=True)
    messages = list(radio.messages(days(LAMPS, 20)))
    arrived = {(message.topic, report.seq) for message, (_, report) in
               zip([m for m in messages if m.topic.endswith(TELEMETRY)], reports(messages), strict=True)}  # fmt: skip
    made = len(LAMPS) * 20 * 4
    assert 0.1 < 1 - len(arrived) / made < 0.3


def test_doubled_reports_are_the_same_bytes_and_come_later() -> None:
    messages = [m for m in heard(replace(PERFECT, duplicate=0.3), count=10) if m.topic.endswith(TELEMETRY)]
    times: dict[tuple[str, bytes], list[int]] = {}
    for message in messages:
        times.setdefault((message.topic, message.payload), []).append(message.at)
    assert Counter(len(at) for at in times.values()).keys() == {1, 2}
    assert all(5 * SECOND <= at[1] - at[0] <= HOUR for at in times.values() if len(at) == 2)


def test_some_reports_are_overtaken_by_later_ones_and_none_is_lost_by_it() -> None:
    messages = heard(replace(PERFECT, reorder=0.5, report_minutes=15), count=2)
    own = [report.seq for _, report in reports(messages, "fatoma-01")]
    assert sorted(own) == list(range(len(own)))
    assert own != sorted(own)


@pytest.mark.parametrize("length", [timedelta(hours=5), timedelta(days=10)])
def test_an_outage_of_a_commune_delays_its_reports_and_they_come_oldest_first(length: timedelta) -> None:
    since = START + timedelta(hours=10)
    outage = Outage("konna", since, since + length)
    messages = heard(outages=[outage], count=12)
    silence = micros(since), micros(since + length)
    for lamp, commune in LAMPS.items():
        own = reports(messages, lamp)
        assert [report.seq for _, report in own] == list(range(12 * 4))
        during = [at for at, _ in own if silence[0] <= at < silence[1]]
        if commune == "konna":
            assert not during
            backlog = [at for at, report in own if silence[0] < report.last * SECOND < silence[1] <= at]
            assert backlog
            assert max(backlog) - silence[1] < 10 * MINUTE
        else:
            assert during


def test_a_lamp_that_lost_its_radio_for_ever_sends_nothing_more() -> None:
    since = START + timedelta(days=1)
    own = reports(heard(outages=[Outage("sio", since, None), Outage("fatoma", since, None, "fatoma-02")]), "fatoma-02")
    assert own
    assert all(at < micros(since) for at, _ in own)
    assert any(
        at > micros(since)
        for at, _ in reports(heard(outages=[Outage("fatoma", since, None, "fatoma-02")]), "fatoma-01")
    )


def test_short_dropouts_happen_at_about_their_rate_and_delay_without_losing() -> None:
    network = replace(PERFECT, dropouts_per_day=1.0, dropout_minutes=60, report_minutes=15)
    messages = heard(network, count=6)
    late = [at - report.last * SECOND > 10 * MINUTE for at, report in reports(messages)]
    assert 0.005 < sum(late) / len(late) < 0.2
    for lamp in LAMPS:
        assert [report.seq for _, report in reports(messages, lamp)] == list(range(6 * 96))


def test_a_wrong_clock_changes_the_times_told_and_not_the_time_of_arrival() -> None:
    rows: list[dict[str, object]] = [
        {"time": START + timedelta(days=400, minutes=15 * i), "true_time": START + timedelta(minutes=15 * i)}
        for i in range(8)
    ]
    radio = Radio({"fatoma-01": "fatoma"}, "world", 1, replace(PERFECT, report_minutes=60))
    told = reports(list(radio.messages([Chunk(frame(rows), NO_EVENTS, START + timedelta(hours=2))])))
    assert [report.t for _, report in told] == [
        int((START + timedelta(days=400, hours=i)).timestamp()) for i in range(2)
    ]
    assert all(micros(START) <= at < micros(START + timedelta(hours=3)) for at, _ in told)


def test_events_go_at_once_and_wait_for_the_network() -> None:
    rows = [("fatoma-01", START + timedelta(hours=1), "tilt"), ("konna-01", START + timedelta(hours=1), "door_open")]
    events = pl.DataFrame(
        [{"lamp": lamp, "time": at, "true_time": at, "event": event} for lamp, at, event in rows],
    )
    until = START + timedelta(hours=6)
    (chunk,) = days(LAMPS, 1)
    radio = Radio(LAMPS, "world", 1, PERFECT, [Outage("konna", START, until)])
    found = [m for m in radio.messages([replace(chunk, events=events)]) if m.topic.endswith(EVENT)]
    assert [(m.topic, decode(m.payload, m.content_type, Event)) for m in found] == [
        (f"world/{lamp[:-3]}/{lamp}/event", Event(v=1, t=int(at.timestamp()), event=event)) for lamp, at, event in rows
    ]
    assert found[0].at < micros(START + timedelta(hours=1, minutes=1))
    assert micros(until) <= found[1].at


def test_on_a_kept_connection_the_broker_says_offline_after_one_and_a_half_keep_alives() -> None:
    since, until = START + timedelta(hours=5), START + timedelta(hours=9)
    messages = heard(replace(PERFECT, report_minutes=15), [Outage("konna", since, until)], count=1)
    states = statuses(messages, "konna-02")
    assert [payload for _, payload in states] == [ONLINE, OFFLINE, ONLINE]
    assert states[1][0] == micros(since) + NOTICED_US
    assert states[2][0] >= micros(until)
    assert [payload for _, payload in statuses(messages, "fatoma-02")] == [ONLINE]
    assert all(m.retain for m in messages if m.topic.endswith(STATUS))


def test_lamps_that_connect_for_each_batch_leave_politely() -> None:
    outage = Outage("konna", START + timedelta(hours=5), START + timedelta(hours=30))
    assert [payload for _, payload in statuses(heard(outages=[outage]), "konna-02")] == [ONLINE]


def test_a_lamp_without_power_is_noticed_and_comes_back() -> None:
    (chunk,) = days(LAMPS, 1)
    gone = (pl.col("lamp") == "fatoma-01") & pl.col("true_time").is_between(
        START + timedelta(hours=6), START + timedelta(hours=18), closed="none"
    )
    for cut in (1, 2):
        step = timedelta(days=1) / cut
        chunks = [
            Chunk(
                between(chunk.samples.filter(~gone), START + i * step, START + (i + 1) * step),
                NO_EVENTS,
                START + (i + 1) * step,
            )
            for i in range(cut)
        ]
        radio = Radio(LAMPS, "world", 1, replace(PERFECT, report_minutes=15))
        states = statuses(list(radio.messages(chunks)), "fatoma-01")
        assert [payload for _, payload in states] == [ONLINE, OFFLINE, ONLINE]
        assert states[1][0] == micros(START + timedelta(hours=6)) + NOTICED_US
        assert states[2][0] - micros(START + timedelta(hours=18)) < MINUTE


def test_a_lamp_sends_again_what_it_is_asked_for_as_long_as_it_keeps_it() -> None:
    radio = Radio(LAMPS, "world", 1, replace(PERFECT, loss=1.0), keep=True)
    assert not reports(list(radio.messages(days(LAMPS, 35))))
    topic = Topic("world", "fatoma", "fatoma-01", "resend")
    now = micros(START + timedelta(days=35))

    def seqs(first: int, last: int, boot: int = 3, at: int = now) -> list[int]:
        return [
            report.seq for _, report in reports(radio.again(topic, Resend(v=1, boot=boot, from_=first, to=last), at))
        ]

    assert seqs(100, 103) == [100, 101, 102, 103]
    assert seqs(0, 2**31 - 1) == list(range(20, 140))  # thirty days back, and no further
    assert seqs(100, 103, boot=2) == []
    assert seqs(100, 103, at=micros(START + timedelta(days=10))) == []  # not made yet
    assert radio.again(Topic("world", "fatoma", "nobody", "resend"), Resend(v=1, boot=3, from_=1, to=2), now) == []


def test_from_six_hourly_to_quarter_hourly_no_sample_is_missing() -> None:
    live = START + timedelta(hours=32, minutes=20)
    radio = Radio(LAMPS, "world", 1, PERFECT, live_from=live, live_minutes=15)
    own = reports(list(radio.messages(days(LAMPS, 3))), "fatoma-01")
    assert [report.seq for _, report in own] == list(range(len(own)))
    times = [report.t + i * report.dt for _, report in own for i in range(report.samples)]
    assert times == [int(START.timestamp()) + 900 * i for i in range(3 * 96)]
    assert all((report.samples == 1) == (report.t >= live.timestamp()) for _, report in own[:-1])


def test_a_stream_is_taken_up_to_a_moment_and_then_further() -> None:
    messages = heard()
    stream = Stream(messages)
    noon = micros(START + timedelta(days=1))
    before = list(stream.until(noon))
    assert before == [m for m in messages if m.at < noon]
    assert stream.next_at == messages[len(before)].at
    assert before + list(stream.until(noon + 10 * DAY)) == messages
    assert stream.next_at is None


def test_json_on_request() -> None:
    messages = heard(replace(PERFECT, encoding="json"), count=1)
    assert all(m.payload[:1] == b"{" and m.content_type == "application/json" for m in messages)


def test_a_month_of_quarter_hourly_reports_stays_within_its_data_plan() -> None:
    """0.7 MB in 30 days, IPv4, TCP and MQTT headers and acknowledgements included (domain: 0.65 MB measured)."""
    network = Network(report_minutes=15)
    meter = Meter(network.keeps_connection)
    for message in heard(network, count=10):
        meter.add(message)
    month = meter.month()
    assert month.total <= 0.7e6, month
    # By hand, for the headers of one report: PUBLISH 1+1, topic length 2, id 2, properties 1, alias 3; PUBACK 4; three
    # segments of 40: the report, its PUBACK, and the acknowledgement of that. 2 880 reports in 30 days.
    assert month.mqtt + month.tcp == pytest.approx(2880 * (10 + 4 + 120), rel=0.02)


def test_six_hourly_batches_cost_less() -> None:
    meter = Meter(False)
    for message in heard(Network(report_minutes=360), count=10, dt=300):
        meter.add(message)
    assert meter.month().total < 0.4e6


def test_draws_depend_on_their_keys_alone_and_are_uniform() -> None:
    keys = np.arange(200_000)
    numbers = draw(5, 1, lamp_key("fatoma-01"), keys)
    assert numbers[17] == draw(5, 1, lamp_key("fatoma-01"), 17)
    assert abs(float(numbers.mean()) - 0.5) < 0.005
    counts = np.bincount((numbers * 20).astype(int), minlength=20)
    assert counts.min() > 9_500
    assert abs(float(np.corrcoef(numbers[:-1], numbers[1:])[0, 1])) < 0.01


@pytest.mark.parametrize(
    ("name", "value"), [("report_minutes", 0), ("report_minutes", 1441), ("loss", 1.1), ("loss", -0.1)]
)
def test_a_network_that_cannot_be_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        replace(Network(), **{name: value})
