"""Each mishap shows in the samples as the fault it stands for, and nowhere before it begins."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from firmware_sim.mishaps import FLAWS, radio_off
from firmware_sim.truth import Truth
from tests.firmware_sim.worlds import ALIKE, lived, mishap, scenario, village

SICK, WELL = "fatoma-02", "fatoma-01"
SINCE = "+2d9h"  # 21 o'clock on the third evening
NIGHTS = 7
Lived = tuple[pl.DataFrame, pl.DataFrame, Truth]


def live(kind: str, since: str = SINCE, until: str = "never", model: str = "lfp-100", **more: object) -> Lived:
    what = scenario(mishap(kind, since, until, SICK, **more), nights=NIGHTS)
    return lived(village(2, model), what)


def after(frame: pl.DataFrame, lamp: str = SICK, hours: float = 57.0) -> pl.DataFrame:
    """The lamp's samples from so many hours after the start on."""
    begin = frame["true_time"].min()
    assert isinstance(begin, datetime)
    return frame.filter((pl.col("lamp") == lamp) & (pl.col("true_time") >= begin + timedelta(hours=hours)))


def verdicts(truth: Truth, lamp: str = SICK) -> list[str]:
    return truth.nights.filter(pl.col("lamp") == lamp).sort("time")["verdict"].to_list()


NIGHT, NOON = pl.col("target") > 0, pl.col("true_time").dt.hour().is_between(10, 14)


@pytest.mark.parametrize("kind", [kind for kind, flaw in FLAWS.items() if not flaw.communal])
def test_a_mishap_changes_nothing_before_it_begins_and_nothing_on_other_lamps(kind: str) -> None:
    healthy, _, _ = lived(village(2), scenario(nights=4))
    for mode in FLAWS[kind].modes:
        sick, _, _ = lived(village(2), scenario(mishap(kind, "+2d", lamp=SICK, mode=mode), nights=4))
        begin = healthy["true_time"].min()
        untouched = (pl.col("lamp") == WELL) | (pl.col("true_time") < begin + timedelta(days=2))
        assert sick.filter(untouched).equals(healthy.filter(untouched)), mode
        changed = not sick.equals(healthy)
        assert changed == (FLAWS[kind].apply is not radio_off and mode != "door_open"), mode


def test_dark_is_commanded_and_gives_no_light_while_the_battery_is_well() -> None:
    samples, _, truth = live("dark")
    night = after(samples).filter(NIGHT)
    assert night["led_mw"].max() == 0
    assert night["bat_mv"].min() > 13_000
    assert verdicts(truth)[3:] == ["dark"] * (NIGHTS - 3)


def test_early_off_is_lit_then_out_with_charge_left_and_says_cutoff() -> None:
    samples, events, truth = live("early_off", severity=0.85)
    assert verdicts(truth)[3:] == ["partly"] * (NIGHTS - 3)
    assert events.filter(pl.col("event") == "cutoff").height >= NIGHTS - 3
    out = after(samples).filter(NIGHT & (pl.col("led_mw") == 0))
    assert out["bat_mv"].min() > 12_900


def test_flicker_switches_at_least_four_times_a_night() -> None:
    samples, _, _ = live("flicker", severity=0.4)
    night = after(samples, hours=80).filter(NIGHT)
    switches = (night["led_mw"] > 0).cast(pl.Int8).diff().abs().sum()
    assert switches / (NIGHTS - 4) > 4


def test_dim_loses_its_share_of_power_at_the_level_it_says() -> None:
    samples, _, _ = live("dim", severity=1 / 3)
    healthy, _, _ = lived(village(2), scenario(nights=NIGHTS))
    sick, well = (after(frame).filter(pl.col("target") == 100) for frame in (samples, healthy))
    assert sick["led_mw"].mean() / well["led_mw"].mean() == pytest.approx(2 / 3, abs=0.01)
    assert sick["level"].to_list() == well["level"].to_list()


def test_day_burning_is_lit_at_noon_without_command() -> None:
    samples, _, _ = live("day_burning", since="+3d20h")
    noon = after(samples, hours=96).filter(NOON)
    assert noon["led_mw"].min() > 20_000
    assert noon["target"].max() == 0


