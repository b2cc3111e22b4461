"""Panels lost, dirty and weakened, the neighbours as the measure of the sun; and the sky that is nobody's fault."""

import numpy as np
import polars as pl
import pytest

from monitor.fault import Episode, Kind
from tests.monitor.samples import LAMP, LAMPS, D, H, all_kinds, between, date, dusk, found, spoilt, village_days

CALM = village_days(5)
LONG = village_days(45, LAMPS)
DEAD = {"pv_ma": 0, "pv_mv": 300}
NOON = date(2) + 12 * H
AFTER = (pl.col("lamp") == LAMP) & (pl.col("time") >= date(25))
PANEL = (Kind.PANEL_LOST, Kind.PANEL_PARTIAL, Kind.PANEL_SOILED)
EVERY_DAY = (pl.col("time") - pl.lit(date(0))).dt.total_seconds() / 86_400


@pytest.mark.parametrize("kind", PANEL)
def test_a_healthy_village_has_none(kind: Kind) -> None:
    assert found(kind, LONG) == []


class TestPanelLost:
    def test_no_current_under_the_sun_is_a_case_until_the_first_charging_hour(self) -> None:
        gone = spoilt(CALM, between(NOON, NOON + 2 * D), **DEAD)
        (case,) = found(Kind.PANEL_LOST, gone)
        assert case.since - NOON < H
        assert case.until is not None
        assert abs(case.until - NOON - 2 * D) < H
        assert case.closed_at is not None
        assert case.closed_at < case.until + 7 * H
        assert case.estimate == 1.0
        assert {figure.name for figure in case.figures} >= {"pv_a", "peers_charge_w"}

    def test_stolen_in_the_night_it_is_known_in_the_morning(self) -> None:
        (case,) = found(Kind.PANEL_LOST, spoilt(CALM, between(dusk(1), NOON + 9 * D), **DEAD))
        assert date(2) + 7 * H < case.since < date(2) + 9 * H
        assert case.opened_at <= date(2) + 18 * H

    def test_night_is_not(self) -> None:
        assert found(Kind.PANEL_LOST, spoilt(CALM, between(dusk(1), dusk(1) + 12 * H), **DEAD)) == []

    def test_a_storm_over_everybody_is_not(self) -> None:
        storm = pl.col("time").is_between(pl.lit(date(2) + 6 * H), pl.lit(date(2) + 19 * H))
        assert found(Kind.PANEL_LOST, spoilt(CALM, storm, pv_ma=0, pv_mv=2_000)) == []

    def test_a_full_battery_is_not(self) -> None:
        """The charger takes nothing more, and the panel stands at its open voltage."""
        full = between(date(2) + 6 * H, date(2) + 18 * H)
        assert found(Kind.PANEL_LOST, spoilt(CALM, full, pv_ma=0, pv_mv=21_500, bat_mv=14_300)) == []

    def test_a_wrong_clock_is_told_as_that(self) -> None:
        """By its own clock the sun was up and its panel gave nothing."""
        wrong = pl.when(pl.col("lamp") == LAMP).then(pl.duration(hours=6)).otherwise(pl.duration(hours=0))
        shifted = CALM.with_columns(pl.col("time") + wrong, pl.col("sent") + wrong)
        assert Kind.PANEL_LOST not in all_kinds(shifted)

    def test_silence_is_not(self) -> None:
        assert found(Kind.PANEL_LOST, CALM.filter(~between(date(2), date(3)))) == []

    def test_readings_that_are_missing_are_not(self) -> None:
        assert found(Kind.PANEL_LOST, spoilt(CALM, between(date(2), date(3)), pv_ma=None, pv_mv=None)) == []


def weaker(where: pl.Expr, left: pl.Expr | float, samples: pl.DataFrame = LONG) -> pl.DataFrame:
    """So much of the panel's power is left, and as much less goes into the battery."""
    lost_ma = pl.col("pv_ma") * (1.0 - left) * pl.col("pv_mv") / pl.col("bat_mv")
    sunlit = where & (pl.col("pv_ma") > 0)
    return spoilt(samples, sunlit, pv_ma=pl.col("pv_ma") * left, bat_ma=pl.col("bat_ma") - lost_ma)


