"""Batteries lost, worn, failing and hot, chargers stuck; and nights, clouds and sensors that look like it."""

import polars as pl
import pytest

from monitor.fault import Episode, Kind
from tests.monitor.samples import LAMP, D, H, M, all_kinds, between, date, dusk, found, spoilt, village_days

CALM = village_days(6)
LONG = village_days(48)
NEVER = date(99)
NIGHT = pl.col("target") > 0
# Hours since 18:15, the same for every night: batteries sink with them.
SUNK = ((pl.col("time").dt.hour() * 60 + pl.col("time").dt.minute() - 18 * 60 - 15) % 1440) / 60.0
BATTERY = (Kind.BATTERY_LOST, Kind.BATTERY_WORN, Kind.BATTERY_WEAK_CELL, Kind.CHARGER_STUCK, Kind.HOT)


@pytest.mark.parametrize("kind", BATTERY)
def test_a_healthy_village_has_none(kind: Kind) -> None:
    assert found(kind, LONG) == []


class TestBatteryLost:
    def lost(self, first: int, last: int) -> pl.DataFrame:
        """From dusk of the first night to the morning after the last: nothing at night, no current by day."""
        samples, boot = CALM, 1
        for n in range(first, last + 1):
            boot += 1
            wake = dusk(n) + 13 * H
            samples = samples.filter(~between(dusk(n) - H, wake))
            later = (pl.col("lamp") == LAMP) & (pl.col("time") >= wake)
            samples = spoilt(samples, later, boot=boot, up=(pl.col("sent") - wake).dt.total_seconds() + 300)
        day = between(dusk(first) + 13 * H, dusk(last) + 20 * H)
        return spoilt(samples, day, bat_ma=0, bat_mv=pl.col("pv_mv") * 0.7)

    def test_no_power_at_night_and_no_current_by_day_is_a_case(self) -> None:
        (case,) = found(Kind.BATTERY_LOST, self.lost(1, 3))
        assert abs(case.since - dusk(1)) < 2 * H
        assert case.opened_at < date(3)
        assert case.until is not None
        assert date(5) <= case.until < date(6)
        assert case.causes[0].cause == "theft"
        assert "unpowered_min" in {figure.name for figure in case.figures}

    def test_it_hides_what_follows_from_it(self) -> None:
        assert all_kinds(self.lost(1, 3)) - {Kind.DARK_RISK} == {Kind.BATTERY_LOST}

    def test_a_night_without_network_is_not(self) -> None:
        assert found(Kind.BATTERY_LOST, CALM.filter(~between(dusk(1) - H, dusk(1) + 13 * H))) == []

    def test_a_controller_that_crashed_at_night_is_not(self) -> None:
        """It starts anew in the morning, and the battery charges as ever."""
        wake = dusk(1) + 13 * H
        later = (pl.col("lamp") == LAMP) & (pl.col("time") >= wake)
        crashed = spoilt(CALM.filter(~between(dusk(1) - H, wake)), later, boot=2, up=600)
        assert found(Kind.BATTERY_LOST, crashed) == []

    def test_a_full_battery_at_rest_is_not(self) -> None:
        """A dark lamp with a full battery: no current by day, but power at night."""
        day = (pl.col("lamp") == LAMP) & ~NIGHT
        assert found(Kind.BATTERY_LOST, spoilt(CALM, day, bat_ma=0)) == []