def test_panel_lost_gives_nothing_and_the_lamp_lives_on_its_battery_for_two_nights() -> None:
    samples, events, truth = live("panel_lost", since="+1d20h")
    noon = after(samples, hours=46).filter(NOON)
    assert noon["pv_ma"].max() == 0
    assert noon["pv_mv"].max() < 500
    assert verdicts(truth)[:5] == ["lit", "lit", "lit", "partly", "dark"]
    assert events.filter(pl.col("event") == "cutoff").height == 1
    lit_by_day = after(samples, hours=46).filter(NOON & (pl.col("led_mw") > 0))
    assert lit_by_day.is_empty()  # a dark panel is not a night: it goes by what it has learnt


def test_partial_loss_by_a_diode_takes_power_and_voltage_by_a_connector_only_power() -> None:
    for mode, volts in (("diode", 2 / 3), ("connector", 1.0)):
        samples, _, _ = live("panel_partial", mode=mode, severity=1 / 3)
        sick, well = (
            after(samples, lamp).filter(pl.col("true_time").dt.hour().is_between(8, 9)) for lamp in (SICK, WELL)
        )
        power = [(f["pv_mv"].cast(pl.Int64) * f["pv_ma"]).mean() for f in (sick, well)]
        assert power[0] / power[1] == pytest.approx(2 / 3, abs=0.03), mode
        assert sick["pv_mv"].mean() / well["pv_mv"].mean() == pytest.approx(volts, abs=0.02), mode


def test_a_shade_takes_the_same_hours_each_day() -> None:
    what = scenario(mishap("panel_partial", "+1d", mode="shade", severity=0.9), nights=5)
    samples, _, truth = lived(village(2), what)
    hours = (
        samples.filter(pl.col("true_time") > pl.col("true_time").min() + timedelta(days=1))
        .with_columns(power=pl.col("pv_mv").cast(pl.Float64) * pl.col("pv_ma"), hour=pl.col("true_time").dt.hour())
        .filter(pl.col("hour").is_between(7, 10) & (pl.col("pv_ma") > 0))
        .group_by("lamp", "hour")
        .agg(pl.col("power").mean())
        .sort("hour", "lamp")
    )
    well, sick = hours["power"].to_numpy().reshape(-1, 2).T
    assert (sick / well).min() < 0.4
    assert (sick / well).max() > 0.8
    lost = truth.energy["pv_wh"] + truth.energy["curtailed_wh"]
    assert lost[1] < 0.85 * lost[0]


def test_soiling_grows_by_fractions_of_a_percent_a_day_until_it_is_washed() -> None:
    what = scenario(mishap("panel_soiled", "+2d", "+30d", severity=0.2, mode="dust"), nights=36, start="2026-11-10")
    _, _, truth = lived(village(2), what)
    sick, well = (truth.nights.filter(pl.col("lamp") == lamp).sort("time")["soiling"] for lamp in (SICK, WELL))
    daily = sick.slice(4, 20).diff().drop_nulls()
    assert daily.min() > 0.002
    assert daily.max() < 0.02
    assert 0.15 < sick.max() < 0.35
    assert sick[-1] < 0.06  # washed
    assert well.max() < 0.2


def test_rain_washes_even_a_dirty_panel_and_the_truth_says_so() -> None:
    what = scenario(mishap("panel_soiled", "+1d", severity=0.4, mode="dust"), nights=60, start="2026-07-15")
    _, _, truth = lived(village(2), what)
    until = truth.mishaps["until"][0]
    assert until is not None
    assert truth.nights.filter((pl.col("lamp") == SICK) & (pl.col("time") > until))["soiling"][0] < 0.05


def test_a_worn_battery_gives_its_ampere_hours_and_its_voltage_falls_deeper() -> None:
    samples, _, truth = live("battery_worn", since="+1d", severity=0.5, mode="step")
    dawn = pl.col("true_time").dt.hour() == 5
    sick, well = (after(samples, lamp, 48).filter(dawn)["bat_mv"].mean() for lamp in (SICK, WELL))
    assert sick < well - 50
    capacity = truth.nights.filter(pl.col("lamp") == SICK).sort("time")["capacity"]
    assert capacity[3] / capacity[0] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("model", "volts"), [("lfp-100", 3.3), ("nimh-85", 1.3), ("gel-80", 2.05)])