class TestPanelPartial:
    def test_a_step_is_a_case_until_the_panel_is_as_before(self) -> None:
        (case,) = found(Kind.PANEL_PARTIAL, weaker(between(date(25), date(33)), 0.6))
        assert date(24) <= case.since <= date(27)
        assert case.opened_at < date(29)
        assert case.until is not None
        assert date(33) <= case.until <= date(37)
        assert case.estimate == pytest.approx(0.4, abs=0.08)

    def test_a_step_of_the_whole_commune_is_the_sky(self) -> None:
        everybody = pl.col("time") >= date(25)
        for kind in (Kind.PANEL_PARTIAL, Kind.PANEL_SOILED):
            assert found(kind, weaker(everybody, 0.7)) == []

    def test_a_full_battery_that_curtails_its_panel_is_not(self) -> None:
        """From ten o'clock on it is full: less power, and nothing wrong."""
        early = AFTER & (pl.col("time").dt.hour() >= 10) & (pl.col("time").dt.hour() < 18)
        full = spoilt(LONG, early, pv_ma=pl.col("pv_ma") * 0.15, pv_mv=20_500, bat_mv=14_300, soc=99)
        for kind in (Kind.PANEL_PARTIAL, Kind.PANEL_SOILED):
            assert found(kind, full) == []

    def test_a_lamp_that_always_gave_less_is_not(self) -> None:
        """Another tilt, an older panel: each lamp is compared with its own usual gain."""
        for kind in PANEL:
            assert found(kind, weaker(pl.col("lamp") == LAMP, 0.7)) == []

    def test_the_tree_that_always_shaded_it_in_the_morning_is_not(self) -> None:
        tree = (pl.col("lamp") == LAMP) & (pl.col("time").dt.hour() < 9)
        for kind in PANEL:
            assert found(kind, weaker(tree, 0.4)) == []

    def test_a_new_shade_over_the_last_hours_before_the_battery_is_full_is_a_case(self) -> None:
        wall = between(date(25), date(35)) & (pl.col("time").dt.hour() >= 12)
        (case,) = found(Kind.PANEL_PARTIAL, weaker(wall, 0.4))
        assert case.causes[0].cause == "shade"
        assert date(24) <= case.since < case.opened_at < date(31)
        assert case.until is not None
        assert date(35) <= case.until <= date(40)

    def test_a_new_shade_that_shows_on_every_third_day_alone_is_one(self) -> None:
        """On the other days the battery is full before."""
        afternoon = (pl.col("lamp") == LAMP) & (pl.col("time").dt.hour() >= 11) & (pl.col("time").dt.hour() < 18)
        sunny = afternoon & (pl.col("time").dt.ordinal_day() % 3 > 0)
        full = spoilt(LONG, sunny, pv_ma=pl.col("pv_ma") * 0.15, pv_mv=20_500, bat_mv=14_300, soc=99)
        (case,) = found(Kind.PANEL_PARTIAL, weaker(AFTER & afternoon, 0.3, full))
        assert case.causes[0].cause == "shade"

    def test_the_day_s_first_hour_alone_proves_nothing(self) -> None:
        """The battery is full by eight, and with the season the sun comes over the roof later."""
        minute = pl.col("time").dt.hour().cast(pl.Int32) * 60 + pl.col("time").dt.minute()
        late = (pl.col("lamp") == LAMP) & minute.is_between(8 * 60 + 15, 18 * 60)
        full = spoilt(LONG, late, pv_ma=pl.col("pv_ma") * 0.15, pv_mv=20_500, bat_mv=14_300, soc=99)
        for kind in (Kind.PANEL_PARTIAL, Kind.PANEL_SOILED):
            assert found(kind, weaker(AFTER & ~late, 0.6, full)) == []

    def test_a_shade_that_went_away_before_anybody_knew_is_not(self) -> None:
        wall = between(date(0), date(20)) & (pl.col("time").dt.hour() >= 10)
        assert found(Kind.PANEL_PARTIAL, weaker(wall, 0.4)) == []

    def test_one_bad_day_is_not(self) -> None:
        """Bird dirt, washed by the next morning's dew; somebody's laundry."""
        assert found(Kind.PANEL_PARTIAL, weaker(between(date(25), date(26)), 0.6)) == []


class TestPanelSoiled:
    def dirtier(self, per_day: float, washed: int = 45) -> pl.DataFrame:
        days = (EVERY_DAY - 20.0).clip(0.0, None)
        where = between(date(20), date(washed))
        return weaker(where, 1.0 - per_day * days)

    def case(self, samples: pl.DataFrame) -> Episode:
        (case,) = found(Kind.PANEL_SOILED, samples)
        return case

    def test_a_slow_loss_is_a_case_until_it_is_washed(self) -> None:
        case = self.case(self.dirtier(0.015, washed=38))
        assert case.since > date(25)
        assert case.until is not None
        assert date(37) <= case.until <= date(40)
        assert case.causes[0].cause == "dust"

    def test_its_loss_and_rate_are_estimated(self) -> None:
        case = self.case(self.dirtier(0.015))
        assert case.estimate == pytest.approx(0.015 * 24.5, abs=0.06)
        rate = next(figure.value for figure in case.figures if figure.name == "loss_pct_day")
        assert rate == pytest.approx(100 * 0.015 / (1 - 0.015 * 22), rel=0.5)

    def test_dust_over_the_whole_region_is_not(self) -> None:
        haze = 1.0 - 0.015 * (EVERY_DAY - 20.0).clip(0.0, None)
        for kind in PANEL:
            assert found(kind, weaker(pl.col("time") >= date(20), haze)) == []

    def test_a_little_dirt_is_not_worth_the_walk(self) -> None:
        assert found(Kind.PANEL_SOILED, self.dirtier(0.003)) == []

    def test_what_breaks_at_once_is_told_as_broken(self) -> None:
        broken = weaker(AFTER, 0.55)
        assert all_kinds(broken) & set(PANEL) == {Kind.PANEL_PARTIAL}

    def test_what_was_a_step_is_never_told_as_both(self) -> None:
        assert all_kinds(self.dirtier(0.012)) & set(PANEL) == {Kind.PANEL_SOILED}


def test_four_lamps_are_no_measure_of_the_sun() -> None:
    """A robust median needs five: with fewer the yield is not known, and nothing is said of it."""
    four = LONG.filter(pl.col("lamp").is_in(LAMPS[:4]))
    for kind in (Kind.PANEL_PARTIAL, Kind.PANEL_SOILED):
        assert found(kind, weaker(AFTER, 0.5, four)) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_noise_of_every_sensor_is_no_fault(seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = pl.Series(1.0 + 0.03 * rng.standard_normal(LONG.height))
    noisy = LONG.with_columns((pl.col("pv_ma") * noise).round().cast(pl.Int32))
    for kind in PANEL:
        assert found(kind, noisy) == []