class TestBatteryWorn:
    def sinking(self, where: pl.Expr, more_v: float) -> pl.DataFrame:
        """At dawn so much lower than it used to be, after the same Ah."""
        return spoilt(LONG, where & NIGHT, bat_mv=pl.col("bat_mv") - 1000 * more_v * SUNK / 12.0)

    def test_deeper_nights_from_a_full_charge_are_a_case(self) -> None:
        (case,) = found(Kind.BATTERY_WORN, self.sinking(between(date(24), NEVER), 0.25))
        assert date(23) <= case.since <= date(30)
        assert case.opened_at > case.since + 5 * D  # slow: a week of nights
        assert case.estimate is not None
        assert 0.2 < case.estimate < 0.72
        assert {"capacity_pct", "capacity_ah", "drawn_ah"} <= {figure.name for figure in case.figures}

    def test_a_new_battery_closes_it(self) -> None:
        (case,) = found(Kind.BATTERY_WORN, self.sinking(between(date(24), date(38)), 0.25))
        assert case.until is not None
        assert case.until >= date(37)

    def test_long_nights_that_sink_every_battery_are_not(self) -> None:
        assert found(Kind.BATTERY_WORN, self.sinking(pl.col("time") >= date(24), 0.25)) == []

    def test_a_cloudy_spell_is_not(self) -> None:
        """Never full for ten days: deeper nights prove nothing of the capacity."""
        spell = pl.col("time").is_between(pl.lit(date(24)), pl.lit(date(36)))
        dull = spoilt(LONG, spell & ~NIGHT, bat_mv=pl.col("bat_mv").clip(upper_bound=13_500), soc=70)
        lamp = spell & NIGHT & (pl.col("lamp") == LAMP)
        deep = spoilt(dull, lamp, bat_mv=pl.col("bat_mv") - 250 * SUNK / 12.0)
        assert found(Kind.BATTERY_WORN, deep) == []

    def test_what_the_controller_believes_of_its_charge_is_not(self) -> None:
        """State of charge snaps and sticks on real controllers: never judged by."""
        odd = between(date(18), NEVER)
        assert found(Kind.BATTERY_WORN, spoilt(LONG, odd, soc=0)) == []
        assert found(Kind.BATTERY_WEAK_CELL, spoilt(LONG, odd, soc=0)) == []

    def test_a_few_deep_nights_are_not(self) -> None:
        assert found(Kind.BATTERY_WORN, self.sinking(between(date(24), date(27)), 0.25)) == []


class TestWeakCell:
    SHORT = between(date(18) + 12 * H, NEVER)

    def test_a_step_of_a_whole_cell_is_a_case_on_the_second_night(self) -> None:
        (case,) = found(Kind.BATTERY_WEAK_CELL, spoilt(LONG, self.SHORT & NIGHT, bat_mv=pl.col("bat_mv") - 3_300))
        assert abs(case.since - dusk(18)) < H
        assert dusk(19) < case.opened_at < date(21)
        assert case.causes[0].cause == "cell"

    def test_a_cold_dawn_is_not(self) -> None:
        cold = spoilt(LONG, pl.col("time") >= date(18), bat_dc=80)
        cold = spoilt(cold, NIGHT & (SUNK > 9), bat_mv=pl.col("bat_mv") - 120)
        assert found(Kind.BATTERY_WEAK_CELL, cold) == []

    def test_one_odd_night_is_not(self) -> None:
        once = between(dusk(18) - H, dusk(19) - H)
        assert found(Kind.BATTERY_WEAK_CELL, spoilt(LONG, once & NIGHT, bat_mv=pl.col("bat_mv") - 3_300)) == []

    def test_it_is_told_as_a_cell_and_not_as_wear(self) -> None:
        short = spoilt(LONG, self.SHORT & NIGHT, bat_mv=pl.col("bat_mv") - 3_300)
        assert Kind.BATTERY_WORN not in all_kinds(short)


