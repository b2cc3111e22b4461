"""Every sample of a lamp is in exactly one report, as it was measured; the counters have no gap."""

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.packing import Made, Packer
from gateway.telemetry import CBOR_TYPE, COLUMNS, JSON_TYPE, MAX_BYTES, MAX_SAMPLES, Report, decode
from tests.firmware_sim.samples import START, frame

LIMITS = {"pv_mv": 150_000, "pv_ma": 60_000, "bat_mv": 80_000, "bat_ma": 100_000, "led_mw": 500_000}


def packer(minutes: int, content_type: str = CBOR_TYPE) -> Packer:
    return Packer(lambda true: true * 0 + minutes * 60, content_type)


def report_of(made: Made, content_type: str = CBOR_TYPE) -> Report:
    report = decode(made.payload, content_type, Report)
    assert isinstance(report, Report)
    return report


@st.composite
def lives(draw: st.DrawFn) -> list[dict[str, object]]:
    """What one or two lamps measure: with restarts, gaps, clocks set forward and back, other spacings, new firmware."""
    rows: list[dict[str, object]] = []
    for lamp in ("fatoma-01", "konna-07")[: draw(st.integers(1, 2))]:
        boot, dt, fw = draw(st.integers(0, 300)), draw(st.sampled_from((60, 300, 900))), "1.0"
        true = clock = START + timedelta(seconds=draw(st.integers(0, 7200)))
        for _ in range(draw(st.integers(1, 6))):
            for _ in range(draw(st.integers(1, 40))):
                numbers: dict[str, object] = {
                    name: draw(st.one_of(st.none(), st.integers(0, high))) for name, high in LIMITS.items()
                }
                rows.append({
                    "commune": lamp[:-3], "lamp": lamp, "time": clock, "true_time": true, "dt": dt, "boot": boot,
                    "fw": fw, **numbers,
                })  # fmt: skip
                clock, true = clock + timedelta(seconds=dt), true + timedelta(seconds=dt)
            what = draw(st.sampled_from(("restart", "gap", "clock", "spacing", "firmware", "silence")))
            if what == "restart":
                boot += 1
            elif what == "gap":
                clock, true = clock + timedelta(seconds=dt * 3), true + timedelta(seconds=dt * 3)
            elif what == "clock":
                clock += timedelta(seconds=draw(st.integers(-4000, 4000)))
            elif what == "spacing":
                dt = draw(st.sampled_from((60, 300, 900)))
            elif what == "firmware":
                fw = draw(st.sampled_from(("1.0", "1.1")))
    return rows


