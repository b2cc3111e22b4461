"""Weak sun over a commune, and lamps that will not last; against haze that fills batteries all the same."""

import polars as pl

from monitor.fault import NOTES, Kind
from tests.monitor.samples import FLEET, LAMP, D, H, all_kinds, between, date, found, spoilt, village_days

LONG = village_days(30)
COMMUNE = next(iter(FLEET.communes))
SPELL = pl.col("time").is_between(pl.lit(date(22) + 6 * H), pl.lit(date(26) + 6 * H), closed="left")


def dull(left: float, where: pl.Expr = SPELL, full: bool = False) -> pl.DataFrame:
    """So much of the sun is left; batteries get full, or stay below 13.5 V."""
    light = where & (pl.col("pv_ma") > 0)
    samples = spoilt(LONG, light, pv_ma=pl.col("pv_ma") * left, bat_ma=pl.col("bat_ma") * left, pv_mv=17_500)
    if full:
        return samples
    return spoilt(samples, light, bat_mv=pl.col("bat_mv").clip(upper_bound=13_500), soc=60)


class TestLowSun:
    def test_days_of_deep_cloud_are_one_note_of_the_commune(self) -> None:
        (note,) = found(Kind.LOW_SUN, dull(0.25))
        assert (note.commune, note.lamp) == (COMMUNE, None)
        assert date(22) <= note.since <= date(23) + 12 * H
        assert note.until is not None
        assert date(25) <= note.until <= date(27)
        assert {Kind.LOW_SUN} == NOTES

    def test_clear_days_are_none(self) -> None:
        assert found(Kind.LOW_SUN, LONG) == []

    def test_haze_that_fills_the_batteries_is_nobodys_concern(self) -> None:
        assert found(Kind.LOW_SUN, dull(0.5, full=True)) == []

    ONCE = pl.col("time").is_between(pl.lit(date(22) + 6 * H), pl.lit(date(23)), closed="left")

    def test_one_dull_day_is_none(self) -> None:
        assert found(Kind.LOW_SUN, dull(0.5, self.ONCE)) == []

    def test_two_in_a_row_are_a_note_on_the_second(self) -> None:
        twice = pl.col("time").is_between(pl.lit(date(22) + 6 * H), pl.lit(date(24)), closed="left")
        (note,) = found(Kind.LOW_SUN, dull(0.5, twice))
        assert date(23) <= note.opened_at <= date(24) + 12 * H

    def test_one_day_as_dark_as_two_is_a_note_at_once(self) -> None:
        (note,) = found(Kind.LOW_SUN, dull(0.2, self.ONCE))
        assert date(22) <= note.opened_at <= date(23) + 12 * H

    def test_one_lamp_in_the_dark_is_not_the_sky(self) -> None:
        assert found(Kind.LOW_SUN, dull(0.1, SPELL & (pl.col("lamp") == LAMP))) == []


class TestDarkRisk:
    STARVED = between(date(22) + 6 * H, date(99))

    def starved(self) -> pl.DataFrame:
        """A dead panel: every night takes 20 Ah of 60 and no day brings any."""
        day = self.STARVED & (pl.col("target") == 0)
        return spoilt(LONG, day, pv_ma=0, pv_mv=200, bat_ma=-30, bat_mv=12_900)

    def test_a_battery_that_nobody_fills_is_a_case_before_it_is_empty(self) -> None:
        cases = found(Kind.DARK_RISK, self.starved())
        assert [case.lamp for case in cases] == [LAMP]
        assert cases[0].opened_at <= date(22) + 3 * D
        figures = {figure.name: figure.value for figure in cases[0].figures}
        assert float(figures["autonomy_nights"]) < 3.5
        assert cases[0].causes[0].cause == "panel_lost"

    def test_full_batteries_are_none(self) -> None:
        assert found(Kind.DARK_RISK, LONG) == []

    def test_a_day_without_sun_is_none(self) -> None:
        once = pl.col("time").is_between(pl.lit(date(22) + 6 * H), pl.lit(date(23)), closed="left")
        assert found(Kind.DARK_RISK, dull(0.6, once)) == []

    def test_what_the_sky_does_to_everybody_is_no_lamps_fault(self) -> None:
        assert Kind.DARK_RISK not in all_kinds(dull(0.15))

    def test_days_that_nobody_heard_bring_no_risk(self) -> None:
        silent = between(date(22) + 6 * H, date(25))
        assert found(Kind.DARK_RISK, LONG.filter(~silent)) == []