class TestChargerStuck:
    DAY = between(date(2) + 6 * H, date(4) + 6 * H)

    def over(self) -> Episode:
        hot = (pl.col("bat_mv") > 14_000) & self.DAY
        (case,) = found(Kind.CHARGER_STUCK, spoilt(CALM, hot, bat_mv=15_200))
        return case

    def test_above_the_end_of_charge_is_a_case_until_a_normal_day(self) -> None:
        case = self.over()
        assert date(2) + 12 * H <= case.since <= date(2) + 15 * H
        assert case.until is not None
        assert date(4) <= case.until < date(5)

    def test_it_gives_the_limit_beside_the_voltage(self) -> None:
        (volts,) = (figure for figure in self.over().figures if figure.name == "battery_v")
        assert volts.value == pytest.approx(15.2, abs=0.01)
        assert volts.limit == pytest.approx(14.3)

    def test_sun_on_an_open_panel_and_an_empty_battery_is_a_case(self) -> None:
        stuck = self.DAY & ~NIGHT & (pl.col("pv_mv") > 3_000)
        hungry = spoilt(CALM, self.DAY & ~NIGHT, bat_ma=-30, bat_mv=12_900)
        (case,) = found(Kind.CHARGER_STUCK, spoilt(hungry, stuck, pv_ma=0, pv_mv=21_800))
        assert case.since < date(2) + 10 * H

    def test_a_full_battery_is_not(self) -> None:
        """Its panel stands at its open voltage as well."""
        full = self.DAY & ~NIGHT & (pl.col("pv_mv") > 3_000)
        assert found(Kind.CHARGER_STUCK, spoilt(CALM, full, pv_ma=0, pv_mv=21_800, bat_mv=14_280)) == []

    def test_a_battery_of_which_the_morning_is_not_known_is_not(self) -> None:
        """The report that told of its charge was lost: in the afternoon it rests, full, below its end of charge."""
        stuck = self.DAY & ~NIGHT & (pl.col("pv_mv") > 3_000)
        idle = spoilt(spoilt(CALM, self.DAY & ~NIGHT, bat_ma=-30, bat_mv=12_900), stuck, pv_ma=0, pv_mv=21_800)
        mornings = [between(date(n) + 6 * H, date(n) + 11 * H) for n in (2, 3, 4)]
        assert len(found(Kind.CHARGER_STUCK, idle)) == 1
        assert found(Kind.CHARGER_STUCK, idle.filter(~pl.any_horizontal(mornings))) == []

    def test_a_charger_that_ends_lower_in_the_heat_is_not(self) -> None:
        derated = spoilt(CALM, pl.col("bat_mv") > 13_900, bat_mv=13_900, bat_dc=480)
        assert found(Kind.CHARGER_STUCK, derated) == []

    def test_one_sample_above_the_limit_is_not(self) -> None:
        once = between(date(2) + 14 * H, date(2) + 14 * H + 15 * M)
        assert found(Kind.CHARGER_STUCK, spoilt(CALM, once, bat_mv=15_400)) == []

    def test_a_dead_panel_is_told_as_that(self) -> None:
        gone = between(date(2) + 6 * H, date(5)) & ~NIGHT
        kinds = all_kinds(spoilt(CALM, gone, pv_ma=0, pv_mv=200, bat_ma=-30, bat_mv=12_900))
        assert Kind.PANEL_LOST in kinds
        assert Kind.CHARGER_STUCK not in kinds


class TestHot:
    AFTERNOON = between(date(2) + 13 * H, date(2) + 16 * H)

    def test_three_hot_samples_are_a_case_until_two_cool_days(self) -> None:
        (case,) = found(Kind.HOT, spoilt(CALM, self.AFTERNOON, bat_dc=581))
        assert abs(case.since - date(2) - 13 * H) < H
        assert case.until is not None
        assert case.until >= date(3)
        (figure,) = (figure for figure in case.figures if figure.name == "temperature_c")
        assert figure.value == pytest.approx(58.1, abs=0.05)

    @pytest.mark.parametrize("broken", [850, -1270])
    def test_a_broken_sensor_is_not(self, broken: int) -> None:
        """85.0 and -127.0 are what such a sensor says when it cannot measure."""
        always = between(date(2), NEVER)
        assert found(Kind.HOT, spoilt(CALM, always, bat_dc=broken)) == []
        assert all_kinds(spoilt(CALM, always, bat_dc=broken)) == {Kind.SENSOR_FAULTY}

    def test_a_warm_day_is_not(self) -> None:
        assert found(Kind.HOT, spoilt(CALM, pl.col("bat_dc") > 0, bat_dc=520)) == []

    def test_a_lamp_without_the_sensor_is_not(self) -> None:
        assert found(Kind.HOT, spoilt(CALM, pl.lit(True), bat_dc=None)) == []