@settings(max_examples=60, deadline=None)
@given(rows=lives(), minutes=st.sampled_from((15, 60, 360)), cuts=st.lists(st.integers(0, 200), max_size=4))
def test_every_sample_is_in_exactly_one_report_with_its_values(
    rows: list[dict[str, object]], minutes: int, cuts: list[int]
) -> None:
    samples = frame(rows).sort("true_time", "lamp")
    pack = packer(minutes)
    made: list[Made] = []
    edges = [0, *sorted(min(cut, samples.height) for cut in cuts), samples.height]
    for begin, end in pairwise(edges):
        made += pack.push(samples[begin:end])
    made += pack.flush()

    told: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    for one in made:
        report = report_of(one)
        assert one.samples == report.samples <= MAX_SAMPLES
        assert len({report.t // (minutes * 60), report.last // (minutes * 60)}) == 1
        for i in range(report.samples):
            values = (getattr(report, name)[i] for name in LIMITS)
            told[one.lamp].append((report.t + i * report.dt, report.dt, report.boot, *values))
    for (lamp,), own in samples.group_by("lamp"):
        time = own.sort("true_time")["time"].dt.epoch("s").to_list()
        rest = own.sort("true_time").select("dt", "boot", *LIMITS).rows()
        assert told[str(lamp)] == [(t, *row) for t, row in zip(time, rest, strict=True)]


@settings(max_examples=30, deadline=None)
@given(rows=lives(), minutes=st.sampled_from((15, 360)))
def test_the_counter_rises_by_one_within_a_start_and_begins_anew_with_each(
    rows: list[dict[str, object]], minutes: int
) -> None:
    pack = packer(minutes)
    made = pack.push(frame(rows)) + pack.flush()
    for lamp in {one.lamp for one in made}:
        counters: dict[int, list[int]] = defaultdict(list)
        for one in made:
            if one.lamp == lamp:
                counters[one.boot].append(one.seq)
        assert all(seqs == list(range(len(seqs))) for seqs in counters.values())


@settings(max_examples=30, deadline=None)
@given(rows=lives(), cut=st.integers(0, 300))
def test_where_the_plant_cuts_its_chunks_changes_no_byte(rows: list[dict[str, object]], cut: int) -> None:
    samples = frame(rows).sort("true_time", "lamp")
    whole, pieces = packer(360), packer(360)
    at_once = whole.push(samples) + whole.flush()
    in_two = pieces.push(samples[:cut]) + pieces.push(samples[cut:]) + pieces.flush()
    assert sorted(at_once) == sorted(in_two)


def steady(count: int, dt: int, **more: object) -> pl.DataFrame:
    return frame([{"time": START + timedelta(seconds=dt * i), "dt": dt, **more} for i in range(count)])


def test_a_report_waits_until_its_interval_is_over() -> None:
    pack = packer(60)
    assert pack.push(steady(3, 900)) == []
    made = pack.push(frame([{"time": START + timedelta(minutes=45)}]))
    assert [(one.samples, one.made) for one in made] == [(4, micros_of(START + timedelta(minutes=45)))]


def test_a_restart_ends_the_report_before_it_and_it_goes_when_the_lamp_is_back() -> None:
    back = START + timedelta(hours=9)
    rows: list[dict[str, object]] = [
        {"time": START},
        {"time": START + timedelta(minutes=15)},
        {"time": back, "boot": 2},
    ]
    made = packer(360).push(frame(rows))
    assert [(one.boot, one.samples, one.made) for one in made] == [(1, 2, micros_of(back))]


def test_minute_samples_of_six_hours_fit_by_going_in_two_reports() -> None:
    pack = packer(360)
    made = pack.push(steady(360, 60)) + pack.flush()
    assert [one.samples for one in made] == [MAX_SAMPLES, 360 - MAX_SAMPLES]


@pytest.mark.parametrize("content_type", [CBOR_TYPE, JSON_TYPE])
def test_the_largest_report_stays_within_the_contract(content_type: str) -> None:
    worst = {
        "pv_mv": 149_999,
        "pv_ma": -1_999,
        "bat_mv": 79_999,
        "bat_ma": -99_999,
        "bat_dc": -1_270,
        "led_mw": 499_999,
    }
    pack = packer(1440, content_type)
    made = pack.push(steady(288, 300, level=100, target=None, soc=None, **worst)) + pack.flush()
    assert max(len(one.payload) for one in made) <= MAX_BYTES


def test_short_reports_tell_slow_values_hourly_and_who_they_are_every_six_hours() -> None:
    pack = packer(15)
    reports = [report_of(one) for one in pack.push(steady(96, 900)) + pack.flush()]
    assert sum(report.bat_dc is not None for report in reports) == 24
    assert sum(report.soc is not None for report in reports) == 24
    assert sum(report.fw is not None for report in reports) == 4
    assert reports[0].fw == "1.4.2"


def test_long_reports_tell_everything() -> None:
    pack = packer(360)
    for one in pack.push(steady(96, 900)) + pack.flush():
        report = report_of(one)
        assert all(getattr(report, name) is not None for name in (*COLUMNS, "rssi", "up", "fw"))


def test_a_channel_never_measured_is_left_out() -> None:
    pack = packer(360)
    (report, *_) = [report_of(one) for one in pack.push(steady(24, 900, soc=None)) + pack.flush()]
    assert report.soc is None
    assert report.bat_dc == [305] * 24


def micros_of(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000
