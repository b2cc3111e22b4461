"""The plant as its users see it: chunks, columns, clocks, the same bytes for the same seed, and truth kept apart."""

from dataclasses import replace
from datetime import timedelta
from itertools import islice

import polars as pl
import pytest

from firmware_sim.mishaps import FLAWS
from firmware_sim.plant import Plant
from firmware_sim.simulate import ARRIVALS, EVENTS, simulate_telemetry
from gateway.store import ARRIVALS as ARRIVALS_TABLE
from gateway.store import EVENTS as EVENTS_TABLE
from gateway.telemetry import COLUMNS, PLAUSIBLE, TELEMETRY_SCHEMA, TIME
from tests.firmware_sim.worlds import lived, mishap, scenario, village

BUSY = "[mishaps]\nrepair_days = 2\n[mishaps.rates]\n" + "".join(f"{kind} = 3.0\n" for kind in FLAWS)
HABITS = ""  # as lamps are: spread, motion, saving


def test_samples_have_the_columns_and_types_of_the_contract() -> None:
    samples, events, _ = lived(village(3), scenario(nights=2, habits=HABITS))
    expected = {name: dtype for name, dtype in TELEMETRY_SCHEMA.items() if name not in ("sent", "seq")}
    assert dict(samples.schema) == expected | {"true_time": TIME}
    assert list(events.columns) == ["commune", "lamp", "time", "event", "true_time"]


def test_a_chunk_is_a_day_from_noon_to_noon_in_order() -> None:
    what = scenario(nights=3, habits=HABITS)
    chunks = list(Plant(village(2), what, 1).nights())
    assert [chunk.since for chunk in chunks] == [what.start + timedelta(days=n) for n in range(3)]
    for chunk in chunks:
        assert chunk.until - chunk.since == timedelta(days=1)
        assert chunk.samples["true_time"].is_between(chunk.since, chunk.until, closed="left").all()
        assert chunk.samples.equals(chunk.samples.sort("lamp", "true_time"))
        assert chunk.samples.height == 2 * 96


def test_means_are_stamped_at_the_end_of_what_they_cover() -> None:
    what = scenario(nights=1, habits='[samples]\nreading = "mean"\nevery_s = 1800\n')
    chunk = next(Plant(village(1), what, 1).nights())
    assert chunk.samples["true_time"].min() == chunk.since + timedelta(minutes=30)
    assert chunk.samples["true_time"].max() == chunk.until
    assert chunk.samples["dt"].unique().to_list() == [1800]


@pytest.mark.parametrize("every", [300, 600, 900, 1800, 3600])
def test_samples_come_as_often_as_asked(every: int) -> None:
    chunk = next(Plant(village(1), scenario(nights=1, habits=f"[samples]\nevery_s = {every}\n"), 1).nights())
    assert chunk.samples.height == 86_400 // every


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not() -> None:
    what = scenario(BUSY, nights=5, habits=HABITS)
    (samples, events, truth), (again, events_again, truth_again) = (lived(village(6), what, 3) for _ in range(2))
    assert samples.equals(again)
    assert events.equals(events_again)
    assert truth.mishaps.equals(truth_again.mishaps)
    assert truth.nights.equals(truth_again.nights)
    assert not samples.equals(lived(village(6), what, 4)[0])


def test_living_on_changes_nothing_of_what_was() -> None:
    what = scenario(nights=3, habits=HABITS)
    long = Plant(village(2), what, 1)
    first = pl.concat([chunk.samples for chunk in long.nights()])
    more = list(long.nights(nights=2))
    assert first.equals(pl.concat([c.samples for c in islice(Plant(village(2), what, 1).nights(nights=5), 3)]))
    assert more[0].since == what.end


def test_values_are_what_a_gateway_would_believe() -> None:
    what = scenario(BUSY, nights=12, start="2026-04-01", habits=HABITS)
    samples, _, _ = lived(village(12), what, 9)
    for column in COLUMNS:
        low, high = PLAUSIBLE[column]
        assert samples[column].is_between(low, high).all(), column
    assert samples["rssi"].is_between(-113, -51).all()
    assert samples["up"].min() >= 0


def test_lamps_differ_and_their_sensors_err_by_a_percent_or_two() -> None:
    samples, _, _ = lived(village(12), scenario(nights=2, habits=HABITS))
    full = (
        samples.filter((pl.col("level") == 100) & (pl.col("target") == 100))
        .group_by("lamp")
        .agg(pl.col("led_mw").mean())
    )
    assert 200 < full["led_mw"].std() < 2_000  # of 30 W
    noon = samples.filter(pl.col("true_time").dt.hour() == 10).group_by("lamp").agg(pl.col("pv_ma").max())
    assert 0.01 < noon["pv_ma"].std() / noon["pv_ma"].mean() < 0.15


def test_clocks_are_off_by_seconds_and_set_now_and_then() -> None:
    samples, _, _ = lived(village(10), scenario(nights=16, habits=HABITS))
    off = (samples["time"] - samples["true_time"]).dt.total_seconds()
    assert off.abs().max() < 60
    assert 3 < off.n_unique() < 40
    for lamp in samples["lamp"].unique():
        assert samples.filter(pl.col("lamp") == lamp)["time"].is_sorted()