def test_a_shorted_cell_takes_its_voltage_from_the_pack(model: str, volts: float) -> None:
    samples, _, _ = live("battery_weak_cell", since="+2d13h", mode="short", model=model)
    begin = samples["true_time"].min()
    at = [begin + timedelta(hours=h) for h in (60, 62)]
    pack = samples.filter((pl.col("lamp") == SICK) & pl.col("true_time").is_in(at)).sort("true_time")["bat_mv"]
    assert (pack[0] - pack[1]) / 1000 == pytest.approx(volts, abs=0.35)


def test_a_cell_of_high_resistance_sags_at_dusk() -> None:
    samples, _, _ = live("battery_weak_cell", mode="resistance", severity=8.0)
    dusk = pl.col("true_time").dt.hour() == 20
    sick, well = (after(samples, lamp, 60).filter(dusk)["bat_mv"].mean() for lamp in (SICK, WELL))
    assert sick < well - 400


def test_a_lost_battery_ends_each_day_and_starts_at_each_sunrise() -> None:
    samples, events, truth = live("battery_lost")
    gone = after(samples, hours=58)
    assert gone.filter(pl.col("true_time").dt.hour().is_in([0, 1, 2, 3, 22, 23])).is_empty()
    restarts = events.filter((pl.col("lamp") == SICK) & (pl.col("event") == "restart"))
    assert restarts["true_time"].dt.date().n_unique() == NIGHTS - 2
    assert restarts["true_time"].dt.hour().is_in([6, 7, 8]).all()
    assert gone["boot"].n_unique() == NIGHTS - 2
    assert gone["bat_ma"].abs().max() == 0
    assert gone["bat_mv"].std() > 200  # nothing steadies it
    assert verdicts(truth)[3:] == ["dark"] * (NIGHTS - 3)


def test_a_charger_stuck_open_idles_its_panel_by_day_and_one_that_overcharges_passes_its_limit() -> None:
    off, _, _ = live("charger_stuck", mode="off")
    noon = after(off, hours=60).filter(NOON)
    assert noon["pv_ma"].max() == 0
    assert noon["pv_mv"].min() > 18_000
    over, _, _ = live("charger_stuck", mode="over", severity=1.0)
    assert after(over, hours=60)["bat_mv"].max() > 15_000
    assert after(over, WELL, hours=60)["bat_mv"].max() < 14_450


def test_hot_is_above_55_degrees_by_day_with_a_sensor_that_tells_the_truth() -> None:
    what = scenario(mishap("hot", "+1d", severity=24.0), nights=4, start="2026-04-10")
    samples, _, _ = lived(village(2), what)
    assert after(samples, hours=25)["bat_dc"].max() > 550
    assert after(samples, WELL)["bat_dc"].max() < 550


@pytest.mark.parametrize("mode", FLAWS["sensor_faulty"].modes)
def test_a_faulty_sensor_contradicts_physics_in_its_own_way(mode: str) -> None:
    severity = 1.0 if mode == "temperature_rail" else 0.4
    samples, _, truth = live("sensor_faulty", mode=mode, severity=severity)
    sick, well = after(samples, hours=60), after(samples, WELL, hours=60)
    assert verdicts(truth) == ["lit"] * NIGHTS  # only the measurement is wrong
    match mode:
        case "pv_frozen":
            assert sick["pv_ma"].n_unique() == 1
        case "bat_rail":
            assert sick["bat_mv"].max() == 0
        case "temperature_rail":
            assert sick["bat_dc"].unique().to_list() == [-1270]
        case "led_gain":
            assert sick["led_mw"].sum() / well["led_mw"].sum() == pytest.approx(0.6, abs=0.01)
        case "current_gain":
            assert sick["bat_ma"].abs().sum() / well["bat_ma"].abs().sum() == pytest.approx(0.6, abs=0.02)
        case "soc_jumps":
            assert sick["soc"].diff().abs().mean() > 3 * well["soc"].diff().abs().mean()


