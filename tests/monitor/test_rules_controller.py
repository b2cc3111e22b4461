"""Wrong clocks, faulty sensors, restarts, moved poles; and backlogs, full batteries and repairs that look like it."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from gateway.store import EVENTS, QUARANTINE
from monitor.fault import Kind
from tests.monitor.samples import LAMP, D, H, all_kinds, between, date, dusk, found, spoilt, village_days

CALM = village_days(6)
LONG = village_days(26)
AFTER = between(date(20), date(99))
CONTROLLER = (Kind.CLOCK_WRONG, Kind.RESTART_LOOP, Kind.SENSOR_FAULTY, Kind.MOVED)


def events(*told: tuple[datetime, str], late: timedelta = timedelta(0)) -> pl.DataFrame:
    rows = [("fatoma", LAMP, event, at, at + late) for at, event in told]
    return pl.DataFrame(rows, schema=dict(EVENTS.schema), orient="row")


def refused(*times: datetime, reason: str = "clock: says 2000-01-01, before 2015") -> pl.DataFrame:
    rows = [("fatoma", LAMP, at, "", reason, 10, "") for at in times]
    return pl.DataFrame(rows, schema=dict(QUARANTINE.schema), orient="row")


@pytest.mark.parametrize("kind", CONTROLLER)
def test_a_healthy_village_has_none(kind: Kind) -> None:
    assert found(kind, LONG) == []


class TestClockWrong:
    def off(self, minutes: int, samples: pl.DataFrame = LONG, where: pl.Expr = AFTER) -> pl.DataFrame:
        """The lamp's clock is so far ahead: noon by it comes early."""
        ahead = pl.when(where).then(pl.duration(minutes=minutes)).otherwise(pl.duration(minutes=0))
        return samples.with_columns(pl.col("time") + ahead, pl.col("sent") + ahead)

    @pytest.mark.parametrize("minutes", [60, -45, 200])
    def test_the_panels_own_dusk_and_dawn_show_it(self, minutes: int) -> None:
        (case,) = found(Kind.CLOCK_WRONG, self.off(minutes))
        assert date(19) <= case.since <= date(22)
        (figure,) = (figure for figure in case.figures if figure.name == "offset_min")
        assert figure.value == pytest.approx(minutes, abs=12)

    def test_set_right_it_is_over(self) -> None:
        (case,) = found(Kind.CLOCK_WRONG, self.off(60, where=between(date(18), date(22))))
        assert case.until is not None
        assert date(21) <= case.until <= date(24)

    def test_a_report_from_another_year_is_a_case_though_it_was_refused(self) -> None:
        assert len(found(Kind.CLOCK_WRONG, CALM, refused=refused(date(3) + 9 * H))) == 1

    def test_a_report_refused_for_something_else_is_not(self) -> None:
        assert found(Kind.CLOCK_WRONG, CALM, refused=refused(date(3), reason="implausible pv_mv 999999")) == []

    def test_a_minute_is_not(self) -> None:
        assert found(Kind.CLOCK_WRONG, self.off(3)) == []

    def test_a_backlog_is_not(self) -> None:
        """Samples that come days late were taken when they say."""
        late = LONG.with_columns(
            pl.when(AFTER).then(pl.col("sent") + pl.duration(days=3)).otherwise("sent").alias("sent")
        )
        assert found(Kind.CLOCK_WRONG, late) == []

    def test_a_wall_to_the_east_is_not(self) -> None:
        """Its dawn comes half an hour late every day, from the first day on."""
        wall = (pl.col("lamp") == LAMP) & (pl.col("time").dt.hour() < 7)
        assert found(Kind.CLOCK_WRONG, spoilt(LONG, wall, pv_mv=0, pv_ma=0)) == []

    def test_a_lamp_nobody_heard_at_dusk_is_not(self) -> None:
        gap = between(dusk(21) - 2 * H, dusk(21) + 4 * H) | between(dusk(22) - 2 * H, dusk(22) + 4 * H)
        assert found(Kind.CLOCK_WRONG, LONG.filter(~gap)) == []


class TestRestartLoop:
    def starting(self, hours: float) -> pl.DataFrame:
        until = date(4)
        since = (pl.col("time") - pl.lit(date(2) + 8 * H)).dt.total_seconds() / 3600
        where = between(date(2) + 8 * H, until)
        last = (pl.col("lamp") == LAMP) & (pl.col("time") >= until)
        counted = spoilt(CALM, where, boot=1 + since / hours, up=600)
        return spoilt(counted, last, boot=1 + (until - date(2) - 8 * H) / H / hours)

    def test_many_starts_a_day_are_a_case_until_a_quiet_day(self) -> None:
        (case,) = found(Kind.RESTART_LOOP, self.starting(1.0))
        assert date(2) <= case.since < date(3)
        assert case.until is not None
        assert date(4) <= case.until <= date(5)

    def test_one_start_after_a_repair_is_not(self) -> None:
        later = (pl.col("lamp") == LAMP) & (pl.col("time") > date(3) + 10 * H)
        assert found(Kind.RESTART_LOOP, spoilt(CALM, later, boot=2, up=600)) == []

    def test_a_start_every_morning_is_not(self) -> None:
        assert found(Kind.RESTART_LOOP, self.starting(24.0)) == []