def test_by_night_the_panel_is_silent_and_by_day_the_light_is_off() -> None:
    samples, _, _ = lived(village(4), scenario(nights=3, habits=HABITS))
    hour = pl.col("true_time").dt.hour()
    assert samples.filter(hour.is_in([22, 23, 0, 1, 2, 3]))["pv_ma"].max() == 0
    assert samples.filter(hour.is_between(8, 16))["led_mw"].max() == 0
    assert samples.filter(hour.is_in([22, 23, 0, 1, 2, 3]))["led_mw"].min() > 0


def test_a_full_battery_curtails_its_panel_and_the_voltage_rises() -> None:
    samples, _, truth = lived(village(2), scenario(nights=4))
    full = samples.filter((pl.col("soc") == 100) & pl.col("true_time").dt.hour().is_between(14, 15))
    bulk = samples.filter((pl.col("soc") < 85) & pl.col("true_time").dt.hour().is_between(9, 10))
    assert full["pv_mv"].mean() > bulk["pv_mv"].mean() + 2_000
    assert full["pv_ma"].max() < 0.2 * bulk["pv_ma"].mean()
    assert truth.energy["curtailed_wh"].min() > 0


def test_the_charge_estimate_snaps_to_full_and_sticks_at_zero_after_a_cut_off() -> None:
    samples, _, _ = lived(village(1), scenario(nights=6))
    assert samples["soc"].diff().max() >= 8
    lost = mishap("panel_lost", "+1d", until="+4d22h")
    samples, events, _ = lived(village(2), scenario(lost, nights=7))
    cut = events.filter(pl.col("event") == "cutoff")["true_time"][0]
    day = samples.filter((pl.col("lamp") == "fatoma-02") & (pl.col("true_time") > cut + timedelta(minutes=10)))
    assert day["soc"].head(60).max() == 0


def test_a_profile_change_is_followed_and_ended() -> None:
    feast = '\n[[profile]]\nsince = "+2d"\nuntil = "+4d"\nsteps = [{ percent = 80 }]\n'
    samples, _, truth = lived(village(2), scenario(feast, nights=6))
    nightly = samples.filter(pl.col("target") > 0).with_columns(
        night=pl.col("true_time").dt.offset_by("-12h").dt.date()
    )
    levels = nightly.group_by("night").agg(pl.col("target").unique().sort()).sort("night")["target"].to_list()
    assert levels == [[30, 100]] * 2 + [[80]] * 2 + [[30, 100]] * 2
    assert truth.nights["verdict"].unique().to_list() == ["lit"]


def test_a_dusty_week_dims_all_communes_and_breaks_no_night() -> None:
    dust = '\n[weather]\ndust = 0\n[[weather.dust_spell]]\nsince = "+3d"\ndays = 6\ndepth = 0.4\n'
    _, _, truth = lived(village(1, communes=4), scenario(dust, nights=10))
    sunny = (
        truth.sky.with_columns(dusty=pl.col("dust") > 0.1).group_by("dusty").agg(pl.col("ghi_kwh").mean()).sort("dusty")
    )
    assert sunny["ghi_kwh"][1] < 0.75 * sunny["ghi_kwh"][0]
    assert truth.nights["verdict"].unique().to_list() == ["lit"]


def test_a_fleet_far_from_greenwich_has_its_nights_in_one_piece() -> None:
    here = village(2)
    moved = {name: replace(commune, longitude=105.0) for name, commune in here.communes.items()}
    lamps = {lamp.id: replace(lamp, longitude=105.0) for lamp in here.lamps.values()}
    _, _, truth = lived(replace(here, communes=moved, lamps=lamps), scenario(nights=3))
    assert truth.nights["verdict"].unique().to_list() == ["lit"]
    assert truth.nights["scheduled_minutes"].min() > 600


def test_nothing_of_the_truth_is_in_what_leaves_the_lamps() -> None:
    """The same samples but for the mishap's own effect: no column names it, no text hints at it."""
    simulated = simulate_telemetry(village(4), scenario(BUSY, nights=4, habits=HABITS), 2)
    assert set(simulated.telemetry.columns) == set(TELEMETRY_SCHEMA)
    assert set(simulated.arrivals.columns) == set(ARRIVALS_TABLE.schema)
    assert set(simulated.events.columns) == set(EVENTS_TABLE.schema)
    assert set(simulated.events["event"]) <= {"restart", "cutoff", "tilt", "door_open"}
    assert simulated.telemetry["fw"].n_unique() <= 3


def test_a_simulated_store_has_the_tables_of_the_store() -> None:
    simulated = simulate_telemetry(village(3), scenario(nights=3, habits=HABITS), 1)
    assert dict(simulated.telemetry.schema) == TELEMETRY_SCHEMA
    assert dict(ARRIVALS_TABLE.schema) == ARRIVALS
    assert dict(EVENTS_TABLE.schema) == EVENTS
    assert simulated.telemetry.select("lamp", "time").is_unique().all()
    assert simulated.telemetry.height > 0.95 * 3 * 3 * 96  # the radio loses a report now and then
    assert simulated.arrivals["received"].is_sorted()
    assert (simulated.telemetry["sent"] >= simulated.telemetry["time"]).all()


def test_progress_is_told_night_by_night() -> None:
    told: list[tuple[int, int]] = []
    list(Plant(village(1), scenario(nights=3), 1).nights(lambda done, total: told.append((done, total))))
    assert told == [(1, 3), (2, 3), (3, 3)]
