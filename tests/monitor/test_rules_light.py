"""What a passer-by sees: dark, goes out early, flickers, dim, burns by day; and what looks like it and is not."""

import polars as pl
import pytest

from monitor.fault import Kind
from tests.monitor.samples import (
    LAMP,
    D,
    H,
    M,
    all_kinds,
    between,
    dusk,
    found,
    spoilt,
    village_days,
)

CALM = village_days(5)
UNLIT = {"led_mw": 0, "level": 0}
SECOND_NIGHT = between(dusk(1) - H, dusk(2) - H)
LIGHT = (Kind.DARK, Kind.EARLY_OFF, Kind.FLICKER, Kind.DIM, Kind.DAY_BURNING)


@pytest.mark.parametrize("kind", LIGHT)
def test_a_healthy_village_has_none(kind: Kind) -> None:
    assert found(kind, CALM) == []


class TestDark:
    def test_commanded_and_without_light_it_is_a_case_until_the_first_light(self) -> None:
        (case,) = found(Kind.DARK, spoilt(CALM, between(dusk(1) - H, dusk(3) - H), **UNLIT))
        assert abs(case.since - dusk(1)) < H
        assert case.until is not None
        assert abs(case.until - dusk(3)) < H
        assert case.causes[0].cause == "driver"
        assert sum(cause.likelihood for cause in case.causes) == pytest.approx(1.0, abs=0.01)
        assert {figure.name for figure in case.figures} >= {"battery_v", "led_w"}

    def test_light_in_the_same_night_closes_it(self) -> None:
        (case,) = found(Kind.DARK, spoilt(CALM, between(dusk(1) - H, dusk(1) + 3 * H), **UNLIT))
        assert case.until is not None
        assert abs(case.until - dusk(1) - 3 * H) < H
        assert case.closed_at is not None
        assert case.closed_at < dusk(2) - H

    def test_a_cut_off_is_not_dark(self) -> None:
        """Unlit because the battery is empty: another case."""
        assert found(Kind.DARK, spoilt(CALM, SECOND_NIGHT, bat_mv=10_900, **UNLIT)) == []

    def test_a_silent_lamp_is_not_dark(self) -> None:
        assert found(Kind.DARK, CALM.filter(~SECOND_NIGHT)) == []

    def test_a_lamp_that_is_told_to_be_off_is_not_dark(self) -> None:
        assert found(Kind.DARK, spoilt(CALM, SECOND_NIGHT, target=0, **UNLIT)) == []

    def test_readings_that_are_missing_are_not_dark(self) -> None:
        assert found(Kind.DARK, spoilt(CALM, SECOND_NIGHT, led_mw=None)) == []


class TestEarlyOff:
    CUT = spoilt(CALM, between(dusk(1) + 5 * H, dusk(2) - 6 * H), bat_mv=10_900, bat_ma=-30, **UNLIT)

    def test_lit_then_cut_off_is_a_case_until_a_whole_night(self) -> None:
        (case,) = found(Kind.EARLY_OFF, self.CUT)
        assert abs(case.since - dusk(1) - 5 * H) < H
        assert case.until is not None
        assert abs(case.until - dusk(2)) < H
        assert case.closed_at is not None
        assert case.closed_at > dusk(2) + 11 * H  # when the night was over, not before
        assert "battery_v" in {figure.name for figure in case.figures}

    def test_the_small_hours_of_a_good_night_do_not_close_it(self) -> None:
        """Told sample by sample: lit so far, and the last quarter of an hour to come."""
        live = self.CUT.with_columns(sent="time")
        (case,) = found(Kind.EARLY_OFF, live.filter(pl.col("time") < dusk(2) + 11.75 * H))
        assert case.until is None
        (case,) = found(Kind.EARLY_OFF, live.filter(pl.col("time") < dusk(2) + 13 * H))
        assert case.until is not None

    def test_gone_on_two_nights_with_a_good_battery_is_one_too(self) -> None:
        """A controller that switches off by its own clock."""
        off = between(dusk(1) + 4 * H, dusk(2) - H) | between(dusk(2) + 4 * H, dusk(3) - H)
        (case,) = found(Kind.EARLY_OFF, spoilt(CALM, off, **UNLIT))
        assert case.causes[0].cause == "profile"

    def test_gone_once_may_be_a_driver_that_died(self) -> None:
        assert found(Kind.EARLY_OFF, spoilt(CALM, between(dusk(1) + 4 * H, dusk(2) - H), **UNLIT)) == []

    def test_a_lamp_that_relearns_its_dusk_is_not_early(self) -> None:
        """Commanded at odd hours for some days, and lit as commanded."""
        late = between(dusk(1) - H, dusk(1) + 2 * H) | between(dusk(1) + 10 * H, dusk(2) - H)
        assert found(Kind.EARLY_OFF, spoilt(CALM, late, target=0, **UNLIT)) == []

    def test_a_gap_in_the_reports_is_not_early(self) -> None:
        assert found(Kind.EARLY_OFF, CALM.filter(~between(dusk(1) + 4 * H, dusk(2) - 8 * H))) == []