class TestSensorFaulty:
    @pytest.mark.parametrize("broken", [850, -1270])
    def test_a_temperature_at_its_rail_is_a_case_until_it_measures_again(self, broken: int) -> None:
        (case,) = found(Kind.SENSOR_FAULTY, spoilt(LONG, between(date(16), date(20)), bat_dc=broken))
        assert case.figures[0].value == "bat_dc"
        assert case.until is not None
        assert date(19) <= case.until <= date(22)

    def test_a_voltage_at_its_rail_is_a_case(self) -> None:
        (case,) = found(Kind.SENSOR_FAULTY, spoilt(LONG, AFTER, bat_mv=0))
        assert case.figures[0].value == "bat_mv"

    def test_a_frozen_channel_is_a_case(self) -> None:
        (case,) = found(Kind.SENSOR_FAULTY, spoilt(LONG, AFTER, bat_mv=13_210))
        assert case.figures[0].value == "bat_mv"

    def test_power_that_goes_in_and_does_not_come_out_is_a_case(self) -> None:
        """The battery's current reads half: neither the light nor the charge is accounted for."""
        (case,) = found(Kind.SENSOR_FAULTY, spoilt(LONG, AFTER, bat_ma=pl.col("bat_ma") / 2))
        assert case.until is None

    def test_zeros_of_a_panel_at_night_are_not(self) -> None:
        assert found(Kind.SENSOR_FAULTY, spoilt(LONG, pl.col("target") > 0, pv_ma=0, pv_mv=0)) == []

    def test_a_state_of_charge_that_snaps_is_not(self) -> None:
        jumping = AFTER & (pl.col("time").dt.hour() > 14)
        assert found(Kind.SENSOR_FAULTY, spoilt(LONG, jumping, soc=100)) == []
        assert found(Kind.SENSOR_FAULTY, spoilt(LONG, AFTER, soc=0)) == []

    def test_two_impossible_readings_of_a_loose_wire_are_not(self) -> None:
        twice = between(date(21) + 9 * H, date(21) + 9.5 * H)
        assert found(Kind.SENSOR_FAULTY, spoilt(LONG, twice, bat_mv=0)) == []

    def test_a_dark_lamp_with_a_full_battery_is_not(self) -> None:
        """The same trickle all day long is what rightly flows."""
        still = spoilt(LONG, AFTER, led_mw=0, level=0, pv_ma=20, bat_ma=-30)
        still = spoilt(still, AFTER, bat_mv=13_400)
        assert Kind.SENSOR_FAULTY not in all_kinds(still)

    def test_a_channel_that_is_not_there_is_not(self) -> None:
        assert found(Kind.SENSOR_FAULTY, spoilt(LONG, pl.lit(True), bat_dc=None, soc=None)) == []


class TestMoved:
    AT = date(2) + 3 * H

    @pytest.mark.parametrize(("event", "cause"), [("tilt", "theft"), ("door_open", "door")])
    def test_the_poles_own_word_is_a_case_until_a_quiet_day(self, event: str, cause: str) -> None:
        (case,) = found(Kind.MOVED, CALM, events=events((self.AT, event)))
        assert (case.since, case.closed_at) == (self.AT, self.AT + D)
        assert case.causes[0].cause == cause

    def test_several_within_a_day_are_one_case(self) -> None:
        told = [(self.AT + n * 5 * H, "tilt") for n in range(4)]
        (case,) = found(Kind.MOVED, CALM, events=events(*told))
        assert (case.since, case.closed_at) == (self.AT, self.AT + 15 * H + D)

    def test_it_stays_open_before_the_day_is_over(self) -> None:
        early = CALM.filter(pl.col("sent") < self.AT + 12 * H)
        (case,) = found(Kind.MOVED, early, events=events((self.AT, "tilt")))
        assert case.until is None

    def test_told_late_it_was_known_late_and_began_when_it_happened(self) -> None:
        (case,) = found(Kind.MOVED, CALM, events=events((self.AT, "tilt"), late=6 * H))
        assert (case.since, case.opened_at) == (self.AT, self.AT + 6 * H)

    @pytest.mark.parametrize("other", ["restart", "cutoff"])
    def test_other_events_are_not(self, other: str) -> None:
        assert found(Kind.MOVED, CALM, events=events((self.AT, other))) == []


def test_lamps_are_not_confused() -> None:
    """What is wrong with one lamp is said of no other."""
    sick = spoilt(LONG, AFTER, bat_dc=850)
    for kind in CONTROLLER:
        assert {case.lamp for case in found(kind, sick)} <= {LAMP}