def test_a_wrong_clock_shifts_the_samples_time_and_nothing_else() -> None:
    samples, _, truth = live("clock_wrong", severity=90.0)
    ahead = after(samples, hours=58)
    assert ((ahead["time"] - ahead["true_time"]).dt.total_minutes() == 90).all()
    assert verdicts(truth) == ["lit"] * NIGHTS


def test_a_restart_loop_counts_its_boots_and_begins_its_seconds_anew() -> None:
    samples, events, _ = live("restart_loop", severity=24.0)
    sick = after(samples, hours=58)
    restarts = events.filter((pl.col("lamp") == SICK) & (pl.col("event") == "restart")).height
    assert 12 * 4 < restarts < 36 * 5
    assert sick["boot"].is_sorted()
    assert sick["boot"].n_unique() > 40
    assert sick["up"].max() < 86_400


def test_moved_is_told_once() -> None:
    for mode in ("tilt", "door_open"):
        _, events, _ = live("moved", mode=mode)
        assert events.filter(pl.col("event") == mode)["lamp"].to_list() == [SICK]


def test_a_tap_empties_the_battery_without_showing_in_the_light() -> None:
    samples, _, truth = live("dark_risk", severity=14.0)
    night = after(samples, hours=60).filter(NIGHT & (pl.col("led_mw") > 0))
    well = after(samples, WELL, hours=60).filter(NIGHT)
    extra = well["bat_ma"].mean() - night["bat_ma"].mean()
    assert extra > 800  # 14 W at 13 V is 1.1 A
    assert night["led_mw"].max() == pytest.approx(well["led_mw"].max(), rel=0.01)
    assert verdicts(truth)[2] == "lit"
    assert set(verdicts(truth)[4:]) != {"lit"}


def test_silence_is_left_to_the_radio() -> None:
    samples, _, truth = live("silent")
    assert samples.filter(pl.col("lamp") == SICK).height == samples.filter(pl.col("lamp") == WELL).height
    assert verdicts(truth) == ["lit"] * NIGHTS


def test_after_the_repair_a_lamp_serves_again() -> None:
    for kind in ("dark", "panel_lost", "battery_lost", "battery_weak_cell"):
        more = {"mode": "short"} if kind == "battery_weak_cell" else {}
        what = scenario(mishap(kind, "+1d20h", "+5d21h", **more), nights=14)
        _, _, truth = lived(village(2), what)
        assert verdicts(truth)[-2:] == ["lit", "lit"], kind
        assert "dark" in verdicts(truth), kind


def test_a_lamp_taken_off_its_battery_relearns_and_switches_at_odd_hours_for_five_days() -> None:
    flat = '\n[[flat]]\nlamp = "fatoma-02"\nat = "+1d22h"\n'
    samples, events, truth = lived(village(2), scenario(flat, nights=12))
    assert events["event"].to_list() == ["restart"]
    relearning = truth.nights.filter(pl.col("lamp") == SICK).sort("time")["relearning"].to_list()
    assert relearning == [False] * 2 + [True] * 5 + [False] * 5
    on = samples.filter(NIGHT).group_by("lamp", pl.col("true_time").dt.offset_by("-12h").dt.date()).len()
    nights = {lamp: on.filter(pl.col("lamp") == lamp).sort("true_time")["len"].to_list() for lamp in (SICK, WELL)}
    assert nights[SICK][2:5] != nights[WELL][2:5]
    assert nights[SICK][9:] == nights[WELL][9:]


def test_motion_and_saving_change_the_level_and_not_the_target() -> None:
    habits = ALIKE.replace("motion = 0", "motion = 1")
    samples, _, _ = lived(village(2), scenario(nights=3, habits=habits))
    boosted = samples.filter((pl.col("target") == 30) & (pl.col("level") == 100))
    assert boosted.height > 3
    assert boosted["led_mw"].min() > 25_000
    habits = ALIKE.replace("saving = 0", "saving = 1")
    what = scenario(mishap("panel_lost", "+1d"), nights=4, habits=habits)
    samples, _, _ = lived(village(2), what)
    saved = samples.filter((pl.col("target") == 100) & (pl.col("level") == 50))
    assert saved.height > 3
    assert saved["soc"].max() <= 31