class TestFlicker:
    def blinking(self, hours: int) -> pl.DataFrame:
        """Off for three quarters of each of so many hours."""
        where = between(dusk(1) + H, dusk(1) + (1 + hours) * H) & (pl.col("time").dt.minute() >= 15)
        return spoilt(CALM, where, **UNLIT)

    def test_many_switchings_in_a_night_are_a_case_until_a_steady_one(self) -> None:
        (case,) = found(Kind.FLICKER, self.blinking(5))
        assert abs(case.since - dusk(1)) < H
        assert case.until is not None
        assert abs(case.until - dusk(2)) < H

    def test_going_off_and_on_once_is_not(self) -> None:
        once = between(dusk(1) + 2 * H, dusk(1) + 3 * H)
        assert found(Kind.FLICKER, spoilt(CALM, once, **UNLIT)) == []

    def test_a_cut_off_that_reconnects_is_early_off(self) -> None:
        """An empty battery recovers, lights, and is cut off again."""
        where = between(dusk(1) + H, dusk(1) + 7 * H) & (pl.col("time").dt.minute() >= 15)
        empty = spoilt(CALM, where, bat_mv=10_900, **UNLIT)
        assert found(Kind.FLICKER, empty) == []
        assert len(found(Kind.EARLY_OFF, empty)) == 1

    def test_a_motion_boost_is_not(self) -> None:
        """Brighter for a quarter of an hour whenever somebody passes: the level switches, not the light."""
        passing = between(dusk(1) + 6 * H, dusk(1) + 10 * H) & (pl.col("time").dt.minute() == 30)
        assert found(Kind.FLICKER, spoilt(CALM, passing, level=100, led_mw=30_000)) == []
        assert found(Kind.DIM, spoilt(CALM, passing, level=100, led_mw=30_000)) == []


class TestDim:
    LONG = village_days(12)
    since = dusk(8) - H

    def dimmed(self, where: pl.Expr, left: float) -> pl.DataFrame:
        """Less light takes less from the battery."""
        night = where & (pl.col("led_mw") > 0)
        return spoilt(self.LONG, night, led_mw=pl.col("led_mw") * left, bat_ma=pl.col("bat_ma") * left)

    def test_a_broken_string_of_three_is_a_case_on_the_second_night(self) -> None:
        where = (pl.col("lamp") == LAMP) & (pl.col("time") > self.since)
        (case,) = found(Kind.DIM, self.dimmed(where, 0.667))
        assert abs(case.since - dusk(8)) < H
        assert case.opened_at > dusk(9)
        assert case.until is None

    def test_a_replaced_luminaire_closes_it(self) -> None:
        where = between(self.since, dusk(10) - H)
        (case,) = found(Kind.DIM, self.dimmed(where, 0.5))
        assert case.until is not None
        assert abs(case.until - dusk(10)) < H

    def test_a_sensor_that_reads_half_is_not(self) -> None:
        """The battery gives as much as ever."""
        lying = spoilt(self.LONG, between(self.since, dusk(99)), led_mw=pl.col("led_mw") * 0.5)
        assert found(Kind.DIM, lying) == []
        (case,) = found(Kind.SENSOR_FAULTY, lying)
        assert {figure.name: figure.value for figure in case.figures}["channel"] == "led_mw"

    def test_automatic_saving_is_not(self) -> None:
        """At a low charge lamps dim themselves, and say so: the level in effect is what counts."""
        where = (pl.col("lamp") == LAMP) & (pl.col("time") > self.since) & (pl.col("level") == 100)
        saving = spoilt(self.LONG, where, level=60, led_mw=18_000)
        assert found(Kind.DIM, saving) == []

    def test_a_lamp_that_always_took_less_is_not(self) -> None:
        """Drivers and nameplates differ: a lamp is compared with its own first weeks."""
        assert found(Kind.DIM, spoilt(self.LONG, pl.col("lamp") == LAMP, led_mw=pl.col("led_mw") * 0.75)) == []

    def test_a_dark_lamp_is_not_dim(self) -> None:
        assert found(Kind.DIM, spoilt(CALM, between(dusk(1) - H, dusk(4)), **UNLIT)) == []


class TestDayBurning:
    NOON = dusk(1) + 17 * H

    def test_lit_for_hours_under_the_sun_is_a_case_until_an_unlit_day(self) -> None:
        by_day = between(dusk(1) - H, dusk(2) - H)
        (case,) = found(Kind.DAY_BURNING, spoilt(CALM, by_day, led_mw=30_000, level=100))
        assert case.until is not None
        assert case.since < self.NOON < case.until

    def test_a_storm_at_dusk_is_not(self) -> None:
        """Dark clouds light the lamps an hour early."""
        storm = spoilt(CALM, between(dusk(1) - 75 * M, dusk(1)), led_mw=30_000, level=100, target=100)
        assert found(Kind.DAY_BURNING, storm) == []

    def test_a_lamp_with_a_wrong_clock_is_told_as_that_alone(self) -> None:
        """By its own clock it burns in the afternoon; its panel says that it is night."""
        wrong = pl.when(pl.col("lamp") == LAMP).then(pl.duration(hours=5)).otherwise(pl.duration(hours=0))
        shifted = CALM.with_columns(pl.col("time") - wrong, pl.col("sent") - wrong)
        assert Kind.DAY_BURNING not in all_kinds(shifted)
        assert Kind.CLOCK_WRONG in all_kinds(shifted)

    def test_one_lit_sample_is_not(self) -> None:
        assert found(Kind.DAY_BURNING, spoilt(CALM, between(self.NOON, self.NOON + 30 * M), led_mw=30_000)) == []


def test_a_night_off_by_command_of_a_feast_hurts_nobody() -> None:
    """Everybody's profile changes for a week: brighter for longer, then dark by order."""
    week = pl.col("time").is_between(pl.lit(dusk(1) - H), pl.lit(dusk(1) + 2 * D))
    feast = spoilt(CALM, week & (pl.col("target") == 30), target=60, level=60, led_mw=18_000)
    for kind in LIGHT:
        assert found(kind, feast) == [], kind
